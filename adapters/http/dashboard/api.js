// api.js - requests to the API: the token, the errors, tries.
import { token, locked } from './session.js';

const TRIES = 3;

// What went wrong: `message` is the server's sentence; `status` is 0 when nobody answered.
export class ApiError extends Error {
	constructor(status, message, problems = [], code = '') {
		super(message);
		this.status = status;
		this.problems = problems; // [{path, pointer, message}]
		this.code = code;
	}
}

const pause = ms => new Promise(done => setTimeout(done, ms));

function headers(options) {
	const all = new Headers(options.headers || {});
	if (token() !== '')
		all.set('Authorization', `Bearer ${token()}`);
	if (options.json !== undefined)
		all.set('Content-Type', 'application/json');
	return all;
}

async function failure(response) {
	let body = {};
	try {
		body = await response.json();
	} catch {
		// no JSON: something between us and the server has answered
	}
	const error = typeof body.error === 'object' && body.error !== null ? body.error : {};
	const text = error.message || (typeof body.detail === 'string' ? body.detail : '') ||
		(typeof body.error === 'string' ? body.error : '') || `HTTP ${response.status}`;
	return new ApiError(response.status, text, error.problems || [], error.code || '');
}

// fetch with the token. Throws ApiError; a 401 shows the login page.
export async function request(path, options = {}) {
	let response;
	try {
		response = await fetch(path, {
			method: options.method || 'GET',
			headers: headers(options),
			body: options.json !== undefined ? JSON.stringify(options.json) : options.body,
			signal: options.signal,
			cache: 'no-store',
		});
	} catch (e) {
		if (e.name === 'AbortError')
			throw e;
		throw new ApiError(0, e.message);
	}
	if (response.ok)
		return response;
	if (response.status === 401)
		locked.set(true);
	throw await failure(response);
}

const worthAgain = e => e instanceof ApiError && (e.status === 0 || e.status === 503 || e.status === 502);

async function tried(path, options) {
	for (let n = 1; ; n++) {
		try {
			return await request(path, options);
		} catch (e) {
			if (n === TRIES || !worthAgain(e))
				throw e;
			await pause(300 * n * n * (0.5 + Math.random()));
		}
	}
}

async function body(response) {
	const type = response.headers.get('Content-Type') || '';
	if (response.status === 204)
		return null;
	return type.startsWith('application/json') ? response.json() : response.text();
}

// GET, tried again while nobody answers. The parsed body.
export async function get(path, options = {}) {
	return body(await tried(path, options));
}

// A key that lets the server know a request that was sent twice.
export function newKey() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');
}

// Sends a change. With a key (POST of tasks) it is tried again: the server does it once. Others are
// sent once: whoever clicked sees the error and decides.
export async function send(method, path, json, options = {}) {
	const all = { ...options, method, json };
	if (options.key === undefined)
		return body(await request(path, all));
	all.headers = { ...options.headers, 'Idempotency-Key': options.key };
	return body(await tried(path, all));
}

export const post = (path, json, options) => send('POST', path, json, options);

// "/v1/tasks?state=Failed&limit=50": empty values are left out.
export function url(path, params = {}) {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(params))
		if (value !== undefined && value !== null && value !== '')
			query.set(name, value);
	const text = query.toString();
	return text === '' ? path : `${path}?${text}`;
}

export const id = text => encodeURIComponent(text);
