// live.js - what happens, as it happens: GET /v1/stream, read with fetch so that the token goes in a
// header and never in a URL. One stream for the whole tab.
//
// A connection that is lost comes back after 1, 2, 4, 8, 16 s (with some chance in it, so that not all
// tabs come at once) and goes on after the last event that was seen; when the server does not remember
// that any more it sends "reset", and everything is read again. A hidden tab leaves its place to others:
// a browser opens six connections to a server.
import { request, ApiError } from './api.js';
import { signal } from './signal.js';
import { locked } from './session.js';

const SILENT_MS = 40000; // the server sends a comment every 15 s
const HIDDEN_MS = 30000;

// "connecting", "live", "lost", "paused"
export const state = signal('connecting');

const listeners = new Set();
let stopped = true, abort = null, lastId = '', failures = 0, timer = 0, watchdog = 0, hideTimer = 0;

// fn(event) for each event; an event {event: 'reset'} means: read everything again.
export function listen(fn) {
	listeners.add(fn);
	return () => listeners.delete(fn);
}

function tell(event) {
	for (const fn of [...listeners])
		fn(event);
}

function heard() {
	clearTimeout(watchdog);
	watchdog = setTimeout(() => abort && abort.abort(), SILENT_MS);
}

// One "field: value" line of an event stream into the event that is being collected.
function line(text, event) {
	const colon = text.indexOf(':');
	if (colon === 0)
		return;
	const name = colon < 0 ? text : text.slice(0, colon);
	const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
	if (name === 'data')
		event.data = event.data === undefined ? value : `${event.data}\n${value}`;
	else if (name === 'event' || name === 'id')
		event[name] = value;
}

function dispatch(event) {
	if (event.id !== undefined)
		lastId = event.id;
	if (event.event === 'reset') {
		tell({ event: 'reset' });
		return;
	}
	if (event.data === undefined)
		return;
	let parsed;
	try {
		parsed = JSON.parse(event.data);
	} catch {
		return; // no event of ours
	}
	tell(parsed.event === undefined ? { ...parsed, event: event.event } : parsed);
}

async function read(response) {
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '', event = {};
	for (;;) {
		const { done, value } = await reader.read();
		if (done)
			return;
		heard();
		const lines = (rest + value).split(/\r?\n/);
		rest = lines.pop();
		for (const text of lines) {
			if (text === '') {
				dispatch(event);
				event = {};
			} else {
				line(text, event);
			}
		}
	}
}

// What was seen while there was no connection is not known: whoever shows something reads it again.
function connected() {
	const again = failures > 0;
	failures = 0;
	state.set('live');
	heard();
	if (again && lastId === '')
		tell({ event: 'reset' });
}

async function connect() {
	abort = new AbortController();
	try {
		const headers = { Accept: 'text/event-stream' };
		if (lastId !== '')
			headers['Last-Event-ID'] = lastId;
		const response = await request('/v1/stream', { headers, signal: abort.signal });
		connected();
		await read(response);
	} catch (e) {
		if (e instanceof ApiError && e.status === 401) {
			stop(); // the login page is shown; whoever logs in starts it again
			return;
		}
	}
	clearTimeout(watchdog);
	again();
}

function again() {
	if (stopped)
		return;
	const wait = Math.min(1000 * 2 ** failures, 16000) * (0.75 + Math.random() / 4);
	failures++;
	state.set('lost');
	timer = setTimeout(connect, wait);
}

export function start() {
	if (!stopped)
		return;
	stopped = false;
	state.set('connecting');
	connect();
}

export function stop(why = 'paused') {
	stopped = true;
	clearTimeout(timer);
	clearTimeout(watchdog);
	if (abort !== null)
		abort.abort();
	state.set(why);
}

// Try at once, for the impatient.
export function retry() {
	if (stopped || state.get() !== 'lost')
		return;
	clearTimeout(timer);
	connect();
}

document.addEventListener('visibilitychange', () => {
	clearTimeout(hideTimer);
	if (document.hidden) {
		hideTimer = setTimeout(() => stop(), HIDDEN_MS);
	} else if (stopped && !locked.get()) {
		failures = 1; // what was missed is read again if the server does not remember it
		start();
	}
});
window.addEventListener('online', retry);
