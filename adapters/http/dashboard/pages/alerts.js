// alerts.js - what wants attention: acknowledged by whoever looks after it, resolved by itself.
import { html } from '../lib.js';
import { number, t } from '../i18n.js';
import { id as path, post } from '../api.js';
import { route, setQuery } from '../router.js';
import { may } from '../session.js';
import { useSignal } from '../signal.js';
import { refetch } from '../store.js';
import { useAlerts } from '../data.js';
import { Button, Field } from '../parts/button.js';
import { State } from '../parts/badge.js';
import { Query } from '../parts/states.js';
import { Table, sorted } from '../parts/table.js';
import { Ago, Time } from '../parts/time.js';
import { attempt } from '../parts/toast.js';

const CHOICES = ['active', 'firing', 'acknowledged', 'resolved', 'all'];
// Without a state: those that are active.
const ASKED = { active: undefined, all: '' };
const asked = choice => (choice in ASKED ? ASKED[choice] : choice);

async function acknowledge(a) {
	await attempt(() => post(`/v1/alerts/${path(a.id)}/acknowledge`), t('alerts.acknowledged', { rule: a.rule }));
	refetch('/v1/alerts');
}

function Action({ of: a }) {
	if (a.state === 'firing')
		return html`<${Button} onClick=${() => acknowledge(a)} disabled=${!may('write')}
			title=${may('write') ? undefined : t('needs.write')}>${t('alerts.acknowledge')}<//>`;
	if (a.state === 'resolved')
		return html`<${Time} ms=${a.resolvedAt} />`;
	return a.acknowledgedBy ? t('alerts.by', { who: a.acknowledgedBy }) : html`<${Time} ms=${a.acknowledgedAt} />`;
}

const measured = a => (a.value === null || a.value === undefined ? '–' :
	`${number(a.value, 2)} / ${a.threshold === null || a.threshold === undefined ? '–' : number(a.threshold, 2)}`);

const columns = () => [
	{ name: 'severity', label: t('alerts.severity'), sort: true, cell: a => html`<${State} of=${a.severity} />` },
	{ name: 'state', label: t('skald.state'), sort: true, cell: a => html`<${State} of=${a.state} />` },
	{ name: 'rule', label: t('alerts.rule'), sort: true, class: 'wrap', cell: a => html`<div><strong>${a.rule}</strong>
		${a.subject && html`<br /><span class="hint">${a.subject}</span>`}</div>` },
	{ name: 'message', label: t('alerts.message'), class: 'wrap', cell: a => a.message },
	{ name: 'value', label: t('alerts.value'), class: 'nowrap', align: 'right', cell: measured },
	{ name: 'since', label: t('alerts.since'), sort: true, first: 'descending', class: 'nowrap', cell: a => html`<${Ago} ms=${a.since} />` },
	{ name: 'action', label: t('alerts.action'), cell: a => html`<${Action} of=${a} />` },
];

const DEFAULT = { name: 'since', direction: 'descending' };

export default function Alerts() {
	const { query } = useSignal(route);
	const choice = CHOICES.includes(query.get('state')) ? query.get('state') : 'active';
	const text = query.get('sort') || '';
	const sort = text === '' ? DEFAULT :
		{ name: text.replace(/^-/, ''), direction: text.startsWith('-') ? 'descending' : 'ascending' };
	const q = useAlerts(asked(choice));
	return html`<div class="page-head"><h1>${t('page.alerts')}</h1></div>
		<div class="filters"><${Field} label=${t('skald.state')}>${about => html`<select ...${about} value=${choice}
			onChange=${e => setQuery({ state: e.target.value === 'active' ? '' : e.target.value }, { replace: true })}>
			${CHOICES.map(c => html`<option key=${c} value=${c} selected=${c === choice}>${t(`alerts.choice.${c}`)}</option>`)}
		</select>`}<//></div>
		<${Query} of=${q} missing=${t('alerts.missing')}>${({ items }) => html`<${Table} stack caption=${t('page.alerts')}
			columns=${columns()} rows=${sorted(items, sort, (a, name) => a[name])} keyOf=${a => a.id} sort=${sort}
			onSort=${s => setQuery({ sort: (s.direction === 'descending' ? '-' : '') + s.name }, { replace: true })}
			empty=${t('alerts.none')} />`}<//>`;
}
