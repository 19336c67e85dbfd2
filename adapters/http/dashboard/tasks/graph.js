// graph.js - what the task waits for and what waits for it, as a picture whose boxes are links.
import { html } from '../lib.js';
import { ApiError, get, id as encoded } from '../api.js';
import { t } from '../i18n.js';
import { go } from '../router.js';
import { useQuery } from '../store.js';
import { Panel } from '../parts/card.js';
import { Query } from '../parts/states.js';
import { layers } from './layers.js';
import { taskPath } from './columns.js';

const BOX_X = 184, BOX_Y = 44, LETTERS = 24;

const short = text => (text.length <= LETTERS ? text : `${text.slice(0, LETTERS - 1)}…`);

// A server without the graph tells the next ones at least.
async function read(task) {
	try {
		return await get(`/v1/tasks/${encoded(task.id)}/graph`);
	} catch (e) {
		if (!(e instanceof ApiError) || e.status !== 404)
			throw e;
	}
	const ids = task.dependencies || [];
	return {
		nodes: [...ids.map(id => ({ id })), task],
		edges: ids.map(id => ({ from: id, to: task.id })),
		truncated: false,
	};
}

function Box({ node, at, here }) {
	const to = taskPath(node.id);
	const click = e => {
		if (e.button === 0 && !e.metaKey && !e.ctrlKey && !e.shiftKey) {
			e.preventDefault();
			go(to);
		}
	};
	const state = node.phase ? t(`state.${node.phase}`) : '';
	return html`<a href=${`/dashboard${to}`} onClick=${click} aria-current=${here ? 'true' : undefined}>
		<g class="node ${node.phase || ''} ${here ? 'here' : ''}" transform="translate(${at.x + 8} ${at.y + 10})">
			<title>${[node.id, node.name, node.className].filter(Boolean).join('\n')}</title>
			<rect width=${BOX_X} height=${BOX_Y} rx="6" />
			<text x="10" y="18">${short(node.name || node.id)}</text>
			<text class="soft" x="10" y="35">${short([state, node.className].filter(Boolean).join(' · '))}</text>
		</g>
	</a>`;
}

function Edge({ from, to }) {
	const x1 = from.x + 8 + BOX_X, y1 = from.y + 10 + BOX_Y / 2, x2 = to.x + 8, y2 = to.y + 10 + BOX_Y / 2;
	const bend = (x2 - x1) / 2;
	return html`<path class="edge" marker-end="url(#arrow)"
		d=${`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 2} ${y2}`} />`;
}

function Picture({ data, id }) {
	const { at, width, height } = layers(data.nodes, data.edges);
	return html`<div class="graph" tabindex="0" role="region" aria-label=${t('graph.title')}>
		<svg width=${width} height=${height + 10} viewBox="0 0 ${width} ${height + 10}" role="group"
			aria-label=${t('graph.about', { n: data.nodes.length })}>
			<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
				orient="auto"><path d="M0 0 L8 4 L0 8 z" /></marker></defs>
			${data.edges.map(e => at.has(e.from) && at.has(e.to) && html`<${Edge} key=${`${e.from}\n${e.to}`}
				from=${at.get(e.from)} to=${at.get(e.to)} />`)}
			${data.nodes.map(n => html`<${Box} key=${n.id} node=${n} at=${at.get(n.id)} here=${n.id === id} />`)}
		</svg></div>
		${data.truncated && html`<p class="soft">${t('graph.truncated')}</p>`}`;
}

export function Graph({ task }) {
	const query = useQuery(`graph:${task.id}`, () => read(task), {
		events: e => e.taskId !== undefined && ((query.data && query.data.nodes) || []).some(n => n.id === e.taskId),
	});
	if (query.data && query.data.nodes.length < 2)
		return null;
	return html`<${Panel} title=${t('graph.title')}><${Query} of=${query}>${data => html`<${Picture} data=${data}
		id=${task.id} />`}<//><//>`;
}
