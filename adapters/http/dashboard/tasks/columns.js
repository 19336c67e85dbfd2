// columns.js - the columns of a list of tasks.
import { html } from '../lib.js';
import { id as encoded } from '../api.js';
import { number, t } from '../i18n.js';
import { Link } from '../router.js';
import { Chip, State } from '../parts/badge.js';
import { Ago, Span, Time } from '../parts/time.js';
import { isFinal, reasonText } from './state.js';

export const taskPath = task => `/tasks/${encoded(task)}`;

export function Progress({ task }) {
	const p = task.progress;
	if (!p || (p.value === 0 && p.stage === ''))
		return null;
	const percent = `${number(p.value * 100, 0)} %`;
	return html`<span class="progress"><progress max="1" value=${p.value} aria-label=${t('task.progress')}
		></progress> ${percent}${p.stage && ` · ${p.stage}`}</span>`;
}

export function Wanted({ task }) {
	if (isFinal(task) || !task.wanted || task.wanted === 'run' ||
		(task.wanted === 'pause' && task.phase === 'Paused'))
		return null;
	const held = task.wanted === 'pause' && task.phase === 'Created';
	return html`<span class="soft"> ${t(held ? 'wanted.held' : `wanted.${task.wanted}`)}</span>`;
}

function Name({ task }) {
	return html`<${Link} to=${taskPath(task.id)} class="id">${task.id}<//>${task.name &&
		html`<span class="soft line">${task.name}</span>`}`;
}

function Executor({ task, seen }) {
	if (!task.executor)
		return html`<span class="soft">${t('tasks.unassigned')}</span>`;
	const live = !isFinal(task) && seen && seen.get(task.executor);
	return html`<${Link} to=${`/skalds/${encoded(task.executor)}`}>${task.executor}<//>
		${live && html`<span class="soft line" title=${t('tasks.heartbeat.about')}
			>♥ <${Ago} ms=${live} /></span>`}`;
}

function Run({ task }) {
	const begun = task.startDateTime && task.phase !== 'Created' && task.phase !== 'Assigning';
	return html`${begun ? html`<${Span} from=${task.startDateTime} to=${task.finishDateTime} />` : '–'}
		${task.attempt > 0 && html`<span class="soft line">${t('tasks.attempt', { n: task.attempt,
			of: task.maxAttempts })}</span>`}`;
}

function Class({ task }) {
	return html`<${Chip}>${task.className}<//><span class="soft line">${t(`mode.${task.mode}`)}</span>`;
}

function Reason({ task }) {
	const text = reasonText(task.exit, t);
	return text === '' ? null : html`<span class="reason" title=${text}>${text}</span>`;
}

// seen: Map of skald -> ms of its last sign of life; select: {has(id), toggle(id)} or null
export function columns({ seen, select }) {
	const all = [
		{ name: 'id', label: t('tasks.id'), cell: task => html`<${Name} task=${task} />` },
		{ name: 'class', label: t('tasks.class'), cell: task => html`<${Class} task=${task} />` },
		{ name: 'state', label: t('tasks.state'), cell: task => html`<${State} of=${task.phase} /><${Wanted}
			task=${task} />${task.gone && html`<span class="soft line">${t('tasks.gone')}</span>`}
			<${Progress} task=${task} />` },
		{ name: 'executor', label: t('tasks.executor'), cell: task => html`<${Executor} task=${task}
			seen=${seen} />` },
		{ name: 'run', label: t('tasks.run'), cell: task => html`<${Run} task=${task} />` },
		{ name: 'rank', label: t('tasks.priority'), sort: true, align: 'right', hide: 'narrow',
			cell: task => number(task.priority) },
		{ name: 'created', label: t('tasks.created'), sort: true, first: 'descending',
			cell: task => html`<${Time} ms=${task.createDateTime} />` },
		{ name: 'updated', label: t('tasks.updated'), sort: true, hide: 'narrow',
			cell: task => html`<${Ago} ms=${task.updateDateTime} />` },
		{ name: 'error', label: t('tasks.error'), cell: task => html`<${Reason} task=${task} />` },
	];
	if (select === null)
		return all;
	return [{ name: 'select', label: t('tasks.select'), class: 'select', cell: task => html`<input type="checkbox"
		checked=${select.has(task.id)} aria-label=${t('tasks.select.one', { id: task.id })}
		onChange=${() => select.toggle(task.id)} />` }, ...all];
}
