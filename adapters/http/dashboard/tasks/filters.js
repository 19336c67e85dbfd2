// filters.js - what the list of tasks is narrowed to; all of it stands in the URL.
import { html, useEffect, useId, useState } from '../lib.js';
import { useGet } from '../store.js';
import { number, t } from '../i18n.js';
import { Button } from '../parts/button.js';
import { useLater } from '../parts/time.js';
import { PHASES } from './state.js';

const TYPED_MS = 400;
const NAMES = ['state', 'class', 'executor', 'id', 'label', 'parent', 'elements'];

// What the API is asked for, of what stands in the URL.
export function filterOf(query) {
	const filter = {};
	for (const name of NAMES)
		if (query.get(name))
			filter[name] = query.get(name);
	return filter;
}

// A text box whose value follows the URL and goes there when typing has paused.
function Typed({ name, label, value, set, list, placeholder }) {
	const id = useId();
	const [text, setText] = useState(value);
	const later = useLater(text, TYPED_MS);
	useEffect(() => setText(value), [value]);
	useEffect(() => {
		if (later === text && later.trim() !== value)
			set({ [name]: later.trim() });
	}, [later]);
	const key = e => e.key === 'Enter' && set({ [name]: text.trim() });
	return html`<div class="filter"><label for=${id}>${label}</label>
		<input id=${id} type="search" value=${text} list=${list} placeholder=${placeholder} autocomplete="off"
			spellcheck=${false} onInput=${e => setText(e.target.value)} onKeyDown=${key} /></div>`;
}

function States({ chosen, counts, set }) {
	const toggle = phase => {
		const next = chosen.includes(phase) ? chosen.filter(p => p !== phase) : [...chosen, phase];
		set({ state: next.join(',') });
	};
	return html`<div class="states" role="group" aria-label=${t('tasks.filter.state')}>
		${PHASES.map(phase => html`<button key=${phase} type="button" class="pick"
			aria-pressed=${chosen.includes(phase)} onClick=${() => toggle(phase)}>${t(`state.${phase}`)}${' '}
			${counts && html`<span class="count">${number(counts[phase] || 0)}</span>`}</button>`)}
	</div>`;
}

// set(changes): new values of the URL's query.
export function Filters({ query, set }) {
	const status = useGet('/v1/status', { events: e => e.taskId !== undefined, every: 10000 });
	const classes = useGet('/api/tasks/classnames');
	const skalds = useGet('/v1/skalds');
	const id = useId();
	const chosen = (query.get('state') || '').split(',').filter(Boolean);
	const known = classes.data || [];
	const kind = query.get('class') || '';
	const all = kind === '' || known.includes(kind) ? known : [kind, ...known];
	const some = Object.keys(filterOf(query)).length > 0;
	const clear = () => set(Object.fromEntries(NAMES.map(name => [name, ''])));
	return html`<div class="task-filters" role="search" aria-label=${t('tasks.filter')}>
		<${States} chosen=${chosen} counts=${status.data && status.data.tasks} set=${set} />
		<div class="filter-row">
			<${Typed} name="id" label=${t('tasks.filter.id')} value=${query.get('id') || ''} set=${set} />
			<div class="filter"><label for="${id}-class">${t('tasks.filter.class')}</label>
				<select id="${id}-class" value=${kind} onChange=${e => set({ class: e.target.value })}>
					<option value="">${t('tasks.filter.all-classes')}</option>
					${all.map(name => html`<option key=${name} value=${name}>${name}</option>`)}
				</select></div>
			<${Typed} name="executor" label=${t('tasks.filter.executor')} list="${id}-skalds"
				value=${query.get('executor') || ''} set=${set} />
			<datalist id="${id}-skalds">${((skalds.data && skalds.data.items) || [])
				.map(s => html`<option key=${s.id} value=${s.id}></option>`)}</datalist>
			<${Typed} name="label" label=${t('tasks.filter.label')} placeholder=${t('tasks.filter.label-form')}
				value=${query.get('label') || ''} set=${set} />
			${some && html`<${Button} kind="quiet" onClick=${clear}>${t('tasks.filter.clear')}<//>`}
		</div>
		${query.get('parent') && html`<p class="note">${t('tasks.filter.parent', { id: query.get('parent') })}</p>`}
	</div>`;
}
