// overview.js - how the whole stands, at a glance and over time.
import { html } from '../lib.js';
import { number, t } from '../i18n.js';
import { span } from '../format.js';
import { Link } from '../router.js';
import { useAlerts, useSkalds, useStatus } from '../data.js';
import { Badge, State } from '../parts/badge.js';
import { Card, Panel } from '../parts/card.js';
import { History, Lines, RangeChoice, useLines, useRange } from '../parts/range.js';
import { Empty, Query } from '../parts/states.js';
import { Ago } from '../parts/time.js';
import { Load, busiest } from './skald-parts.js';

function Cards({ s }) {
	const { tasks, skalds } = s;
	const late = s.oldestWaitingMs > 60000 && tasks.Created > 0;
	return html`<div class="cards">
		<${Card} tone=${skalds.online === skalds.total && skalds.total > 0 ? 'good' : 'warn'}
			label=${html`<${Link} to="/skalds">${t('page.skalds')}<//>`} value=${number(skalds.total)}
			note=${t('overview.online', { n: skalds.online })} />
		<${Card} tone="busy" label=${html`<${Link} to="/tasks">${t('page.tasks')}<//>`} value=${number(tasks.total)}
			note=${t('overview.running', { n: tasks.Running + tasks.Assigning })} />
		<${Card} tone=${late ? 'warn' : ''} label=${html`<${Link} to="/tasks?state=Created">${t('state.Created')}<//>`}
			value=${number(tasks.Created)} note=${s.oldestWaitingMs === null ? t('overview.no-queue')
				: t('overview.oldest', { span: span(s.oldestWaitingMs) })} />
		<${Card} tone="good" label=${html`<${Link} to="/tasks?state=Finished">${t('state.Finished')}<//>`}
			value=${number(tasks.Finished)} note=${s.endedLastMinute === null ? '' :
				t('overview.ended', { n: s.endedLastMinute })} />
		<${Card} tone=${tasks.Failed > 0 ? 'bad' : 'good'}
			label=${html`<${Link} to="/tasks?state=Failed">${t('state.Failed')}<//>`} value=${number(tasks.Failed)}
			note=${tasks.Failed > 0 ? t('overview.attention') : t('overview.no-failures')} />
	</div>`;
}

// [tone, word] of the three judgements of the fleet.
function connectivity({ total, online }) {
	if (total === 0 || online === 0)
		return ['bad', 'offline'];
	if (online === total)
		return ['good', 'online'];
	return online / total >= 0.7 ? ['warn', 'partial'] : ['bad', 'degraded'];
}

function processing(tasks) {
	if (tasks.Running > 0)
		return ['busy', 'running'];
	return tasks.Failed === 0 && tasks.Finished > 0 ? ['good', 'finished'] : ['idle', 'idle'];
}

function failures(tasks) {
	if (tasks.Failed === 0)
		return ['good', 'healthy'];
	return tasks.Failed / tasks.total < 0.1 ? ['warn', 'warning'] : ['bad', 'critical'];
}

function Row({ name, text, is: [tone, word] }) {
	return html`<li><div><strong>${name}</strong><p class="hint">${text}</p></div>
		<${Badge} tone=${tone} title=${t(`judged.${word}.why`)}>${t(`judged.${word}`)}<//></li>`;
}

function System({ s }) {
	const bad = s.services.filter(v => !v.ok).length;
	return html`<${Panel} title=${t('overview.system')} aside=${html`<${Link} to="/health">${t('overview.more')}<//>`}>
		<ul class="rows">
			<${Row} name=${t('overview.connectivity')} is=${connectivity(s.skalds)}
				text=${t('overview.a-of-b', { a: s.skalds.online, b: s.skalds.total })} />
			<${Row} name=${t('overview.processing')} is=${processing(s.tasks)}
				text=${t('overview.work', { running: s.tasks.Running, finished: s.tasks.Finished })} />
			<${Row} name=${t('overview.failures')} is=${failures(s.tasks)}
				text=${t('overview.failed', { n: s.tasks.Failed })} />
			<${Row} name=${t('overview.services')} is=${bad === 0 ? ['good', 'healthy'] : ['bad', 'critical']}
				text=${s.services.length === 0 ? t('overview.embedded', { store: s.store.name })
					: t('overview.answering', { a: s.services.length - bad, b: s.services.length })} />
		</ul>
	<//>`;
}

function Alerts() {
	const q = useAlerts();
	return html`<${Panel} title=${t('overview.alerts')} aside=${html`<${Link} to="/alerts">${t('overview.more')}<//>`}>
		<${Query} of=${q}>${({ items }) => (items.length === 0 ? html`<${Empty}>${t('alerts.none')}<//>` :
			html`<ul class="rows">${items.slice(0, 5).map(a => html`<li key=${a.id}><div><strong>${a.rule}${a.subject && ` · ${a.subject}`}</strong>
				<p class="hint">${a.message}</p></div><div class="end"><${State} of=${a.severity} /><${Ago} ms=${a.since} /></div></li>`)}
			</ul>`)}<//>
	<//>`;
}

function Nodes({ range }) {
	const q = useSkalds();
	return html`<${Panel} wide title=${t('overview.nodes')} aside=${html`<${Link} to="/skalds">${t('overview.more')}<//>`}>
		<${Query} of=${q}>${({ items }) => {
			const top = busiest(items, 6);
			if (top.length === 0)
				return html`<${Empty}>${t('skalds.none')}<//>`;
			return html`<${History} label=${t('overview.nodes')} range=${range} unit=" %" max=${100}
				lines=${top.map(s => ({ label: s.id, name: `cpu.percent.${s.id}` }))} />
				<ul class="rows">${top.map(s => html`<li key=${s.id}><${Link} to=${`/skalds/${encodeURIComponent(s.id)}`}>${s.id}<//>
					<${Load} of=${s} /></li>`)}</ul>`;
		}}<//>
	<//>`;
}

const failureRate = (finished, failed) => (finished === null || failed === null ? null :
	finished + failed === 0 ? 0 : 100 * failed / (finished + failed));

const label = state => t(`state.${state}`);

// What is drawn: a chart each.
const charts = () => [
	{ title: t('chart.tasks'), lines: [
		{ label: label('Created'), name: 'tasks.created', color: '--series-8' },
		{ label: label('Assigning'), name: 'tasks.waiting', color: '--series-4' },
		{ label: label('Running'), name: 'tasks.running', color: '--series-1' },
		{ label: label('Paused'), name: 'tasks.paused', color: '--series-2' }] },
	{ title: t('chart.throughput'), lines: [
		{ label: label('Finished'), name: 'throughput.finished', color: '--series-3' },
		{ label: label('Failed'), name: 'throughput.failed', color: '--series-5' }] },
	{ title: t('chart.queue'), unit: ' s', lines: [
		{ label: t('chart.oldest'), name: 'queue.ageSeconds', color: '--series-2' }] },
	{ title: t('chart.failure'), unit: ' %', max: 100, lines: [
		{ label: t('chart.failure'), names: ['throughput.finished', 'throughput.failed'], value: failureRate,
			color: '--series-5' }] },
	{ title: t('chart.ended'), lines: [
		{ label: label('Finished'), name: 'tasks.finished', color: '--series-3' },
		{ label: label('Failed'), name: 'tasks.failed', color: '--series-5' },
		{ label: label('Cancelled'), name: 'tasks.cancelled', color: '--series-8' }] },
	{ title: t('chart.skalds'), lines: [
		{ label: t('state.online'), name: 'skalds.online', color: '--series-3' },
		{ label: t('all'), name: 'skalds.total', color: '--series-8' }] },
];

function Charts({ range }) {
	const all = charts(), q = useLines(all.flatMap(c => c.lines), range);
	if (q.data === undefined)
		return html`<${Panel} title=${t('chart.history')}><${Query} of=${q} /><//>`;
	return all.map(c => html`<${Panel} key=${c.title} title=${c.title}><${Lines} label=${c.title} data=${q.data} ...${c} /><//>`);
}

export default function Overview() {
	const status = useStatus(), range = useRange();
	return html`<div class="page-head"><h1>${t('page.overview')}</h1>
			<div class="aside"><${RangeChoice} range=${range} /></div></div>
		<${Query} of=${status}>${s => html`<${Cards} s=${s} /><div class="grid"><${System} s=${s} /><${Alerts} /></div>`}<//>
		<div class="grid"><${Charts} range=${range} /><${Nodes} range=${range} /></div>`;
}
