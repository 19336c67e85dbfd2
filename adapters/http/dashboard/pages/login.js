// login.js - asks for a token; shown when the server has answered 401.
import { html, useState } from '../lib.js';
import { t } from '../i18n.js';
import { login, logout, token } from '../session.js';
import { get } from '../api.js';
import { Button, Field } from '../parts/button.js';

// Is it one? What cannot be tried is said; the token is forgotten again.
async function tryToken(text) {
	sessionStorage.setItem('skalds.token', text);
	try {
		await get('/v1/status');
	} catch (e) {
		if (e.status === 401 || e.status === 0) {
			logout();
			return e.status === 401 ? t('login.wrong') : t('error.unreachable');
		}
	}
	login(text);
	return null;
}

export function Login() {
	const [text, setText] = useState('');
	const [error, setError] = useState(token() !== '' ? t('login.wrong') : null);
	const [busy, setBusy] = useState(false);
	const submit = async e => {
		e.preventDefault();
		setBusy(true);
		const why = await tryToken(text.trim());
		setBusy(false);
		setError(why);
	};
	return html`<main class="login"><form onSubmit=${submit}>
		<h1>skalds</h1>
		<p>${t('login.why')}</p>
		<${Field} label=${t('login.token')} hint=${t('login.hint')} error=${error}>${about => html`<input type="password"
			autocomplete="off" spellcheck=${false} autofocus value=${text} onInput=${e => setText(e.target.value)}
			...${about} />`}<//>
		<${Button} kind="primary" type="submit" busy=${busy} disabled=${text.trim() === ''}>${t('login')}<//>
	</form></main>`;
}
