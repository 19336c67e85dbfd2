// fields.js - a form for the attachments of a class, from its JSON Schema; and the same as JSON.
import { html, useState } from '../lib.js';
import { t } from '../i18n.js';
import { Button, Field } from '../parts/button.js';

// The value of a draft is changed by set(name, value).
function Control({ field, value, set, tie }) {
	const { name, schema: s, kind } = field;
	const input = e => set(name, e.target.value);
	switch (kind) {
	case 'flag':
		return html`<input type="checkbox" ...${tie} required=${undefined} checked=${value === true}
			onChange=${e => set(name, e.target.checked)} />`;
	case 'choice':
		return html`<select ...${tie} value=${value} onChange=${input}>
			<option value="" selected=${value === ''}></option>
			${s.enum.map(c => html`<option key=${c} value=${String(c)} selected=${value === String(c)}>${c}</option>`)}
		</select>`;
	case 'number':
	case 'integer':
		return html`<input type="text" inputmode=${kind === 'integer' ? 'numeric' : 'decimal'} ...${tie} value=${value}
			placeholder=${placeholder(s)} autocomplete="off" onInput=${input} />`;
	case 'lines':
	case 'long':
	case 'json':
		return html`<textarea ...${tie} rows=${Math.min(12, Math.max(kind === 'long' ? 5 : 3,
			value.split('\n').length))} spellcheck=${false} value=${value} onInput=${input}></textarea>`;
	default:
		return html`<input type=${s.writeOnly ? 'password' : 'text'} ...${tie} value=${value}
			placeholder=${placeholder(s)} autocomplete=${s.writeOnly ? 'new-password' : 'off'} spellcheck=${false}
			onInput=${input} />`;
	}
}

const placeholder = s => (s.default === undefined ? undefined : t('form.default', { value: String(s.default) }));

function boundsText(s) {
	if (s.minimum !== undefined && s.maximum !== undefined)
		return t('form.between', { least: s.minimum, most: s.maximum });
	if (s.minimum !== undefined)
		return t('form.least', { bound: s.minimum });
	return s.maximum !== undefined ? t('form.most', { bound: s.maximum }) : '';
}

function hintOf({ schema: s, kind }) {
	const form = kind === 'lines' ? t('form.lines') : kind === 'json' ? t('form.as-json') : '';
	const standard = kind === 'choice' && s.default !== undefined ? t('form.default', { value: String(s.default) }) : '';
	return [s.description, boundsText(s), form, standard].filter(Boolean).join(' · ');
}

export function Fields({ fields, draft, problems, set }) {
	if (fields.length === 0)
		return html`<p class="soft">${t('form.no-fields')}</p>`;
	return fields.map(field => html`<${Field} key=${field.name} label=${field.name} hint=${hintOf(field)}
		error=${problems[field.name]} required=${field.required}>${tie => html`<${Control} field=${field}
		value=${draft[field.name] ?? ''} set=${set} tie=${tie} />`}<//>`);
}

// What is wrong with a text as attachments: a sentence, or "".
export function jsonProblem(text) {
	try {
		const value = JSON.parse(text);
		return value !== null && typeof value === 'object' && !Array.isArray(value) ? '' : t('form.not-object');
	} catch (e) {
		return t('form.json', { why: e.message });
	}
}

export function JsonField({ label, text, set, error }) {
	const problem = jsonProblem(text);
	const format = () => set(JSON.stringify(JSON.parse(text), null, 2));
	return html`<${Field} label=${label} error=${problem || error}>${tie => html`<textarea ...${tie}
			class="json" rows=${Math.min(24, Math.max(6, text.split('\n').length + 1))} spellcheck=${false}
			value=${text} onInput=${e => set(e.target.value)}></textarea>`}<//>
		<p class="tools"><${Button} kind="quiet" disabled=${problem !== ''} onClick=${format}>${t('form.format')}<//>
			<${Button} kind="quiet" onClick=${() => set('{}')}>${t('form.clear')}<//></p>`;
}

// The two ways to edit, as two buttons of which one is pressed.
export function Ways({ way, choose, disabled }) {
	return html`<div class="ways" role="group" aria-label=${t('form.ways')}>
		${['form', 'json'].map(name => html`<button key=${name} type="button" class="pick" aria-pressed=${way === name}
			disabled=${disabled && way !== name} onClick=${() => choose(name)}>${t(`form.way.${name}`)}</button>`)}
	</div>`;
}

// Draft, text and which of both counts. hasForm: is there a schema?
export function useWays(hasForm) {
	const [way, setWay] = useState(hasForm ? 'form' : 'json');
	return [hasForm ? way : 'json', setWay];
}
