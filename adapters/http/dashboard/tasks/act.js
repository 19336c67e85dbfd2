// act.js - what people do to tasks: the question before it, the request, what is said afterwards.
import { id as encoded, post, send } from '../api.js';
import { t } from '../i18n.js';
import { refetch } from '../store.js';
import { confirm } from '../parts/dialog.js';
import { attempt, toast } from '../parts/toast.js';

// Keys of what shows tasks begin so.
const SHOWN = ['/v1/tasks', 'task:', '/v1/status'];
const MOST_TOLD = 3; // failures that are told one by one

const refresh = () => SHOWN.forEach(refetch);

function request(action, task) {
	const path = `/v1/tasks/${encoded(task.id)}`;
	return action.name === 'delete' ? send('DELETE', path) : post(`${path}/${action.name}`);
}

// One task. True when it was done.
export async function actOnOne(action, task) {
	const run = () => request(action, task);
	const done = t(`done.${action.name}`, { n: 1 });
	let good;
	if (action.grave) {
		good = await confirm({
			title: t(`ask.${action.name}`, { n: 1 }),
			text: t(`ask.${action.name}.one`, { id: task.id }),
			action: t(`action.${action.name}`),
			run,
		});
		if (good)
			toast(done);
	} else {
		good = await attempt(run, done);
	}
	refresh();
	return good;
}

function tell(action, answer) {
	if (answer.done > 0)
		toast(t(`done.${action.name}`, { n: answer.done }));
	if (answer.failed > 0) {
		const bad = answer.items.filter(item => !item.ok).slice(0, MOST_TOLD)
			.map(item => `${item.id}: ${item.error}`).join('; ');
		toast(t('done.failed', { n: answer.failed, why: bad }), 'bad');
	}
	if (answer.done === 0 && answer.failed === 0)
		toast(t('done.none'));
}

// Many: `what` is {ids} or {filter}, `n` how many, `rest` how many of the chosen ones are left out
// because their state does not allow it. The number is always asked about first.
export async function actOnMany(action, what, n, rest = 0) {
	let answer = null;
	const values = { n, many: typeof n === 'number' ? undefined : n };
	const good = await confirm({
		title: t(`ask.${action.name}`, values),
		text: [t(action.grave ? 'ask.grave' : 'ask.mild', values), rest > 0 ? t('ask.rest', { n: rest }) : '']
			.filter(Boolean).join(' '),
		action: t(`action.${action.name}`),
		kind: action.grave ? 'danger' : 'primary',
		run: async () => {
			answer = await post(`/v1/tasks/${action.name}`, what);
		},
	});
	if (good)
		tell(action, answer);
	refresh();
	return good;
}
