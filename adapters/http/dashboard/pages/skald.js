// skald.js - one skald: what it has, what it does, how loaded it was; drained, or no longer.
import { html } from '../lib.js';
import { number, t } from '../i18n.js';
import { megabytes } from '../format.js';
import { go, Link } from '../router.js';
import { id as path, post, url } from '../api.js';
import { may } from '../session.js';
import { put, refetch, useGet } from '../store.js';
import { Button } from '../parts/button.js';
import { Chip, State } from '../parts/badge.js';
import { Facts, Panel } from '../parts/card.js';
import { confirm } from '../parts/dialog.js';
import { History, RangeChoice, useRange } from '../parts/range.js';
import { Empty, Query } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { Ago, Span, Time } from '../parts/time.js';
import { toast } from '../parts/toast.js';
import { Cpu, Disk, Memory, Slots } from './skald-parts.js';

const SHOWN = 50;

function Drain({ of: s }) {
	const draining = s.state === 'draining', word = draining ? 'undrain' : 'drain';
	const ask = () => confirm({
		title: t(`skald.${word}.title`, { id: s.id }), text: t(`skald.${word}.text`, { n: s.tasks }),
		action: t(`skald.${word}`), kind: draining ? 'primary' : 'danger',
		run: async () => {
			put(`/v1/skalds/${path(s.id)}`, await post(`/v1/skalds/${path(s.id)}/${word}`));
			refetch('/v1/skalds');
			toast(t(`skald.${word}.done`, { id: s.id }));
		},
	});
	return html`<${Button} kind=${draining ? 'primary' : 'danger'} onClick=${ask} disabled=${!may('admin') || s.mode !== 'node'}
		title=${may('admin') ? undefined : t('needs.admin')}>${t(`skald.${word}`)}<//>`;
}

function About({ s }) {
	const labels = Object.entries(s.labels || {});
	return html`<${Panel} title=${t('skald.about')}><${Facts} rows=${[
		[t('skald.mode'), html`${t(`mode.${s.mode}`)}${s.original ? ` · ${t('skald.original')}` : ''}`],
		[t('skald.host'), s.host], [t('version'), s.version],
		[t('skald.started'), s.started ? html`<${Time} ms=${s.started} /> · <${Span} from=${s.started} />` : null],
		[t('skald.lease'), html`<${Ago} ms=${s.seen} />`],
		[t('skald.labels'), labels.length === 0 ? '–' : labels.map(([k, v]) => html`<${Chip} key=${k}>${k}=${String(v)}<//>`)],
		[t('skald.classes'), s.classes.length === 0 ? '–' : s.classes.map(c => html`<${Chip} key=${c}>${c}<//>`)],
	]} /><//>`;
}

function Resources({ s }) {
	return html`<${Panel} title=${t('skald.resources')}><${Facts} rows=${[
		[t('skald.slots'), html`<${Slots} of=${s} />`],
		[t('skald.cpu'), html`<${Cpu} of=${s} />`],
		[t('skald.memory'), html`<${Memory} of=${s} />`],
		[t('skald.disk'), html`<${Disk} of=${s} />`],
		[t('skald.load1'), s.load ? number(s.load.load1, 2) : '–'],
		[t('skald.offers'), t('skald.offer', { cpus: number(s.cpus, 1), memory: megabytes(s.memoryMb), gpus: s.gpus })],
	]} /><//>`;
}

const columns = () => [
	{ name: 'id', label: t('skald.task'), class: 'wrap mono', cell: r => html`<${Link} to=${`/tasks/${path(r.id)}`}>${r.id}<//>` },
	{ name: 'className', label: t('skald.class'), cell: r => html`<${Chip}>${r.className}<//>` },
	{ name: 'phase', label: t('skald.state'), cell: r => html`<${State} of=${r.phase || r.lifecycleStatus} />` },
	{ name: 'attempt', label: t('skald.attempt'), align: 'right', hide: 'narrow', cell: r => r.attempt ?? '–' },
	{ name: 'since', label: t('skald.since'), hide: 'narrow', cell: r => html`<${Ago} ms=${r.startDateTime} />` },
];

function Tasks({ id }) {
	const q = useGet(url('/v1/tasks', { executor: id, state: 'Assigning,Running,Paused', elements: 1, limit: SHOWN }),
		{ events: e => e.skald === id, every: 15000 });
	return html`<${Panel} title=${t('skald.tasks')} aside=${html`<${Link} to=${`/tasks?executor=${path(id)}`}>${t('skald.all-tasks')}<//>`}>
		<${Query} of=${q}>${({ items }) => (items.length === 0 ? html`<${Empty}>${t('skald.no-tasks')}<//>` :
			html`<${Table} caption=${t('skald.tasks')} columns=${columns()} rows=${items} keyOf=${r => r.id}
				onOpen=${r => go(`/tasks/${path(r.id)}`)} />`)}<//>
	<//>`;
}

function LoadOverTime({ id }) {
	const range = useRange();
	return html`<${Panel} title=${t('skald.over-time')} aside=${html`<${RangeChoice} range=${range} />`}>
		<${History} label=${t('skald.over-time')} range=${range} unit=" %" max=${100} lines=${[
			{ label: t('skald.cpu'), name: `cpu.percent.${id}`, color: '--series-1' },
			{ label: t('skald.memory'), name: `memory.percent.${id}`, color: '--series-2' }]} />
	<//>`;
}

export default function Skald({ id }) {
	const q = useGet(`/v1/skalds/${path(id)}`, { events: e => e.skald === id, every: 5000 });
	return html`<nav class="crumbs" aria-label=${t('crumbs')}><${Link} to="/skalds">${t('page.skalds')}<//></nav>
		<${Query} of=${q} missing=${t('skald.none', { id })}>${s => html`
			<div class="page-head"><h1>${s.id}</h1><${State} of=${s.state} /><div class="aside"><${Drain} of=${s} /></div></div>
			<div class="grid"><${About} s=${s} /><${Resources} s=${s} /></div>
			<${LoadOverTime} id=${s.id} /><${Tasks} id=${s.id} />`}<//>`;
}
