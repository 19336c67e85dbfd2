// layers.js - where the tasks of a dependency graph stand: each one right of all that it waits for, in
// a row near theirs.

const STEP_X = 220, STEP_Y = 64;

function levels(ids, edges) {
	const level = new Map(ids.map(id => [id, 0]));
	// As many rounds as the longest way; a circle, which the server refuses, ends with them.
	for (let round = 0, moved = true; moved && round < ids.length; round++) {
		moved = false;
		for (const { from, to } of edges)
			if (level.has(from) && level.has(to) && level.get(to) <= level.get(from)) {
				level.set(to, level.get(from) + 1);
				moved = true;
			}
	}
	return level;
}

function columns(ids, level) {
	const all = [];
	for (const id of ids)
		(all[level.get(id)] ||= []).push(id);
	return all.filter(Boolean);
}

// Two passes: in each column by the middle of those it is joined to on the left.
function order(all, edges) {
	const row = new Map();
	const before = new Map();
	for (const { from, to } of edges)
		before.set(to, [...(before.get(to) || []), from]);
	const middle = id => {
		const rows = (before.get(id) || []).map(b => row.get(b)).filter(r => r !== undefined);
		return rows.length === 0 ? Infinity : rows.reduce((a, b) => a + b, 0) / rows.length;
	};
	for (const column of all) {
		column.sort((a, b) => middle(a) - middle(b) || (a < b ? -1 : 1));
		column.forEach((id, i) => row.set(id, i));
	}
	return row;
}

// nodes: [{id}], edges: [{from, to}] (to waits for from)
// -> { at: Map id -> {x, y}, width, height }
export function layers(nodes, edges) {
	const ids = nodes.map(n => n.id);
	const all = columns(ids, levels(ids, edges));
	const row = order(all, edges);
	const tallest = Math.max(1, ...all.map(column => column.length));
	const at = new Map();
	all.forEach((column, i) => {
		const down = (tallest - column.length) / 2;
		for (const id of column)
			at.set(id, { x: i * STEP_X, y: (row.get(id) + down) * STEP_Y });
	});
	return { at, width: all.length * STEP_X, height: tallest * STEP_Y };
}
