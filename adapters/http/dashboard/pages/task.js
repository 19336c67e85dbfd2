// task.js - one task: everything that is known of it, and what can be done.
import { html, useEffect, useRef, useState } from '../lib.js';
import { id as encoded, request } from '../api.js';
import { number, t } from '../i18n.js';
import { go, Link } from '../router.js';
import { useQuery } from '../store.js';
import { State } from '../parts/badge.js';
import { Button } from '../parts/button.js';
import { Panel } from '../parts/card.js';
import { Query } from '../parts/states.js';
import { actOnOne } from '../tasks/act.js';
import { Attachments } from '../tasks/attachments.js';
import { Attempts, useAttempts } from '../tasks/attempts.js';
import { Progress, Wanted } from '../tasks/columns.js';
import { AllFacts } from '../tasks/facts.js';
import { Graph } from '../tasks/graph.js';
import { Heartbeat } from '../tasks/heartbeat.js';
import { Log } from '../tasks/log.js';
import { actionsOf, PHASES, reasonText } from '../tasks/state.js';

// With its ETag, which says from what state a change was made.
async function read(id) {
	const response = await request(`/v1/tasks/${encoded(id)}`);
	return { task: await response.json(), etag: response.headers.get('ETag') || '' };
}

function Actions({ task }) {
	const [busy, setBusy] = useState('');
	const run = async action => {
		// whoever asks first shows that itself, and gives the focus back to a button that takes it
		setBusy(action.grave ? '' : action.name);
		const good = await actOnOne(action, task);
		setBusy('');
		if (good && action.name === 'delete')
			go('/tasks', { replace: true });
	};
	return html`<div class="aside">${actionsOf(task).map(action => html`<${Button} key=${action.name}
		kind=${action.grave ? 'danger' : 'plain'} busy=${busy === action.name} onClick=${() => run(action)}
		>${t(`action.${action.name}`)}<//>`)}</div>`;
}

function Head({ task }) {
	const why = reasonText(task.exit, t);
	return html`<p class="crumbs"><${Link} to="/tasks">${t('tasks.title')}<//> / <span>${task.name || task.id}</span></p>
		<header class="page-head task-head">
			<h1>${task.name && html`${task.name} `}<span class=${task.name ? 'id soft' : 'id'}>${task.id}</span></h1>
			<span role="status"><${State} of=${task.phase} /><${Wanted} task=${task} /></span>
			<${Progress} task=${task} />
			<${Actions} task=${task} />
		</header>
		${why && html`<p class=${task.phase === 'Failed' ? 'failure' : 'note'}>${why}</p>`}`;
}

function Elements({ task }) {
	const counts = PHASES.filter(phase => task.counts[phase] > 0);
	const to = phase => `/tasks?${new URLSearchParams({ parent: task.id, elements: '1', ...(phase && { state: phase }) })}`;
	return html`<${Panel} title=${t('elements.title', { n: task.arraySize || 0 })}
		aside=${html`<${Link} to=${to('')}>${t('elements.all')}<//>`}>
		<ul class="elements">${counts.map(phase => html`<li key=${phase}><${Link} to=${to(phase)}><${State}
			of=${phase} /> ${number(task.counts[phase])}<//></li>`)}
			${task.counts.notStarted > 0 && html`<li>${t('elements.not-started', { n: task.counts.notStarted })}</li>`}</ul>
	<//>`;
}

// Whose output is shown: the last attempt's, and when another begins that one's, until somebody chooses.
function useChosen(task) {
	const [chosen, choose] = useState(0);
	const before = useRef(task.attempt);
	useEffect(() => {
		if (before.current !== task.attempt)
			choose(0);
		before.current = task.attempt;
	}, [task.attempt]);
	return [chosen || task.attempt, choose];
}

function Whole({ task }) {
	const attempts = useAttempts(task.id);
	const [chosen, choose] = useChosen(task);
	return html`<${Head} task=${task} />
		<div class="task-grid">
			<div><${AllFacts} task=${task} />
				${task.counts && html`<${Elements} task=${task} />`}
				<${Attachments} task=${task} read=${() => read(task.id)} /></div>
			<div><${Attempts} task=${task} query=${attempts} chosen=${chosen} choose=${choose} />
				${task.attempt > 0 && !task.counts && html`<${Log} id=${task.id} attempt=${chosen} last=${task.attempt}
					choose=${choose} />`}
				<${Graph} task=${task} />
				<${Heartbeat} task=${task} /></div>
		</div>`;
}

export default function Task({ id }) {
	const query = useQuery(`task:${id}`, () => read(id),
		{ events: e => (e.taskId === id || String(e.taskId).startsWith(`${id}.`)) && e.event !== 'log' });
	return html`<${Query} of=${query} rows=${8} missing=${t('task.missing', { id })}>${data => html`<${Whole}
		task=${data.task} />`}<//>`;
}
