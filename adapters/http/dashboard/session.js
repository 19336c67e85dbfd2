// session.js - who uses this tab. The token lives in the tab's session alone: it goes when the tab is
// closed, is never in a URL and never in a cookie.
import { signal } from './signal.js';

const KEY = 'skalds.token';
const RANKS = { read: 1, write: 2, admin: 3 };

// { name, role } as GET /v1/me tells; null = not known yet.
export const me = signal(null);
// Does the server want a token that this tab has not?
export const locked = signal(false);

export function token() {
	return sessionStorage.getItem(KEY) || '';
}

export function login(text) {
	sessionStorage.setItem(KEY, text);
	locked.set(false);
}

export function logout() {
	sessionStorage.removeItem(KEY);
	me.set(null);
	locked.set(true);
}

// May whoever uses this tab do what needs that role ("write", "admin")? True as long as it is not
// known: the server decides anyway.
export function may(role) {
	const who = me.get();
	return who === null || RANKS[who.role] >= RANKS[role];
}
