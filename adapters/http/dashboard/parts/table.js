// table.js - a table whose headers sort and whose rows can be opened, by mouse and by keyboard; long
// lists draw only the rows that are seen. The roles are written out: a row that is shown as a block would lose them.
import { Component, html, useEffect, useRef, useState } from '../lib.js';
import { t } from '../i18n.js';

const MANY = 120; // from so many rows on only those in sight are drawn
const MARGIN = 20; // rows drawn beyond them
const STEP = 10; // and so many at once

const NEXT = { ascending: 'descending', descending: 'ascending' };

// column: {name, label, cell(row), sort: true or a name for onSort, align: "right", hide: "narrow" (not on
// phones)}
function Head({ column, sort, onSort }) {
	const name = column.sort === true ? column.name : column.sort;
	if (!name)
		return html`<th scope="col" role="columnheader" class=${classOf(column)}>${column.label}</th>`;
	const now = sort && sort.name === name ? sort.direction : undefined;
	const click = () => onSort({ name, direction: NEXT[now] || column.first || 'ascending' });
	return html`<th scope="col" role="columnheader" class=${classOf(column)} aria-sort=${now}>
		<button type="button" class="sort" onClick=${click}>${column.label}<span aria-hidden="true"
			>${now === 'ascending' ? ' ▲' : now === 'descending' ? ' ▼' : ''}</span></button>
	</th>`;
}

const classOf = c => [c.align, c.hide && `hide-${c.hide}`, c.class].filter(Boolean).join(' ');

// Which rows are in sight: [first, last], and how high one is.
function useWindow(body, n) {
	const [seen, setSeen] = useState({ first: 0, last: Math.min(n, MANY), high: 0 });
	useEffect(() => {
		if (n <= MANY)
			return undefined;
		const look = () => {
			const drawn = body.current ? [...body.current.querySelectorAll('tr[data-row]')] : [];
			if (drawn.length === 0)
				return;
			const high = drawn.reduce((sum, row) => sum + row.offsetHeight, 0) / drawn.length;
			const top = body.current.getBoundingClientRect().top;
			const first = Math.max(0, Math.floor((-top / high - MARGIN) / STEP) * STEP);
			const last = Math.min(n, Math.ceil(((innerHeight - top) / high + MARGIN) / STEP) * STEP);
			setSeen(old => (old.first === first && old.last === last
				? old : { first, last: Math.max(last, first), high }));
		};
		look();
		const options = { passive: true, capture: true };
		addEventListener('scroll', look, options);
		addEventListener('resize', look);
		return () => {
			removeEventListener('scroll', look, options);
			removeEventListener('resize', look);
		};
	}, [n]);
	return n <= MANY ? { first: 0, last: n, high: 0 } : seen;
}

function Spacer({ rows, high, columns }) {
	return rows > 0 && html`<tr aria-hidden="true"><td colspan=${columns}
		style=${{ height: `${rows * high}px`, padding: 0, border: 0 }}></td></tr>`;
}

// The arrow keys go from row to row.
function step(e) {
	const by = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[e.key];
	if (!by || e.target.tagName !== 'TR')
		return;
	const to = e.target[by];
	if (to && to.dataset.row !== undefined) {
		e.preventDefault();
		to.focus();
	}
}

// Drawn again only when something of it has changed, not whenever the list is scrolled.
class Row extends Component {
	shouldComponentUpdate(next) {
		return ['row', 'at', 'columns', 'class', 'onOpen'].some(name => next[name] !== this.props[name]);
	}

	render({ row, at, columns, onOpen, class: name }) {
		const open = e => e.target.closest('a, button, input, select, label') || getSelection().toString() !== '' ||
			onOpen(row);
		const key = e => (e.key === 'Enter' && e.target.tagName === 'TR' ? onOpen(row) : step(e));
		return html`<tr role="row" data-row=${at} aria-rowindex=${at + 2} class=${name} tabindex=${onOpen ? 0 : undefined}
			onClick=${onOpen && open} onKeyDown=${onOpen && key}>
			${columns.map(c => html`<td key=${c.name} role="cell" class=${classOf(c)} data-label=${c.label}>${c.cell(row)}</td>`)}
		</tr>`;
	}
}

// rows: in order; keyOf(row); rowClass(row); onOpen(row): Enter or a click on a row that is no link's;
// empty: what is said when there are none; stack: on phones each row stands as a block, for tables with more than
// fits side by side.
export function Table({ caption, columns, rows, keyOf, sort, onSort, onOpen, rowClass, empty, stack = false }) {
	const body = useRef(null);
	const { first, last, high } = useWindow(body, rows.length);
	return html`<div class=${stack ? 'table-box stack' : 'table-box'} tabindex="0" role="group" aria-label=${caption}>
		<table role="table" aria-rowcount=${rows.length + 1}>
			<caption class="unseen">${caption}</caption>
			<thead role="rowgroup"><tr role="row">${columns.map(c => html`<${Head} key=${c.name} column=${c} sort=${sort} onSort=${onSort} />`)}</tr></thead>
			<tbody role="rowgroup" ref=${body}>
				<${Spacer} rows=${first} high=${high} columns=${columns.length} />
				${rows.slice(first, last).map((row, i) => html`<${Row} key=${keyOf(row)} row=${row} at=${first + i}
					columns=${columns} onOpen=${onOpen} class=${rowClass ? rowClass(row) : ''} />`)}
				<${Spacer} rows=${rows.length - last} high=${high} columns=${columns.length} />
			</tbody>
		</table>
		${rows.length === 0 && html`<p class="empty">${empty || t('none')}</p>`}
	</div>`;
}

// Rows in the order of {name, direction}; value(row, name) is what is compared.
export function sorted(rows, sort, value) {
	if (!sort)
		return rows;
	const sign = sort.direction === 'descending' ? -1 : 1;
	const order = new Intl.Collator(undefined, { numeric: true }).compare;
	return [...rows].sort((a, b) => {
		const x = value(a, sort.name), y = value(b, sort.name);
		if (x === y)
			return 0;
		if (x === null || x === undefined)
			return 1; // what is not known comes last, in both directions
		if (y === null || y === undefined)
			return -1;
		return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : order(String(x), String(y)));
	});
}
