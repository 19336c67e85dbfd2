// states.js - what stands where data should: nothing yet, nothing at all, an error.
import { html } from '../lib.js';
import { t } from '../i18n.js';
import { Button } from './button.js';

export function Loading({ rows = 3 }) {
	return html`<div class="loading" role="status"><span class="unseen">${t('loading')}</span>
		${Array.from({ length: rows }, () => html`<div class="bone"></div>`)}</div>`;
}

export function Empty({ children, action }) {
	return html`<div class="empty"><p>${children}</p>${action}</div>`;
}

export function Failure({ error, retry }) {
	const text = error.status === 0 ? t('error.unreachable') : error.message;
	return html`<div class="failure" role="alert"><p>${text}</p>
		${retry && html`<${Button} onClick=${retry}>${t('retry')}<//>`}</div>`;
}

// A query (useQuery) as what it is: children(data) when there is some, also while it is read again;
// a line above it when that has failed.
export function Query({ of: q, rows, missing, children }) {
	if (q.data === undefined && q.missing)
		return html`<${Empty}>${missing || t('not-available')}<//>`;
	if (q.data === undefined && q.error)
		return html`<${Failure} error=${q.error} retry=${q.refetch} />`;
	if (q.data === undefined)
		return html`<${Loading} rows=${rows} />`;
	return html`${q.error && html`<p class="stale" role="status">${t('error.stale')}</p>`}${children(q.data)}`;
}
