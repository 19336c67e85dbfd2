// tasks.js - the list of tasks: filtered, sorted and paged by the server, live.
import { html, useEffect, useRef, useState } from '../lib.js';
import { url } from '../api.js';
import { useGet } from '../store.js';
import { t } from '../i18n.js';
import { go, Link, route, setQuery } from '../router.js';
import { useSignal } from '../signal.js';
import { may } from '../session.js';
import { Button } from '../parts/button.js';
import { Empty, Query } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { Bulk } from '../tasks/bulk.js';
import { columns, taskPath } from '../tasks/columns.js';
import { Filters, filterOf } from '../tasks/filters.js';
import { useSteady } from '../tasks/steady.js';

const SIZES = [20, 50, 100, 200];
const SORTS = { rank: 'rank', updated: 'updated', created: 'created' };
const NOISE = new Set(['log', 'skald']);

// Cursors lead forward only: where each page came from, for as long as the tab lives.
const before = new Map();

function sortOf(query) {
	const text = query.get('sort') || '-created';
	return text.startsWith('-') ? { name: text.slice(1), direction: 'descending' } :
		{ name: text, direction: text === 'updated' ? 'descending' : 'ascending' };
}

// A new filter or order begins at its first page.
const narrow = changes => setQuery({ ...changes, cursor: '', page: '' });

function sortBy({ name, direction }) {
	narrow({ sort: name === 'created' && direction === 'descending' ? '' : SORTS[name] });
}

// Is somebody about to click? The mouse is over the rows, or the focus in them.
function useBusy() {
	const [mouse, setMouse] = useState(false);
	const [focus, setFocus] = useState(false);
	return [mouse || focus, {
		onMouseEnter: () => setMouse(true),
		onMouseLeave: () => setMouse(false),
		onFocusIn: () => setFocus(true),
		onFocusOut: e => e.currentTarget.contains(e.relatedTarget) || setFocus(false),
	}];
}

function useSeen() {
	const skalds = useGet('/v1/skalds', { every: 5000 });
	return new Map(((skalds.data && skalds.data.items) || []).map(s => [s.id, s.seen]));
}

function Pages({ query, next }) {
	const cursor = query.get('cursor') || '';
	const page = Math.max(1, Number(query.get('page')) || 1);
	const back = before.get(cursor);
	const forward = () => {
		before.set(next, cursor);
		setQuery({ cursor: next, page: String(page + 1) });
	};
	const size = e => narrow({ limit: e.target.value === '50' ? '' : e.target.value });
	return html`<nav class="pages" aria-label=${t('tasks.pages')}>
		<${Button} disabled=${cursor === ''} onClick=${() => setQuery({ cursor: '', page: '' })}
			>${t('tasks.first')}<//>
		<${Button} disabled=${cursor === '' || back === undefined}
			onClick=${() => setQuery({ cursor: back, page: page > 2 ? String(page - 1) : '' })}
			>${t('tasks.previous')}<//>
		<span>${t('tasks.page', { page })}</span>
		<${Button} disabled=${!next} onClick=${forward}>${t('tasks.next')}<//>
		<label class="size">${t('tasks.size')} <select value=${query.get('limit') || '50'} onChange=${size}>
			${SIZES.map(n => html`<option key=${n} value=${String(n)}>${n}</option>`)}</select></label>
	</nav>`;
}

function Nothing({ filtered }) {
	if (filtered)
		return html`<${Empty}>${t('tasks.none-fits')}<//>`;
	return html`<${Empty} action=${may('write') && html`<${Link} to="/tasks/new" class="button primary"
		>${t('tasks.create')}<//>`}>${t('tasks.none')}<//>`;
}

function List({ data, path, query }) {
	const [picked, setPicked] = useState(new Map());
	const [busy, watch] = useBusy();
	const seen = useSeen();
	const filter = filterOf(query);
	const { rows, changed, waiting, show, free } = useSteady(path, data.items, busy || picked.size > 0);
	useEffect(() => setPicked(new Map()), [JSON.stringify(filter)]);
	if (rows.length === 0 && !query.get('cursor'))
		return html`<${Nothing} filtered=${Object.keys(filter).length > 0} />`;
	const toggle = id => {
		const all = new Map(picked);
		if (!all.delete(id))
			all.set(id, rows.find(row => row.id === id));
		setPicked(all);
	};
	const select = may('write') ? { has: id => picked.has(id), toggle } : null;
	return html`
		<${Bulk} rows=${rows} picked=${picked} setPicked=${setPicked} filter=${filter} acted=${free}
			more=${data.next !== null || Boolean(query.get('cursor'))} />
		<div class="waiting" role="status">${waiting > 0 && html`<${Button} kind="quiet" onClick=${show}
			>${t('tasks.waiting', { n: waiting })}<//>`}</div>
		<div class="tasks" ...${watch}>
			<${Table} caption=${t('tasks.title')} columns=${columns({ seen, select })} rows=${rows}
				keyOf=${row => row.id} sort=${sortOf(query)} onSort=${sortBy}
				onOpen=${row => go(taskPath(row.id))}
				rowClass=${row => `${changed(row) ? 'changed' : ''}${row.gone ? ' gone' : ''}`} />
		</div>
		<${Pages} query=${query} next=${data.next} />`;
}

export default function Tasks() {
	const { query } = useSignal(route);
	const path = url('/v1/tasks', { ...filterOf(query), sort: query.get('sort'), limit: query.get('limit'),
		cursor: query.get('cursor') });
	const shown = useRef(new Set());
	const first = !query.get('cursor');
	const list = useGet(path, {
		events: e => e.taskId !== undefined && !NOISE.has(e.event) && (first || shown.current.has(e.taskId)),
	});
	shown.current = new Set(((list.data && list.data.items) || []).map(task => task.id));
	return html`
		<header class="page-head"><h1>${t('tasks.title')}</h1>
			${may('write') && html`<${Link} to="/tasks/new" class="button primary">${t('tasks.create')}<//>`}
		</header>
		<${Filters} query=${query} set=${narrow} />
		<${Query} of=${list} rows=${8}>${data => html`<${List} key="list" data=${data} path=${path}
			query=${query} />`}<//>`;
}
