// lib.js - what the pages are written with: Preact, its hooks, and htm in JSX's place.
import { h, render, Fragment, Component, createContext, createPortal } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { h, render, Fragment, Component, createContext, createPortal };
export {
	useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext, useId,
	useErrorBoundary,
} from 'preact/hooks';
