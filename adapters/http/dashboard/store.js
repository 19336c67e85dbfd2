// store.js - what was read from the API, kept for whoever shows it, and read again when events concern it.
import { useEffect, useState, useRef } from './lib.js';
import { get, ApiError } from './api.js';
import { listen } from './live.js';
import { locked } from './session.js';

const LEAST_MS = 800; // between two reads of the same thing, however many events there are: with the read itself
// what is shown is not older than a second
const SHARE = 10; // and so many times what the last one took: no page spends its time with reading
const KEEP_MS = 60000; // what nobody shows any more

const entries = new Map();

function entryOf(key) {
	let e = entries.get(key);
	if (e === undefined) {
		e = { data: undefined, error: null, loading: false, again: false, readAt: 0,
			pause: LEAST_MS, watchers: new Set(), wants: new Set(), timer: 0, drop: 0, fn: null };
		entries.set(key, e);
	}
	return e;
}

function changed(e) {
	for (const fn of [...e.watchers])
		fn({});
}

async function load(e) {
	clearTimeout(e.timer);
	e.timer = 0;
	if (e.loading) {
		e.again = true;
		return;
	}
	e.loading = true;
	e.readAt = Date.now();
	changed(e);
	try {
		e.data = await e.fn();
		e.error = null;
	} catch (error) {
		e.error = error;
	}
	e.loading = false;
	e.pause = Math.max(LEAST_MS, SHARE * (Date.now() - e.readAt));
	changed(e);
	if (e.again) {
		e.again = false;
		soon(e);
	}
}

// At once when the last read is long enough ago, else when it is.
function soon(e) {
	if (e.timer !== 0 || e.watchers.size === 0)
		return;
	e.timer = setTimeout(() => load(e), Math.max(0, e.readAt + e.pause - Date.now()));
}

function concerns(e, event) {
	if (event.event === 'reset' || event.event === 'gap')
		return true;
	for (const wants of e.wants)
		if (wants(event))
			return true;
	return false;
}

listen(event => {
	for (const e of entries.values())
		if (concerns(e, event))
			soon(e);
});

locked.watch(now => {
	if (now)
		for (const [key, e] of entries)
			if (e.watchers.size === 0)
				entries.delete(key);
			else
				e.data = undefined; // nothing of whoever was here before stays
	else
		for (const e of entries.values())
			load(e);
});

// Reads again whatever key begins with this (after a change of one's own).
export function refetch(prefix = '') {
	for (const [key, e] of entries) {
		if (!key.startsWith(prefix))
			continue;
		if (e.watchers.size > 0)
			load(e);
		else
			entries.delete(key);
	}
}

// Puts in what a change has answered, without another read.
export function put(key, data) {
	const e = entries.get(key);
	if (e === undefined)
		return;
	e.data = data;
	changed(e);
}

function attach(key, fn, wants, draw) {
	const e = entryOf(key);
	e.fn = fn;
	if (wants)
		e.wants.add(wants);
	e.watchers.add(draw);
	clearTimeout(e.drop);
	if (e.readAt === 0 || Date.now() - e.readAt > LEAST_MS)
		load(e);
	return () => {
		e.watchers.delete(draw);
		if (wants)
			e.wants.delete(wants);
		if (e.watchers.size === 0) {
			clearTimeout(e.timer);
			e.timer = 0;
			e.drop = setTimeout(() => entries.delete(key), KEEP_MS);
		}
	};
}

// What `fn` (async) answers, for everybody who uses the same key.
//	events: event => does it concern this? (true: all of them)
//	every: ms between reads without events
//	enabled: false = do not read
// -> {data, error, loading, missing, refetch}; data is the last good answer, also while it is read again
// or when that failed; missing: the server has no such route or thing (404).
export function useQuery(key, fn, { events = null, every = 0, enabled = true } = {}) {
	const [, draw] = useState({});
	const latest = useRef({ fn, events });
	latest.current = { fn, events };
	useEffect(() => {
		if (!enabled)
			return undefined;
		const wants = e => latest.current.events === true ||
			(latest.current.events !== null && latest.current.events(e));
		return attach(key, () => latest.current.fn(), wants, draw);
	}, [key, enabled]);
	useEffect(() => {
		if (every === 0 || !enabled)
			return undefined;
		const timer = setInterval(() => !document.hidden && soon(entryOf(key)), every);
		return () => clearInterval(timer);
	}, [key, every, enabled]);
	const e = entries.get(key);
	const error = e ? e.error : null;
	return {
		data: e ? e.data : undefined,
		error,
		loading: e ? e.loading : enabled,
		missing: error instanceof ApiError && error.status === 404,
		refetch: () => load(entryOf(key)),
	};
}

// The usual query: GET of a path, which is its key too.
export function useGet(path, options) {
	return useQuery(path, () => get(path), options);
}
