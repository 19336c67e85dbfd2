// heartbeat.js - signs of life of a task: the last values, and whether it is alive.
import { html } from '../lib.js';
import { id as encoded } from '../api.js';
import { number, t } from '../i18n.js';
import { useGet } from '../store.js';
import { Badge } from '../parts/badge.js';
import { Facts, Panel } from '../parts/card.js';
import { Empty, Query } from '../parts/states.js';
import { Ago } from '../parts/time.js';

const MOST = 100; // of the original: it counts modulo 200, these are the values of a live task
const HIGH = 200;

function Line({ values }) {
	const step = values.length > 1 ? 100 / (values.length - 1) : 0;
	const y = v => 38 - 36 * Math.max(0, Math.min(HIGH, v)) / HIGH;
	const points = values.map((v, i) => `${(i * step).toFixed(2)},${y(v).toFixed(2)}`).join(' ');
	return html`<svg class="beats" viewBox="0 0 100 40" preserveAspectRatio="none" role="img"
		aria-label=${t('beat.line', { n: values.length })}><polyline points=${points} /></svg>`;
}

function Beats({ data }) {
	const values = (data.heartbeatHistory || []).slice(-MOST);
	return html`<${Facts} rows=${[
		[t('beat.alive'), html`<${Badge} tone=${data.isAlive ? 'good' : 'idle'}>${t(data.isAlive ? 'yes' : 'no')}<//>`],
		[t('beat.value'), number(data.heartbeat)],
		[t('beat.seen'), html`<${Ago} ms=${data.lastUpdate} />`],
	]} />
	${values.length > 1 && html`<${Line} values=${values} />`}
	<p class="soft wrap">${t('beat.last', { values: values.slice(-12).map(v => number(v)).join(', ') || '–' })}</p>`;
}

export function Heartbeat({ task }) {
	const live = task.phase === 'Running' || task.phase === 'Assigning';
	const query = useGet(`/api/tasks/${encoded(task.id)}/heartbeat`,
		{ every: live ? 3000 : 0, events: e => e.taskId === task.id && e.event !== 'log' });
	if (query.missing)
		return html`<${Panel} title=${t('beat.title')}><${Empty}>${t('beat.none')}<//><//>`;
	return html`<${Panel} title=${t('beat.title')}><${Query} of=${query}>${data => html`<${Beats}
		data=${data} />`}<//><//>`;
}
