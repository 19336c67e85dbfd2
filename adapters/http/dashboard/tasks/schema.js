// schema.js - between a form and the attachments of a task: what the fields of a class's JSON Schema
// are, the texts in them, and the values that are sent.
//
// A draft is what stands in the fields: {name: text or true/false}. A field that is empty and not
// required is left out, so that the class's default counts.

const typeOf = schema => (Array.isArray(schema.type) ? schema.type.find(n => n !== 'null') : schema.type);

// How a member is edited: "text", "lines" (a list of texts, one a line), "long", "number", "integer",
// "flag", "choice", "json".
export function kindOf(schema) {
	const type = typeOf(schema);
	if (schema.enum)
		return 'choice';
	if (type === 'boolean')
		return 'flag';
	if (type === 'integer' || type === 'number')
		return type;
	if (type === 'string')
		return (schema.maxLength || 0) > 4096 ? 'long' : 'text';
	if (type === 'array' && schema.items && typeOf(schema.items) === 'string' && !schema.items.enum)
		return 'lines';
	return 'json';
}

// [{name, schema, kind, required}]: required ones first, in the order of the schema.
export function fieldsOf(schema) {
	const required = new Set(schema.required || []);
	const all = Object.entries(schema.properties || {}).map(([name, s]) => ({
		name, schema: s, kind: kindOf(s), required: required.has(name),
	}));
	return [...all.filter(f => f.required), ...all.filter(f => !f.required)];
}

function textOf(field, value) {
	if (value === undefined || value === null)
		return field.kind === 'flag' ? field.schema.default === true : '';
	switch (field.kind) {
	case 'flag':
		return value === true;
	case 'lines':
		return Array.isArray(value) && value.every(v => typeof v === 'string' && !v.includes('\n')) ?
			value.join('\n') : JSON.stringify(value);
	case 'json':
		return JSON.stringify(value, null, 2);
	default:
		return String(value);
	}
}

// Fields for these attachments.
export const draftOf = (fields, attachments) =>
	Object.fromEntries(fields.map(f => [f.name, textOf(f, (attachments || {})[f.name])]));

function linesOf(text) {
	if (text.trimStart().startsWith('['))
		try {
			return JSON.parse(text);
		} catch {
			// a line that begins with a bracket
		}
	return text.replace(/\n+$/, '').split('\n');
}

function valueOf(field, text, t) {
	switch (field.kind) {
	case 'number':
	case 'integer': {
		const n = Number(text);
		if (text.trim() === '' || Number.isNaN(n))
			throw new Error(t('form.number'));
		if (field.kind === 'integer' && !Number.isInteger(n))
			throw new Error(t('form.integer'));
		return n;
	}
	case 'lines':
		return linesOf(text);
	case 'json':
		try {
			return JSON.parse(text);
		} catch (e) {
			throw new Error(t('form.json', { why: e.message }));
		}
	default:
		return text;
	}
}

function bounds(field, value, t) {
	const s = field.schema;
	if (typeof value === 'number' && s.minimum !== undefined && value < s.minimum)
		throw new Error(t('form.least', { bound: s.minimum }));
	if (typeof value === 'number' && s.maximum !== undefined && value > s.maximum)
		throw new Error(t('form.most', { bound: s.maximum }));
}

// What is sent: {attachments, problems: {name: sentence}}. The server judges again, and everything
// else; what it says stands at the fields too. `all`: what was there stays explicit though it is empty.
export function attachmentsOf(fields, draft, t) {
	const attachments = {}, problems = {};
	for (const f of fields) {
		const text = draft[f.name];
		try {
			if (f.kind === 'flag') {
				if (text !== (f.schema.default === true) || f.required)
					attachments[f.name] = text;
			} else if (text !== '') {
				attachments[f.name] = valueOf(f, text, t);
				bounds(f, attachments[f.name], t);
			} else if (f.required) {
				problems[f.name] = t('form.required');
			}
		} catch (e) {
			problems[f.name] = e.message;
		}
	}
	return { attachments, problems };
}

// Sentences of the server at the fields they are about: pointer "/attachments/seconds" or path
// "attachments.seconds" -> {seconds: sentence}; what is about none of these names -> rest.
export function problemsAt(problems, prefix, names) {
	const at = {}, rest = [];
	for (const p of problems) {
		const words = p.pointer ? p.pointer.slice(1).split('/')
			.map(w => w.replace(/~1/g, '/').replace(/~0/g, '~')) : (p.path || '').split(/[.[]/);
		const inner = prefix === '' ? words : words[0] === prefix ? words.slice(1) : [];
		const name = inner[0];
		if (name !== undefined && names.includes(name))
			at[name] = at[name] ? `${at[name]}; ${p.message}` : p.message;
		else
			rest.push(p.path ? `${p.path}: ${p.message}` : p.message);
	}
	return { at, rest };
}
