// router.js - which page: the path below /dashboard, and its query, which keeps a page's state so that
// it can be sent to others and gone back to.
import { signal } from './signal.js';
import { html } from './lib.js';

const ROOT = '/dashboard';

function current() {
	const path = location.pathname.slice(ROOT.length).replace(/\/+$/, '') || '/';
	return { path, query: new URLSearchParams(location.search) };
}

export const route = signal(current());

window.addEventListener('popstate', () => route.set(current()));

// path: below /dashboard, "/tasks?state=Failed"; replace: no new entry in the history.
export function go(path, { replace = false } = {}) {
	const to = ROOT + (path.startsWith('/') ? path : `/${path}`);
	if (to !== location.pathname + location.search)
		history[replace ? 'replaceState' : 'pushState'](null, '', to);
	route.set(current());
	if (!replace)
		window.scrollTo(0, 0);
}

// Changes some parameters of the query; empty ones go.
export function setQuery(changes, options) {
	const { path, query } = current();
	for (const [name, value] of Object.entries(changes))
		if (value === '' || value === null || value === undefined)
			query.delete(name);
		else
			query.set(name, value);
	const text = query.toString();
	go(text === '' ? path : `${path}?${text}`, options);
}

// "/tasks/:id" against "/tasks/a%20b" -> {id: "a b"}, or null.
export function match(pattern, path) {
	const names = pattern.split('/'), words = path.split('/'), params = {};
	if (names.length !== words.length)
		return null;
	for (let i = 0; i < names.length; i++) {
		if (names[i].startsWith(':')) {
			try {
				params[names[i].slice(1)] = decodeURIComponent(words[i]);
			} catch {
				return null;
			}
		} else if (names[i] !== words[i]) {
			return null;
		}
	}
	return params;
}

// A link that changes the page without loading it again; with a modifier key the browser's own.
export function Link({ to, children, ...rest }) {
	const click = e => {
		if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey)
			return;
		e.preventDefault();
		go(to);
	};
	return html`<a href=${ROOT + to} onClick=${click} ...${rest}>${children}</a>`;
}
