// time.js - moments and spans that go on while they are looked at.
import { html, useEffect, useState } from '../lib.js';
import { signal, useSignal } from '../signal.js';
import { ago, fullTime, span, time } from '../format.js';

const second = signal(Date.now());
let users = 0, timer = 0;

// The time, once a second, for as long as somebody uses it.
export function useNow() {
	useEffect(() => {
		if (users++ === 0)
			timer = setInterval(() => document.hidden || second.set(Date.now()), 1000);
		return () => {
			if (--users === 0)
				clearInterval(timer);
		};
	}, []);
	useSignal(second);
	return Date.now();
}

export function Time({ ms }) {
	if (!ms)
		return '–';
	return html`<time dateTime=${new Date(ms).toISOString()} title=${fullTime(ms)}>${time(ms)}</time>`;
}

export function Ago({ ms }) {
	const now = useNow();
	if (!ms)
		return '–';
	return html`<time dateTime=${new Date(ms).toISOString()} title=${fullTime(ms)}>${ago(ms, now)}</time>`;
}

// From a moment until another, or until now.
export function Span({ from, to }) {
	const now = useNow();
	return from ? span((to || now) - from) : '–';
}

// A value that follows another with a pause: what is typed into a filter.
export function useLater(value, ms) {
	const [later, setLater] = useState(value);
	useEffect(() => {
		const timeout = setTimeout(() => setLater(value), ms);
		return () => clearTimeout(timeout);
	}, [value, ms]);
	return later;
}
