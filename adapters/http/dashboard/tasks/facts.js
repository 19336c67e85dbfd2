// facts.js - everything that is known of a task and has no part of its own.
import { html } from '../lib.js';
import { id as encoded } from '../api.js';
import { megabytes } from '../format.js';
import { number, t } from '../i18n.js';
import { Link } from '../router.js';
import { Chip } from '../parts/badge.js';
import { Facts, Panel } from '../parts/card.js';
import { Span, Time } from '../parts/time.js';
import { taskPath } from './columns.js';

const seconds = n => (n === 0 || n === null ? null : t('task.seconds', { n }));
const moment = ms => (ms ? html`<${Time} ms=${ms} />` : null);
const given = text => text || null;

function labels(map) {
	const all = Object.entries(map || {});
	return all.length === 0 ? null : all.map(([k, v]) => html`<${Link} key=${k} class="chip"
		to=${`/tasks?${new URLSearchParams({ label: `${k}=${v}` })}`}>${k}=${v}<//>`);
}

function needs(r) {
	if (!r)
		return null;
	const all = [
		r.cpus ? t('task.cpus', { n: r.cpus }) : '',
		r.memoryMb ? megabytes(r.memoryMb) : '',
		r.gpus ? t('task.gpus', { n: r.gpus }) : '',
		...Object.entries(r.labels || {}).map(([k, v]) => `${k}=${v}`),
	].filter(Boolean);
	return all.length === 0 ? null : all.map(text => html`<${Chip} key=${text}>${text}<//>`);
}

function executor(task) {
	return task.executor ? html`<${Link} to=${`/skalds/${encoded(task.executor)}`}>${task.executor}<//>` :
		t('tasks.unassigned');
}

function resultText(result) {
	return result === null || result === undefined ? null :
		html`<pre class="result">${typeof result === 'string' ? result : JSON.stringify(result, null, 2)}</pre>`;
}

export function AllFacts({ task }) {
	return html`<${Panel} title=${t('task.facts')}><${Facts} rows=${[
		[t('tasks.class'), html`<${Chip}>${task.className}<//>`],
		[t('task.mode'), t(`mode.${task.mode}`)],
		[t('tasks.executor'), executor(task)],
		[t('tasks.priority'), number(task.priority)],
		[t('task.attempts'), t('tasks.attempt', { n: task.attempt, of: task.maxAttempts })],
		[t('task.run'), task.attempt > 0 && task.startDateTime ?
			html`<${Span} from=${task.startDateTime} to=${task.finishDateTime} />` : null],
		[t('tasks.created'), moment(task.createDateTime)],
		[t('task.not-before'), moment(task.notBefore)],
		[t('task.next-retry'), moment(task.nextRetry)],
		[t('task.started'), moment(task.startDateTime)],
		[t('task.finished'), moment(task.finishDateTime)],
		[t('tasks.updated'), moment(task.updateDateTime)],
		[t('task.deadline'), moment(task.deadlineDateTime)],
		[t('task.timeout'), seconds(task.timeoutSeconds)],
		[t('task.grace'), seconds(task.graceSeconds)],
		[t('task.backoff'), task.maxAttempts > 1 ? t('task.backoff.text', { n: task.backoffSeconds,
			most: task.maxBackoffSeconds }) : null],
		[t('task.source'), given(task.source)],
		[t('task.description'), given(task.description)],
		[t('task.labels'), labels(task.labels)],
		[t('task.resources'), needs(task.resources)],
		[t('task.unique'), given(task.uniqueKey)],
		[t('task.on-disconnect'), t(`disconnect.${task.onDisconnect}`)],
		[t('task.user'), given(task.user)],
		[t('task.cwd'), given(task.cwd)],
		[t('task.persistent'), t(task.isPersistent ? 'yes' : 'no')],
		[t('task.array-of'), task.arrayParent ? html`<${Link} to=${taskPath(task.arrayParent)}
			>${task.arrayParent}<//>` : null],
		[t('task.result'), resultText(task.result)],
	]} /><//>`;
}
