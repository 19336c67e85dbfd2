// app.js - the start: who asks, the stream of events, the page.
import { html, render, useEffect, useState, useErrorBoundary } from './lib.js';
import { useSignal } from './signal.js';
import { useLanguage, t } from './i18n.js';
import { locked, me } from './session.js';
import { get, ApiError } from './api.js';
import { match, route } from './router.js';
import { pages } from './pages.js';
import { Shell } from './shell.js';
import { Login } from './pages/login.js';
import { Button } from './parts/button.js';
import { Empty, Loading } from './parts/states.js';
import { Questions } from './parts/dialog.js';
import { Toasts } from './parts/toast.js';
import * as live from './live.js';

function found(path) {
	for (const page of pages) {
		const params = match(page.path, path);
		if (params !== null)
			return { page, params };
	}
	return null;
}

// The module of a page, once it is loaded.
function useModule(page) {
	const [module, setModule] = useState({});
	useEffect(() => {
		let here = true;
		if (page !== null)
			page.load().then(m => here && setModule({ page, draw: m.default }),
				error => here && setModule({ page, error }));
		return () => {
			here = false;
		};
	}, [page]);
	return module.page === page ? module : {};
}

function Broken({ error, again }) {
	return html`<${Empty} action=${html`<${Button} kind="primary" onClick=${again}>${t('reload')}<//>`}>
		<strong>${t('broken')}</strong><br />${error.message}<//>`;
}

function Page({ page, params }) {
	const { draw: Draw, error: missing } = useModule(page);
	const [error] = useErrorBoundary(e => console.error(e));
	if (error || missing)
		return html`<${Broken} error=${error || missing} again=${() => location.reload()} />`;
	if (page === null)
		return html`<${Empty}>${t('no-page')}<//>`;
	return Draw ? html`<${Draw} ...${params} />` : html`<${Loading} />`;
}

// The other pages, when there is nothing else to do: they open at once, also when the server is away.
function fetchAhead() {
	const idle = window.requestIdleCallback || (fn => setTimeout(fn, 1000));
	idle(() => pages.forEach(page => page.load().catch(() => {})), { timeout: 5000 });
}

// Who we are; a server without the route takes everybody.
async function ask() {
	try {
		me.set(await get('/v1/me'));
	} catch (e) {
		if (!(e instanceof ApiError) || e.status === 401)
			return;
	}
	live.start();
	fetchAhead();
}

function App() {
	useLanguage();
	const isLocked = useSignal(locked);
	const { path } = useSignal(route);
	useEffect(() => {
		if (isLocked)
			live.stop();
		else
			ask();
	}, [isLocked]);
	if (isLocked)
		return html`<${Login} /><${Toasts} />`;
	const { page, params } = found(path) || { page: null, params: {} };
	return html`<${Shell} here=${page && (page.menu || page.under)} path=${path}>
		<${Page} key=${page ? page.path + JSON.stringify(params) : path} page=${page} params=${params} />
	<//><${Questions} /><${Toasts} />`;
}

render(html`<${App} />`, document.getElementById('app'));
