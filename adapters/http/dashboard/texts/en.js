// en.js - the texts of the shell, the parts and the pages but those of tasks (en-tasks.js).
import tasks from './en-tasks.js';

export default {
	menu: 'Menu', skip: 'Skip to content', language: 'Language', messages: 'Messages',
	scheme: 'Colours', 'scheme.auto': 'As the system', 'scheme.light': 'Light', 'scheme.dark': 'Dark',
	role: 'Role', 'role.read': 'read only', 'role.write': 'operator', 'role.admin': 'administrator',
	logout: 'Log out', login: 'Log in', close: 'Close', cancel: 'Cancel', retry: 'Try again', reload: 'Reload',
	loading: 'Loading', none: 'Nothing to show.', 'not-available': 'Not available on this server.',
	time: 'Time', 'time.ago': '{span} ago', all: 'All', filter: 'Filter', name: 'Name',
	broken: 'This page has failed.', 'no-page': 'There is no such page.',
	'error.unreachable': 'The server does not answer. What is shown may be old.',
	'error.stale': 'This could not be read again and may be old.',

	'live.connecting': 'Connecting', 'live.live': 'Live', 'live.lost': 'Disconnected', 'live.paused': 'Paused',
	'live.retry': 'Connect now',

	'page.overview': 'Overview', 'page.tasks': 'Tasks', 'page.skalds': 'Skalds', 'page.alerts': 'Alerts',
	'page.health': 'Health',

	'state.Created': 'Waiting', 'state.Assigning': 'Assigning', 'state.Running': 'Running', 'state.Paused': 'Paused',
	'state.Finished': 'Finished', 'state.Failed': 'Failed', 'state.Cancelled': 'Cancelled',
	'state.online': 'Online', 'state.draining': 'Draining', 'state.offline': 'Offline',
	'state.firing': 'Firing', 'state.acknowledged': 'Acknowledged', 'state.resolved': 'Resolved',
	'state.critical': 'Critical', 'state.warning': 'Warning', 'state.ok': 'Answers', 'state.failed': 'Does not answer',

	'login.why': 'This server wants a token.', 'login.token': 'Token',
	'login.hint': 'It is kept until this tab is closed. `skalds token new` makes one.',
	'login.wrong': 'The server does not know this token.',
	...tasks,
};
