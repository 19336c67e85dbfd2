// chart.js - lines over time, by uPlot: many points without many elements. What it shows is also there as
// a table for those who do not see it.
import { html, useEffect, useRef, useState } from '../lib.js';
import { useSignal } from '../signal.js';
import { dark } from '../scheme.js';
import { language, number, t } from '../i18n.js';
import { time } from '../format.js';

const HIGH = 190;
const DASHES = [[], [6, 3], [2, 3], [10, 4, 2, 4]];

// Numbers of things are whole.
const WHOLE = [1, 2, 5].flatMap(n => Array.from({ length: 8 }, (_, i) => n * 10 ** i)).sort((a, b) => a - b);

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axis(extra) {
	return { stroke: css('--text-soft'), grid: { stroke: css('--line'), width: 1 },
		ticks: { stroke: css('--line'), width: 1 }, font: '12px system-ui, sans-serif', ...extra };
}

function clock(values) {
	const format = new Intl.DateTimeFormat(language.get(), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
	return values.map(s => format.format(s * 1000));
}

// Colour and dashes: series differ without colour too.
function line(s, i, unit) {
	return { label: s.label, stroke: css(s.color || `--series-${i % 8 + 1}`), width: 2, spanGaps: false,
		dash: DASHES[Math.floor(i / 2) % DASHES.length], points: { show: false },
		value: (u, v) => (v === null || v === undefined ? '–' : `${number(v, 2)}${unit}`) };
}

// Where no pointer asks for another moment, the values are those of now.
const showLast = u => u.data[0].length > 0 && u.setLegend({ idx: u.data[0].length - 1 }, false);

function options(series, width, unit, max) {
	return {
		width, height: HIGH, cursor: { y: false, points: { size: 6 } }, legend: { live: true, markers: { width: 3 } },
		scales: { y: { range: (u, low, high) => [0, max || Math.max(1, (high || 0) * 1.1)] } },
		hooks: { ready: [showLast], setData: [showLast], setCursor: [u => u.cursor.idx === null && showLast(u)] },
		axes: [axis({ values: (u, values) => clock(values), space: 70, size: 32 }),
			axis({ size: 56, incrs: unit === '' ? WHOLE : undefined,
				values: (u, values) => values.map(v => `${number(v, 2)}${unit}`) })],
		series: [{ label: t('time'), value: (u, s) => (s ? time(s * 1000) : '–') },
			...series.map((s, i) => line(s, i, unit))],
	};
}

function Values({ label, series }) {
	const last = values => values.findLast(v => v !== null && v !== undefined);
	return html`<table class="unseen"><caption>${label}</caption><tbody>${series.map(s => {
		const v = last(s.values);
		return html`<tr key=${s.label}><th scope="row">${s.label}</th><td>${v === undefined ? '–' : number(v, 2)}</td></tr>`;
	})}</tbody></table>`;
}

// times: seconds; series: [{label, values (null = not known), color: a variable of theme.css}]
export function Chart({ label, times, series, unit = '', max = 0 }) {
	const box = useRef(null), plot = useRef(null);
	const isDark = useSignal(dark), lang = useSignal(language);
	const [uPlot, setUPlot] = useState(null);
	const shape = series.map(s => s.label).join('\n') + unit + max + isDark + lang;
	useEffect(() => {
		import('../uplot.js').then(module => setUPlot(() => module.default));
	}, []);
	useEffect(() => {
		if (uPlot === null)
			return undefined;
		const element = box.current;
		const width = () => Math.max(200, element.clientWidth);
		plot.current = new uPlot(options(series, width(), unit, max), [times, ...series.map(s => s.values)], element);
		const watcher = new ResizeObserver(() => plot.current.setSize({ width: width(), height: HIGH }));
		watcher.observe(element);
		return () => {
			watcher.disconnect();
			plot.current.destroy();
			plot.current = null;
		};
	}, [uPlot, shape]);
	useEffect(() => {
		if (plot.current !== null)
			plot.current.setData([times, ...series.map(s => s.values)]);
	});
	return html`<figure class="chart"><figcaption class="unseen">${label}</figcaption>
		<div ref=${box} aria-hidden="true" class="plot"></div><${Values} label=${label} series=${series} /></figure>`;
}
