// data.js - what several pages read: which path, and which events make it old.
import { useGet } from './store.js';
import { url } from './api.js';

const SILENT = new Set(['progress', 'log', 'alert', 'updated']);
const ACTIVE = 'firing,acknowledged';
// Changes of counts, and of who has what.
const moves = e => !SILENT.has(e.event);

export const useStatus = () => useGet('/v1/status', { events: moves, every: 10000 });
export const useSkalds = () => useGet('/v1/skalds', { events: moves, every: 10000 });
export const useAlerts = (state = ACTIVE) => useGet(url('/v1/alerts', { state }), {
	events: e => e.event === 'alert', every: 30000 });
