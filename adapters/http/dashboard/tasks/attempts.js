// attempts.js - what became of each attempt: a line of time, and a list with the reasons.
import { html } from '../lib.js';
import { id as encoded } from '../api.js';
import { megabytes, span } from '../format.js';
import { t } from '../i18n.js';
import { Link } from '../router.js';
import { useGet } from '../store.js';
import { Badge } from '../parts/badge.js';
import { Panel } from '../parts/card.js';
import { Empty, Query } from '../parts/states.js';
import { Span, Time, useNow } from '../parts/time.js';
import { isFinal, reasonText } from './state.js';

const LEAST_WIDTH = 0.6; // percent: what took no time is still seen
const TONES = { cancelled: 'idle', skipped: 'idle', interrupted: 'warn', lost: 'warn' };

// How the attempt ended, or that it runs.
function endOf(a, running) {
	if (a.exit === null)
		return running ? { tone: 'busy', text: t('state.Running') } : { tone: 'idle', text: t('attempt.unknown') };
	if (a.exit.reason === 'exited' && a.exit.code === 0)
		return { tone: 'good', text: t('state.Finished') };
	return { tone: TONES[a.exit.reason] || 'bad', text: t(`reason.${a.exit.reason}`) };
}

function Bar({ items, running }) {
	const now = useNow();
	const begun = items.filter(a => a.startDateTime);
	if (begun.length === 0)
		return null;
	const from = begun[0].startDateTime;
	const to = Math.max(from + 1, ...begun.map(a => a.finishDateTime || (running ? now : a.startDateTime)));
	const part = ms => 100 * (ms - from) / (to - from);
	return html`<svg class="timeline" viewBox="0 0 100 10" preserveAspectRatio="none" role="img"
		aria-label=${t('attempt.timeline', { n: items.length, span: span(to - from) })}>
		<rect class="rail" x="0" y="4.5" width="100" height="1" />
		${begun.map(a => {
			const x = part(a.startDateTime), end = part(a.finishDateTime || (running ? now : a.startDateTime));
			return html`<rect key=${a.attempt} class=${endOf(a, running).tone} x=${Math.min(x, 100 - LEAST_WIDTH)} y="1"
				width=${Math.max(LEAST_WIDTH, end - x)} height="8"><title>${t('attempt.n',
				{ n: a.attempt })}</title></rect>`;
		})}
	</svg>`;
}

function Attempt({ a, running, chosen, choose }) {
	const { tone, text } = endOf(a, running);
	const why = reasonText(a.exit, t);
	return html`<li class="attempt">
		<p class="attempt-head"><strong>${t('attempt.n', { n: a.attempt })}</strong><${Badge} tone=${tone}>${text}<//>
			<button type="button" class="link" aria-pressed=${chosen} onClick=${() => choose(a.attempt)}
				>${t('attempt.output')}</button></p>
		${why && html`<p class="reason">${why}</p>`}
		<p class="soft"><${Time} ms=${a.startDateTime} />
			${a.startDateTime && html` · <${Span} from=${a.startDateTime} to=${a.finishDateTime} />`}
			${a.executor && html` · <${Link} to=${`/skalds/${encoded(a.executor)}`}>${a.executor}<//>`}
			${a.maxRssKb ? ` · ${t('attempt.memory', { size: megabytes(a.maxRssKb / 1024) })}` : ''}
			${a.cpuMs ? ` · ${t('attempt.cpu', { span: span(a.cpuMs) })}` : ''}</p>
	</li>`;
}

export function useAttempts(id) {
	return useGet(`/v1/tasks/${encoded(id)}/attempts`,
		{ events: e => e.taskId === id && e.event !== 'log' && e.event !== 'progress' });
}

// query: of useAttempts; chosen, choose(n): whose output is shown
export function Attempts({ task, query, chosen, choose }) {
	const runs = a => !isFinal(task) && a.attempt === task.attempt;
	return html`<${Panel} title=${t('attempt.title')}><${Query} of=${query} missing=${t('attempt.none')}>
		${data => (data.items.length === 0 ? html`<${Empty}>${t('attempt.none')}<//>` : html`
			<${Bar} items=${data.items} running=${!isFinal(task)} />
			<ol class="attempts">${[...data.items].reverse().map(a => html`<${Attempt} key=${a.attempt} a=${a}
				running=${runs(a)} chosen=${a.attempt === chosen} choose=${choose} />`)}</ol>`)}
	<//><//>`;
}
