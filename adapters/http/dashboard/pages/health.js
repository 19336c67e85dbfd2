// health.js - the services behind it all: which answer, how fast, who leads.
import { html } from '../lib.js';
import { number, t } from '../i18n.js';
import { span } from '../format.js';
import { useQuery } from '../store.js';
import { useStatus } from '../data.js';
import { request } from '../api.js';
import { useSignal } from '../signal.js';
import { state as stream } from '../live.js';
import { Badge, State } from '../parts/badge.js';
import { Facts, Panel } from '../parts/card.js';
import { History, RangeChoice, useRange } from '../parts/range.js';
import { Empty, Query } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { Ago } from '../parts/time.js';

const columns = () => [
	{ name: 'name', label: t('health.service'), cell: v => v.name },
	{ name: 'ok', label: t('skald.state'), cell: v => html`<${State} of=${v.ok ? 'ok' : 'failed'} />` },
	{ name: 'since', label: t('health.since'), class: 'nowrap', cell: v => html`<${Ago} ms=${v.since} />` },
	{ name: 'detail', label: t('health.detail'), class: 'wrap', cell: v => v.detail || '–' },
];

function Services({ s }) {
	return html`<${Panel} title=${t('health.services')}>${s.services.length === 0 ?
		html`<${Empty}>${t('health.embedded', { store: s.store.name })}<//>` :
		html`<${Table} stack caption=${t('health.services')} columns=${columns()} rows=${s.services} keyOf=${v => v.name} />`}<//>`;
}

// Does it take work? The sentence when it does not.
function useReady() {
	const ask = async () => {
		const began = performance.now();
		try {
			await request('/readyz');
			return { ok: true, ms: performance.now() - began };
		} catch (e) {
			return { ok: false, ms: null, why: e.message };
		}
	};
	return useQuery('ready', ask, { every: 5000 });
}

function Controller({ s }) {
	const ready = useReady().data, live = useSignal(stream);
	return html`<${Panel} title=${t('health.controller')}><${Facts} rows=${[
		[t('health.ready'), ready && html`<${Badge} tone=${ready.ok ? 'good' : 'bad'}>${t(ready.ok ? 'health.yes' : 'health.no')}<//>
			${!ready.ok && html` <span class="wrong">${ready.why}</span>`}`],
		[t('name'), s.name], [t('version'), s.version], [t('health.uptime'), span(s.uptimeMs)],
		[t('health.leader'), html`${s.leader.name || t('health.nobody')}${s.leader.self ? ` (${t('health.self')})` : ''}${
			s.leader.term > 0 ? ` · ${t('health.term', { term: s.leader.term })}` : ''}`],
		[t('health.dispatching'), t(s.dispatching ? 'health.yes' : 'health.no')],
		[t('health.store'), s.store.name],
		[t('health.stream'), t(`live.${live}`)],
		[t('health.roundtrip'), ready && ready.ok ? `${number(ready.ms, 1)} ms` : '–'],
		[t('health.refused'), number(s.refusedReports)],
		[t('health.live'), number(s.live)],
	]} /><//>`;
}

export default function Health() {
	const q = useStatus(), range = useRange();
	return html`<div class="page-head"><h1>${t('page.health')}</h1></div>
		<${Query} of=${q}>${s => html`<${Services} s=${s} /><${Controller} s=${s} />`}<//>
		<${Panel} title=${t('health.latency')} aside=${html`<${RangeChoice} range=${range} />`}>
			<${History} label=${t('health.latency')} range=${range} unit=" ms" lines=${[
				{ label: t('health.store'), name: 'latency.store_ms', color: '--series-1' },
				{ label: t('health.bus'), name: 'latency.bus_ms', color: '--series-2' },
				{ label: t('health.cache'), name: 'latency.cache_ms', color: '--series-3' }]} />
		<//>`;
}
