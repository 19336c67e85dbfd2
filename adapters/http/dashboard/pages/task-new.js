// task-new.js - a new task: its class, its attachments by the class's schema, and what else it can have.
import { html, useEffect, useRef, useState } from '../lib.js';
import { id as encoded, newKey, post } from '../api.js';
import { t } from '../i18n.js';
import { go, Link, route, setQuery } from '../router.js';
import { useSignal } from '../signal.js';
import { refetch, useGet } from '../store.js';
import { may } from '../session.js';
import { Button, Field } from '../parts/button.js';
import { Panel } from '../parts/card.js';
import { Empty, Query } from '../parts/states.js';
import { toast } from '../parts/toast.js';
import { Fields, jsonProblem, JsonField, useWays, Ways } from '../tasks/fields.js';
import { membersOf, OPTIONS } from '../tasks/options.js';
import { attachmentsOf, draftOf, fieldsOf, problemsAt } from '../tasks/schema.js';

function Option({ option: o, value, set, error }) {
	const input = e => set(o.name, e.target.value);
	const label = t(`option.${o.name}`);
	return html`<${Field} label=${label} hint=${t(`option.${o.name}.hint`)} error=${error}>${tie => {
		if (Array.isArray(o.kind))
			return html`<select ...${tie} value=${value || o.kind[0]} onChange=${input}>${o.kind.map(c => html`<option key=${c}
				value=${c} selected=${c === (value || o.kind[0])}>${t(`option.${o.name}.${c}`)}</option>`)}</select>`;
		if (o.kind === 'lines')
			return html`<textarea ...${tie} rows="2" spellcheck=${false} value=${value} onInput=${input}></textarea>`;
		return html`<input ...${tie} type=${o.kind === 'moment' ? 'datetime-local' : 'text'} value=${value}
			inputmode=${o.kind === 'number' ? 'decimal' : undefined} placeholder=${o.usual} autocomplete="off"
			spellcheck=${false} onInput=${input} />`;
	}}<//>`;
}

function Advanced({ draft, set, problems, key0, setKey }) {
	const wrong = OPTIONS.some(o => problems[o.name]);
	const box = useRef(null);
	useEffect(() => {
		if (wrong)
			box.current.open = true;
	}, [wrong]);
	return html`<details class="panel advanced" ref=${box}><summary>${t('new.advanced')}</summary>
		<div class="options">
			${OPTIONS.map(o => html`<${Option} key=${o.name} option=${o} value=${draft[o.name] || ''} set=${set}
				error=${problems[o.name]} />`)}
			<${Field} label=${t('new.key')} hint=${t('new.key.hint')}>${tie => html`<input ...${tie} type="text"
				value=${key0} autocomplete="off" spellcheck=${false} onInput=${e => setKey(e.target.value)} />`}<//>
		</div></details>`;
}

// Where a sentence of the server belongs: a field of the attachments, an option, or above it all.
function sort(problems, fields) {
	const inside = problemsAt(problems, 'attachments', fields.map(f => f.name));
	const needs = problemsAt(problems, 'resources', OPTIONS.filter(o => o.inside).map(o => o.name));
	const outside = problemsAt(problems, '', OPTIONS.map(o => o.name));
	return { attachments: inside.at, options: { ...outside.at, ...needs.at },
		rest: outside.rest.filter(text => inside.rest.includes(text) && needs.rest.includes(text)) };
}

// Everything that was typed, and what is wrong with it.
function useForm(schema) {
	const fields = schema ? fieldsOf(schema) : [];
	const [way, setWay] = useWays(schema !== null);
	const [draft, setDraft] = useState(() => draftOf(fields, {}));
	const [json, setJson] = useState('{}');
	const [options, setOptions] = useState({});
	const [problems, setProblems] = useState({ attachments: {}, options: {}, rest: [] });
	const change = set => (name, value) => set(old => ({ ...old, [name]: value }));
	const choose = next => {
		if (next === 'json')
			setJson(JSON.stringify(attachmentsOf(fields, draft, t).attachments, null, 2));
		else
			setDraft(draftOf(fields, JSON.parse(json)));
		setWay(next);
	};
	// The task as it is sent, or null when something is wrong already.
	const task = className => {
		const a = way === 'form' ? attachmentsOf(fields, draft, t) : { attachments: JSON.parse(json), problems: {} };
		const o = membersOf(options, t);
		setProblems({ attachments: a.problems, options: o.problems, rest: [] });
		if (Object.keys(a.problems).length + Object.keys(o.problems).length > 0)
			return null;
		return { className, attachments: a.attachments, ...o.members };
	};
	return { fields, way, choose, draft, setDraft: change(setDraft), json, setJson, options,
		setOptions: change(setOptions), problems, setProblems, task,
		broken: way === 'json' && jsonProblem(json) !== '' };
}

function useSend(form, className) {
	const [busy, setBusy] = useState('');
	const [key, setKey] = useState(newKey);
	const send = async dry => {
		const task = form.task(className);
		if (task === null)
			return;
		setBusy(dry ? 'check' : 'create');
		try {
			const answer = await post(dry ? '/v1/tasks?dry_run=1' : '/v1/tasks', { source: 'Dashboard', ...task },
				dry || key === '' ? {} : { key });
			if (dry) {
				toast(t('new.valid'));
			} else {
				const made = answer.items[0];
				toast(t(made.created ? 'new.done' : 'new.existed', { id: made.id }));
				refetch('/v1/tasks');
				go(`/tasks/${encoded(made.id)}`);
				return;
			}
		} catch (e) {
			form.setProblems(e.problems && e.problems.length > 0 ? sort(e.problems, form.fields) :
				{ attachments: {}, options: {}, rest: [e.message] });
		}
		setBusy('');
	};
	return { busy, send, key, setKey };
}

function Form({ known }) {
	const form = useForm(known.schema || null);
	const { busy, send, key, setKey } = useSend(form, known.className);
	const submit = e => {
		e.preventDefault();
		send(false);
	};
	return html`<form onSubmit=${submit} novalidate>
		<${Panel} title=${t('attachments.title')} aside=${known.schema && html`<${Ways} way=${form.way}
			choose=${form.choose} disabled=${form.broken} />`}>
			${form.way === 'form' ? html`<${Fields} fields=${form.fields} draft=${form.draft} set=${form.setDraft}
				problems=${form.problems.attachments} />` : html`<${JsonField} label=${t('attachments.json')}
				text=${form.json} set=${form.setJson} error=${Object.entries(form.problems.attachments)
					.map(([k, v]) => `${k}: ${v}`).join('; ')} />`}
		<//>
		<${Advanced} draft=${form.options} set=${form.setOptions} problems=${form.problems.options} key0=${key}
			setKey=${setKey} />
		${form.problems.rest.length > 0 && html`<div class="failure" role="alert">${form.problems.rest
			.map(text => html`<p key=${text}>${text}</p>`)}</div>`}
		<p class="tools"><${Button} kind="primary" type="submit" busy=${busy === 'create'} disabled=${form.broken}
			>${t('new.create')}<//>
			<${Button} busy=${busy === 'check'} disabled=${form.broken} onClick=${() => send(true)}>${t('new.check')}<//></p>
	</form>`;
}

function Choose({ classes }) {
	const { query } = useSignal(route);
	const name = query.get('class') || '';
	const known = classes.find(c => c.className === name);
	return html`<${Panel} title=${t('new.class')}>
		<${Field} label=${t('tasks.class')} hint=${known ? known.description || known.summary : t('new.class.hint')} required
			>${tie => html`<select ...${tie} value=${name} onChange=${e => setQuery({ class: e.target.value })}>
			<option value="" selected=${name === ''}></option>
			${classes.map(c => html`<option key=${c.className} value=${c.className} selected=${c.className === name}
				>${c.className}</option>`)}</select>`}<//>
		${name !== '' && !known && html`<p class="wrong">${t('new.class.unknown', { name })}</p>`}
	<//>${known && html`<${Form} key=${name} known=${known} />`}`;
}

export default function NewTask() {
	const classes = useGet('/v1/classes');
	return html`<p class="crumbs"><${Link} to="/tasks">${t('tasks.title')}<//> / <span>${t('tasks.create')}</span></p>
		<header class="page-head"><h1>${t('tasks.create')}</h1></header>
		${may('write') ? html`<${Query} of=${classes}>${data => html`<${Choose} classes=${data.items} />`}<//>` :
			html`<${Empty}>${t('new.forbidden')}<//>`}`;
}
