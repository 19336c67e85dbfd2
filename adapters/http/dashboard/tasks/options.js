// options.js - what a new task can have besides its attachments, as rows: name in the API, how it is
// typed, how the text becomes the value that is sent (undefined: left out). A wrong text throws a sentence.

function whole(text, t) {
	const n = Number(text);
	if (!Number.isInteger(n))
		throw new Error(t('form.integer'));
	return n;
}

function decimal(text, t) {
	const n = Number(text);
	if (Number.isNaN(n))
		throw new Error(t('form.number'));
	return n;
}

const lines = text => text.split(/[\n,]/).map(s => s.trim()).filter(Boolean);

function pairs(text, t) {
	const all = {};
	for (const line of text.split('\n').map(s => s.trim()).filter(Boolean)) {
		const at = line.indexOf('=');
		if (at < 1)
			throw new Error(t('form.pairs', { line }));
		all[line.slice(0, at)] = line.slice(at + 1);
	}
	return all;
}

function moment(text, t) {
	const ms = new Date(text).getTime();
	if (Number.isNaN(ms))
		throw new Error(t('form.moment'));
	return ms;
}

const as = text => text;

// kind: "text", "number", "lines", "moment", or a list of choices, whose first is the usual
export const OPTIONS = [
	{ name: 'name', kind: 'text', value: as },
	{ name: 'description', kind: 'lines', value: as },
	{ name: 'id', kind: 'text', value: as },
	{ name: 'priority', kind: 'number', usual: '0', value: whole },
	{ name: 'maxAttempts', kind: 'number', usual: '3', value: whole },
	{ name: 'backoffSeconds', kind: 'number', usual: '1', value: decimal },
	{ name: 'timeoutSeconds', kind: 'number', usual: '0', value: decimal },
	{ name: 'graceSeconds', kind: 'number', usual: '10', value: decimal },
	{ name: 'delaySeconds', kind: 'number', usual: '0', value: decimal },
	{ name: 'deadlineDateTime', kind: 'moment', value: moment },
	{ name: 'labels', kind: 'lines', value: pairs },
	{ name: 'dependencies', kind: 'lines', value: lines },
	{ name: 'dependencyPolicy', kind: ['cancel', 'run'], value: as },
	{ name: 'array', kind: 'text', value: as },
	{ name: 'uniqueKey', kind: 'text', value: as },
	{ name: 'cpus', inside: 'resources', kind: 'number', value: decimal },
	{ name: 'memoryMb', inside: 'resources', kind: 'number', value: whole },
	{ name: 'gpus', inside: 'resources', kind: 'number', value: whole },
	{ name: 'onDisconnect', kind: ['stop', 'continue'], value: as },
];

// What stands in the fields as members of a task: {members, problems: {name: sentence}}
export function membersOf(draft, t) {
	const members = {}, problems = {};
	for (const o of OPTIONS) {
		const text = (draft[o.name] || '').trim();
		if (text === '' || (Array.isArray(o.kind) && text === o.kind[0]))
			continue;
		try {
			const value = o.value(text, t);
			if (o.inside)
				members[o.inside] = { ...members[o.inside], [o.name]: value };
			else
				members[o.name] = value;
		} catch (e) {
			problems[o.name] = e.message;
		}
	}
	return { members, problems };
}
