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

// lines: [{label, name, color}] or [{label, names, value(...values)}] for what is computed from others.
export function History({ label, lines, range, unit, max }) {
	const names = [...new Set(lines.flatMap(l => l.names || [l.name]))];
	const q = useHistory(names, range);
	const values = (l, data) => {
		const parts = (l.names || [l.name]).map(data.of);
		return l.value ? parts[0].map((_, i) => l.value(...parts.map(p => p[i]))) : parts[0];
	};
	return html`<${Query} of=${q}>${data => html`<${Chart} label=${label} times=${data.times} unit=${unit} max=${max}
		series=${lines.map(l => ({ label: l.label, color: l.color, values: values(l, data) }))} />`}<//>`;
}
