// state.js - what a task's state means: what may be done with it, how long it runs.
import { may } from '../session.js';

export const PHASES = [
	'Created', 'Assigning', 'Running', 'Paused', 'Finished', 'Failed', 'Cancelled',
];
const FINAL = new Set(['Finished', 'Failed', 'Cancelled']);

export const isFinal = task => FINAL.has(task.phase);

// Whoever runs a task of mode Active decides about it.
const ours = task => task.mode !== 'Active';
const open = task => ours(task) && !isFinal(task) && task.wanted !== 'cancel';

// What can be done, in the order of the buttons: `fits` tells whether the task's state allows it;
// `grave`: cannot be taken back.
export const ACTIONS = [
	{ name: 'pause', fits: t => open(t) && t.wanted !== 'pause' && t.phase !== 'Paused' },
	{ name: 'resume', fits: t => open(t) && (t.wanted === 'pause' || t.phase === 'Paused') },
	{ name: 'retry', fits: t => ours(t) && isFinal(t) },
	{ name: 'cancel', grave: true, fits: open },
	{ name: 'delete', grave: true, fits: isFinal },
];

export const actionsOf = task => (may('write') ? ACTIONS.filter(a => a.fits(task)) : []);

// Milliseconds that the last attempt has run, null when it has not begun.
export function runTime(task, now) {
	if (!task.startDateTime || task.phase === 'Created' || task.phase === 'Assigning')
		return null;
	return Math.max(0, (task.finishDateTime || now) - task.startDateTime);
}

// Why it ended, for people; "" when there is nothing to say.
export function reasonText(exit, t) {
	if (!exit || (exit.reason === 'exited' && exit.code === 0) || (exit.reason === 'cancelled' && !exit.message))
		return '';
	const what = t(`exit.${exit.reason}`, { code: exit.code, signal: exit.signal });
	return exit.message ? `${what}: ${exit.message}` : what;
}
