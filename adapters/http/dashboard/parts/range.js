// range.js - charts of what the server remembers, and how far back they go.
import { html } from '../lib.js';
import { t } from '../i18n.js';
import { route, setQuery } from '../router.js';
import { useSignal } from '../signal.js';
import { RANGES, useHistory } from '../history.js';
import { Chart } from './chart.js';
import { Query } from './states.js';

// The range that the page's query says.
export function useRange() {
	const { query } = useSignal(route);
	const range = query.get('range');
	return range in RANGES ? range : '1h';
}

export function RangeChoice({ range }) {
	return html`<label class="choose"><span class="unseen">${t('range')}</span><select value=${range}
		onChange=${e => setQuery({ range: e.target.value === '1h' ? '' : e.target.value }, { replace: true })}>
		${Object.keys(RANGES).map(name => html`<option key=${name} value=${name} selected=${name === range}
			>${t(`range.${name}`)}</option>`)}</select></label>`;
}

const namesOf = l => l.names || [l.name];

// Everything that these charts need, in one answer.
export function useLines(lines, range) {
	return useHistory([...new Set(lines.flatMap(namesOf))].sort(), range);
}

function valuesOf(l, data) {
	const parts = namesOf(l).map(data.of);
	return l.value ? parts[0].map((_, i) => l.value(...parts.map(p => p[i]))) : parts[0];
}

// The chart of some lines in what useLines has answered.
//	lines: [{label, name, color}], or {label, names, value(...values)} for what is computed from others
export function Lines({ label, lines, data, unit, max }) {
	return html`<${Chart} label=${label} times=${data.times} unit=${unit} max=${max}
		series=${lines.map(l => ({ label: l.label, color: l.color, values: valuesOf(l, data) }))} />`;
}

// The same for a chart that stands alone.
export function History({ lines, range, ...rest }) {
	const q = useLines(lines, range);
	return html`<${Query} of=${q}>${data => html`<${Lines} lines=${lines} data=${data} ...${rest} />`}<//>`;
}
