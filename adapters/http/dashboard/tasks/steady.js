// steady.js - rows that stand still while somebody points at them: what is in a row changes at once,
// which rows there are and their order only when nobody is about to click.
import { useEffect, useRef, useState } from '../lib.js';

const MARKED_MS = 2500, FREE_MS = 3000;

const same = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);
const mark = row => `${row.phase} ${row.wanted} ${row.attempt} ${row.executor} ${row.updateDateTime}`;

// Which rows have changed lately.
function useMarks(key, items) {
	const [, draw] = useState(0);
	const known = useRef({ key: null, of: new Map(), until: new Map() });
	const k = known.current;
	useEffect(() => {
		const now = Date.now();
		if (k.key !== key) {
			k.key = key;
			k.of = new Map();
			k.until = new Map();
		}
		const first = k.of.size === 0;
		let some = false;
		for (const row of items || []) {
			if (!first && k.of.get(row.id) !== mark(row)) {
				k.until.set(row.id, now + MARKED_MS);
				some = true;
			}
			k.of.set(row.id, mark(row));
		}
		if (!some)
			return undefined;
		draw(n => n + 1);
		const timer = setTimeout(() => draw(n => n + 1), MARKED_MS + 50);
		return () => clearTimeout(timer);
	}, [key, items]);
	return row => (k.until.get(row.id) || 0) > Date.now();
}

// key: of what is shown (the path); items: what was read last; hold: somebody is about to click
// -> {rows, changed(row), waiting: how many changes of the list wait, show(): show them now, free(): do
// not hold what is read next, for it was asked for}
// A row that is not in the list any more has `gone: true` until then.
export function useSteady(key, items, hold) {
	const state = useRef({ key: null, ids: [], rows: new Map(), freeUntil: 0 });
	const [, draw] = useState(0);
	const changed = useMarks(key, items);
	const s = state.current;
	const ids = (items || []).map(row => row.id);
	if (s.key !== key || !hold || s.ids.length === 0 || Date.now() < s.freeUntil) {
		s.key = key;
		s.ids = ids;
		s.rows = new Map();
	}
	const now = new Map((items || []).map(row => [row.id, row]));
	const rows = s.ids.map(id => now.get(id) || { ...s.rows.get(id), gone: true }).filter(row => row.id);
	for (const row of rows)
		s.rows.set(row.id, row);
	const shown = new Set(s.ids);
	const waiting = same(s.ids, ids) ? 0 :
		Math.max(1, ids.filter(id => !shown.has(id)).length + rows.filter(row => row.gone).length);
	const show = () => {
		s.ids = ids;
		draw(n => n + 1);
	};
	const free = () => {
		s.freeUntil = Date.now() + FREE_MS;
	};
	return { rows, changed, waiting, show, free };
}
