// dialog.js - a dialog in front of the page, and the question before what cannot be taken back.
//
// <dialog> keeps the focus inside, closes on Escape, makes the rest of the page inert and gives the focus
// back: what would be a focus trap is the browser's own.
import { html, useEffect, useId, useRef, useState } from '../lib.js';
import { signal, useSignal } from '../signal.js';
import { t } from '../i18n.js';
import { Button } from './button.js';

export function Dialog({ title, close, children, buttons, wide = false }) {
	const box = useRef(null);
	const id = useId();
	useEffect(() => {
		const before = document.activeElement;
		box.current.showModal();
		return () => before && before.isConnected && before.focus();
	}, []);
	const cancel = e => {
		e.preventDefault();
		close();
	};
	const outside = e => e.target === box.current && close();
	return html`<dialog ref=${box} class=${wide ? 'wide' : ''} aria-labelledby=${id} onCancel=${cancel}
		onMouseDown=${outside}>
		<div class="dialog-body">
			<h2 id=${id}>${title}</h2>
			<div class="dialog-text">${children}</div>
			<div class="dialog-buttons">${buttons}</div>
		</div>
	</dialog>`;
}

const asked = signal(null);

// Asks, in the words of {title, text, action}, and tells whether the answer was yes.
//	kind: of the button that does it ("danger" by default)
//	run: async, what to do; the dialog stays until it is done, and shows its error
export function confirm(question) {
	return new Promise(answer => asked.set({ ...question, answer }));
}

function Question({ title, text, action, kind = 'danger', run, answer }) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState(null);
	const end = yes => {
		asked.set(null);
		answer(yes);
	};
	const go = async () => {
		if (!run)
			return end(true);
		setBusy(true);
		setError(null);
		try {
			await run();
			end(true);
		} catch (e) {
			setBusy(false);
			setError(e.message);
		}
		return undefined;
	};
	const buttons = html`<${Button} onClick=${() => end(false)} disabled=${busy} autofocus>${t('cancel')}<//>
		<${Button} kind=${kind} busy=${busy} onClick=${go}>${action}<//>`;
	return html`<${Dialog} title=${title} close=${() => busy || end(false)} buttons=${buttons}>
		<p>${text}</p>${error && html`<p class="wrong" role="alert">${error}</p>`}
	<//>`;
}

// Where the question is shown: once, in the shell.
export function Questions() {
	const now = useSignal(asked);
	return now && html`<${Question} key=${now.title + now.text} ...${now} />`;
}
