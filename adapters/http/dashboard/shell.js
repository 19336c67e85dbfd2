// shell.js - what stands around every page: menu, connection, language, light or dark, who is logged in.
import { html, useEffect, useRef, useState } from './lib.js';
import { useSignal } from './signal.js';
import { Link } from './router.js';
import { LANGUAGES, language, number, t } from './i18n.js';
import { choice } from './scheme.js';
import { logout, me, token } from './session.js';
import { useAlerts } from './data.js';
import { pages } from './pages.js';
import * as live from './live.js';

// How many alerts fire, beside their entry.
function Firing() {
	const { data } = useAlerts();
	const n = data ? data.items.filter(a => a.state === 'firing').length : 0;
	return n > 0 && html`<span class="count" title=${t('alerts.firing', { n })}><span aria-hidden="true">${number(n)}</span>
		<span class="unseen">${t('alerts.firing', { n })}</span></span>`;
}

function Menu({ here, close }) {
	return html`<nav aria-label=${t('menu')}><ul>${pages.filter(p => p.menu).map(p => html`<li key=${p.path}>
		<${Link} to=${p.path} aria-current=${p.menu === here ? 'page' : undefined} onClick=${close}>
			<span class="icon" aria-hidden="true">${p.icon}</span>${t(`page.${p.menu}`)}${p.menu === 'alerts' && html`<${Firing} />`}<//>
	</li>`)}</ul></nav>`;
}

// Whether what is shown is what is; the word changes with the sign.
function Connection() {
	const now = useSignal(live.state);
	return html`<div class="connection ${now}" role="status"><span class="dot" aria-hidden="true"></span>
		<span>${t(`live.${now}`)}</span>
		${now === 'lost' && html`<button type="button" class="link" onClick=${live.retry}>${t('live.retry')}</button>`}
	</div>`;
}

function Choose({ label, value, options, set }) {
	return html`<label class="choose"><span class="unseen">${label}</span><select title=${label} value=${value}
		onChange=${e => set(e.target.value)}>${Object.entries(options).map(([name, text]) =>
		html`<option key=${name} value=${name} selected=${name === value}>${text}</option>`)}</select></label>`;
}

function Who() {
	const who = useSignal(me);
	return html`<div class="who">
		${who && html`<span title=${t('role')}>${who.name ? `${who.name} · ` : ''}${t(`role.${who.role}`)}</span>`}
		${token() !== '' && html`<button type="button" class="link" onClick=${logout}>${t('logout')}</button>`}
	</div>`;
}

function Preferences() {
	const lang = useSignal(language), scheme = useSignal(choice);
	const schemes = { auto: t('scheme.auto'), light: t('scheme.light'), dark: t('scheme.dark') };
	return html`<section class="preferences" aria-label=${t('settings')}>
		<${Choose} label=${t('language')} value=${lang} options=${LANGUAGES} set=${language.set} />
		<${Choose} label=${t('scheme')} value=${scheme} options=${schemes} set=${choice.set} />
		<${Who} />
	</section>`;
}

// After a change of the page the focus goes to its beginning, as it would with a page that is loaded.
function useFocus(path) {
	const main = useRef(null), first = useRef(true);
	useEffect(() => {
		if (!first.current && main.current)
			main.current.focus({ preventScroll: true });
		first.current = false;
	}, [path]);
	return main;
}

export function Shell({ here, path, children }) {
	const [open, setOpen] = useState(false);
	const main = useFocus(path), toggle = useRef(null);
	const close = () => setOpen(false);
	const key = e => {
		if (e.key === 'Escape' && open) {
			close();
			toggle.current.focus();
		}
	};
	useEffect(() => {
		document.title = here ? `${t(`page.${here}`)} · skalds` : 'skalds';
	});
	return html`<div class="shell" onKeyDown=${key}>
		<a class="skip" href="#main" onClick=${e => (e.preventDefault(), main.current.focus())}>${t('skip')}</a>
		<header class="top">
			<button type="button" class="toggle" ref=${toggle} aria-expanded=${open} aria-controls="side"
				aria-label=${t('menu')} onClick=${() => setOpen(!open)}>☰</button>
			<${Link} to="/" class="brand">skalds<//>
			<${Connection} />
		</header>
		<div id="side" class="side ${open ? 'open' : ''}"><${Menu} here=${here} close=${close} /><${Preferences} /></div>
		${open && html`<div class="veil" onClick=${close}></div>`}
		<main id="main" ref=${main} tabindex="-1">${children}</main>
	</div>`;
}
