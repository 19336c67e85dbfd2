// badge.js - a state as a word with a sign: colour alone never carries the meaning.
import { html } from '../lib.js';
import { t } from '../i18n.js';

// tone: good, bad, warn, busy, idle, info
const TONES = {
	Created: 'idle', Assigning: 'info', Running: 'busy', Paused: 'warn', Finished: 'good', Failed: 'bad',
	Cancelled: 'idle', online: 'good', draining: 'warn', offline: 'bad', firing: 'bad',
	acknowledged: 'warn', resolved: 'good', critical: 'bad', warning: 'warn', ok: 'good', failed: 'bad',
};
const SIGNS = { good: '✓', bad: '✕', warn: '!', busy: '▸', idle: '○', info: '→' };

export function Badge({ tone = 'idle', title, children }) {
	return html`<span class="badge ${tone}" title=${title}><span class="sign" aria-hidden="true">${SIGNS[tone]}</span
		>${children}</span>`;
}

// The badge of a state of a task, a skald, an alert or a service.
export function State({ of, title }) {
	return html`<${Badge} tone=${TONES[of] || 'idle'} title=${title}>${t(`state.${of}`)}<//>`;
}

export function Chip({ children, ...rest }) {
	return html`<span class="chip" ...${rest}>${children}</span>`;
}
