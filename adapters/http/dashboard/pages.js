// pages.js - every page, one row each: its path, the module that draws it (default export, gets the
// path's parameters), and its place in the menu if it has one. The first row that fits is the one.
export const pages = [
	{ path: '/', load: () => import('./pages/overview.js'), menu: 'overview', icon: '◫' },
	{ path: '/tasks', load: () => import('./pages/tasks.js'), menu: 'tasks', icon: '☰' },
	{ path: '/tasks/new', load: () => import('./pages/task-new.js'), under: 'tasks' },
	{ path: '/tasks/:id', load: () => import('./pages/task.js'), under: 'tasks' },
	{ path: '/skalds', load: () => import('./pages/skalds.js'), menu: 'skalds', icon: '⬢' },
	{ path: '/skalds/:id', load: () => import('./pages/skald.js'), under: 'skalds' },
	{ path: '/alerts', load: () => import('./pages/alerts.js'), menu: 'alerts', icon: '△' },
	{ path: '/health', load: () => import('./pages/health.js'), menu: 'health', icon: '♥' },
];
