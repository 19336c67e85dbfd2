// toast.js - a word about what was done, read out by screen readers, gone after a while.
import { html } from '../lib.js';
import { signal, useSignal } from '../signal.js';
import { t } from '../i18n.js';

const SHOWN_MS = 6000;
const list = signal([]);
let last = 0;

function remove(id) {
	list.set(list.get().filter(toast => toast.id !== id));
}

// tone: "good" or "bad"; errors stay until they are closed.
export function toast(text, tone = 'good') {
	const id = ++last;
	list.set([...list.get().slice(-4), { id, text, tone }]);
	if (tone !== 'bad')
		setTimeout(() => remove(id), SHOWN_MS);
}

// Does it, and says how it went: `done` (a text) or the error. True when it went well.
export async function attempt(fn, done) {
	try {
		await fn();
	} catch (e) {
		toast(e.status === 0 ? t('error.unreachable') : e.message, 'bad');
		return false;
	}
	if (done)
		toast(done);
	return true;
}

export function Toasts() {
	const all = useSignal(list);
	return html`<div class="toasts" role="region" aria-live="polite" aria-label=${t('messages')}>
		${all.map(({ id, text, tone }) => html`<div key=${id} class="toast ${tone}">
			<span>${text}</span>
			<button type="button" class="close" aria-label=${t('close')} onClick=${() => remove(id)}>✕</button>
		</div>`)}
	</div>`;
}
