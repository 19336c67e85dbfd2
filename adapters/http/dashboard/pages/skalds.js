// skalds.js - all skalds: filtered, sorted, live.
import { html, useMemo } from '../lib.js';
import { number, t } from '../i18n.js';
import { go, Link, route, setQuery } from '../router.js';
import { useSignal } from '../signal.js';
import { useSkalds } from '../data.js';
import { Field } from '../parts/button.js';
import { Chip, State } from '../parts/badge.js';
import { Query } from '../parts/states.js';
import { Table, sorted } from '../parts/table.js';
import { Ago } from '../parts/time.js';
import { Classes, Cpu, Memory, Slots } from './skald-parts.js';

const STATES = ['online', 'draining', 'offline'];
const MODES = ['node', 'edge', 'single_process'];

const to = s => `/skalds/${encodeURIComponent(s.id)}`;

const columns = () => [
	{ name: 'id', label: t('skald.id'), sort: true, class: 'wrap', cell: s => html`<${Link} to=${to(s)}>${s.id}<//>` },
	{ name: 'state', label: t('skald.state'), sort: true, cell: s => html`<${State} of=${s.state} />` },
	{ name: 'mode', label: t('skald.mode'), sort: true, class: 'nowrap', hide: 'narrow', cell: s => html`<${Chip}>${t(`mode.${s.mode}`)}<//>` },
	{ name: 'tasks', label: t('skald.slots'), sort: true, first: 'descending', cell: s => html`<${Slots} of=${s} />` },
	{ name: 'cpu', label: t('skald.cpu'), sort: true, first: 'descending', hide: 'narrow', cell: s => html`<${Cpu} of=${s} />` },
	{ name: 'memory', label: t('skald.memory'), sort: true, first: 'descending', hide: 'narrow',
		cell: s => html`<${Memory} of=${s} />` },
	{ name: 'classes', label: t('skald.classes'), class: 'nowrap', hide: 'narrow', cell: s => html`<${Classes} names=${s.classes} most=${2} />` },
	{ name: 'seen', label: t('skald.seen'), sort: true, first: 'descending', class: 'nowrap', hide: 'narrow', cell: s => html`<${Ago} ms=${s.seen} />` },
];

function valueOf(s, name) {
	switch (name) {
	case 'cpu': return s.load ? s.load.cpuPercent : null;
	case 'memory': return s.load && s.load.memoryTotalMb ? s.load.memoryUsedMb / s.load.memoryTotalMb : null;
	default: return s[name];
	}
}

const words = s => [s.id, s.host, s.version, ...s.classes, ...Object.entries(s.labels || {}).map(p => p.join('='))]
	.join('\n').toLowerCase();

function chosen(items, { text, state, mode, sort }) {
	const wanted = text.toLowerCase();
	const some = items.filter(s => (state === '' || s.state === state) && (mode === '' || s.mode === mode) &&
		(wanted === '' || words(s).includes(wanted)));
	return sorted(some, sort, valueOf);
}

// "cpu", "-cpu" in the query.
function sortOf(text) {
	return { name: text.replace(/^-/, ''), direction: text.startsWith('-') ? 'descending' : 'ascending' };
}

function Select({ label, name, value, options, prefix }) {
	return html`<${Field} label=${label}>${about => html`<select ...${about} value=${value}
		onChange=${e => setQuery({ [name]: e.target.value }, { replace: true })}>
		<option value="" selected=${value === ''}>${t('all')}</option>
		${options.map(o => html`<option key=${o} value=${o} selected=${o === value}>${t(prefix + o)}</option>`)}</select>`}<//>`;
}

export default function Skalds() {
	const q = useSkalds(), { query } = useSignal(route);
	const text = query.get('q') || '', state = query.get('state') || '', mode = query.get('mode') || '';
	const sort = sortOf(query.get('sort') || 'id');
	const items = q.data ? q.data.items : [];
	const rows = useMemo(() => chosen(items, { text, state, mode, sort }), [items, text, state, mode, query.get('sort')]);
	const onSort = s => setQuery({ sort: (s.direction === 'descending' ? '-' : '') + s.name }, { replace: true });
	return html`<div class="page-head"><h1>${t('page.skalds')}</h1>
			<span class="hint" role="status">${q.data && t('skalds.shown', { shown: rows.length, total: items.length })}</span></div>
		<div class="filters">
			<${Field} label=${t('filter')}>${about => html`<input type="search" ...${about} value=${text}
				placeholder=${t('skalds.filter')} onInput=${e => setQuery({ q: e.target.value }, { replace: true })} />`}<//>
			<${Select} label=${t('skald.state')} name="state" value=${state} options=${STATES} prefix="state." />
			<${Select} label=${t('skald.mode')} name="mode" value=${mode} options=${MODES} prefix="mode." />
		</div>
		<${Query} of=${q} rows=${8}>${() => html`<${Table} caption=${t('page.skalds')} columns=${columns()} rows=${rows}
			keyOf=${s => s.id} sort=${sort} onSort=${onSort} onOpen=${s => go(to(s))} />`}<//>`;
}
