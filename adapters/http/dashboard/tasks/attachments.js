// attachments.js - the parameters of a task: shown, and changed as a form or as JSON. What somebody else
// changed meanwhile is told and not written over (If-Match).
import { html, useState } from '../lib.js';
import { ApiError, id as encoded, send } from '../api.js';
import { t } from '../i18n.js';
import { refetch, useGet } from '../store.js';
import { may } from '../session.js';
import { Button } from '../parts/button.js';
import { Panel } from '../parts/card.js';
import { toast } from '../parts/toast.js';
import { Fields, jsonProblem, JsonField, useWays, Ways } from './fields.js';
import { attachmentsOf, draftOf, fieldsOf, problemsAt } from './schema.js';

const TRIES = 5; // a task that runs changes all the time, but not its attachments

const text = value => JSON.stringify(value, null, 2);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// The schema of a class, null when there is none.
export function useClass(name) {
	const query = useGet(`/v1/classes/${encoded(name)}`, { enabled: name !== '' });
	return { schema: query.data ? query.data.schema || null : null, known: query.data,
		settled: name === '' || query.data !== undefined || query.error !== null };
}

// What is sent: the members that differ, as PATCH merges; the whole when one is taken away.
function change(base, next, fields) {
	const members = {}, byName = new Map(fields.map(f => [f.name, f.schema]));
	let removed = false;
	for (const [name, value] of Object.entries(next))
		if (!same(value, base[name]))
			members[name] = value;
	for (const name of Object.keys(base))
		if (!(name in next)) {
			const standard = (byName.get(name) || {}).default;
			if (standard === undefined)
				removed = true;
			else if (!same(standard, base[name]))
				members[name] = standard;
		}
	return removed ? { whole: next } : { members };
}

function put(task, what, etag) {
	const headers = etag ? { 'If-Match': etag } : {};
	if (what.whole)
		return send('PUT', `/api/tasks/${encoded(task.id)}/attachments`, { attachments: what.whole }, { headers });
	return send('PATCH', `/v1/tasks/${encoded(task.id)}`, { attachments: what.members }, { headers });
}

// Sends it, provided that the attachments are still those it was made from.
async function save(task, what, base, read) {
	let now = await read();
	for (let n = 1; ; n++) {
		if (!same(now.task.attachments || {}, base))
			throw new ApiError(412, t('attachments.changed'));
		try {
			await put(task, what, now.etag);
			return;
		} catch (e) {
			if (e.status !== 412 || n === TRIES)
				throw e;
		}
		now = await read();
	}
}

function Editor({ task, schema, read, close }) {
	const base = useState(task.attachments || {})[0];
	const fields = schema ? fieldsOf(schema) : [];
	const [way, setWay] = useWays(schema !== null);
	const [draft, setDraft] = useState(() => draftOf(fields, base));
	const [json, setJson] = useState(() => text(base));
	const [problems, setProblems] = useState({});
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const choose = next => {
		if (next === 'json')
			setJson(text(attachmentsOf(fields, draft, t).attachments));
		else
			setDraft(draftOf(fields, JSON.parse(json)));
		setWay(next);
	};
	const submit = async () => {
		const made = way === 'form' ? attachmentsOf(fields, draft, t) : { attachments: JSON.parse(json), problems: {} };
		setProblems(made.problems);
		setError(null);
		if (Object.keys(made.problems).length > 0)
			return;
		setBusy(true);
		try {
			await save(task, change(base, made.attachments, fields), base, read);
			toast(t(task.phase === 'Running' ? 'attachments.done.live' : 'attachments.done'));
			refetch(`task:${task.id}`);
			close();
		} catch (e) {
			const { at, rest } = problemsAt(e.problems || [], 'attachments', fields.map(f => f.name));
			setProblems(at);
			setError(e.problems && e.problems.length > 0 ? rest.join('\n') : e.message);
			setBusy(false);
		}
	};
	return html`<div class="editor">
		${schema && html`<${Ways} way=${way} choose=${choose} disabled=${way === 'json' && jsonProblem(json) !== ''} />`}
		${way === 'form' ? html`<${Fields} fields=${fields} draft=${draft} problems=${problems}
			set=${(name, value) => setDraft(old => ({ ...old, [name]: value }))} />` :
			html`<${JsonField} label=${t('attachments.json')} text=${json} set=${setJson}
				error=${Object.entries(problems).map(([k, v]) => `${k}: ${v}`).join('; ')} />`}
		${error && html`<p class="wrong" role="alert">${error}</p>`}
		<p class="tools"><${Button} kind="primary" busy=${busy} onClick=${submit}
			disabled=${way === 'json' && jsonProblem(json) !== ''}>${t('attachments.save')}<//>
			<${Button} onClick=${close} disabled=${busy}>${t('cancel')}<//></p>
	</div>`;
}

// read: async, the task anew and its ETag
export function Attachments({ task, read }) {
	const [open, setOpen] = useState(false);
	const { schema, settled } = useClass(task.className);
	const edit = may('write') && !open && html`<${Button} disabled=${!settled} onClick=${() => setOpen(true)}
		>${t('attachments.edit')}<//>`;
	return html`<${Panel} title=${t('attachments.title')} aside=${edit}>
		${open ? html`<${Editor} task=${task} schema=${schema} read=${read} close=${() => setOpen(false)} />` :
			html`<pre class="json-view" tabindex="0">${text(task.attachments || {})}</pre>`}
	<//>`;
}
