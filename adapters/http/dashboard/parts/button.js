// button.js - Button, and Field: a label with its control.
import { html, useId } from '../lib.js';

// kind: "primary", "danger", "plain" (default), "quiet"; busy: waits for an answer.
export function Button({ kind = 'plain', busy = false, disabled = false, children, ...rest }) {
	return html`<button type="button" class="button ${kind}" aria-busy=${busy} disabled=${disabled || busy}
		...${rest}>${busy && html`<span class="spinner" aria-hidden="true"></span>`}${children}</button>`;
}

// children: a function of the attributes that tie the control to its label, hint and error.
export function Field({ label, hint, error, required = false, children }) {
	const id = useId();
	const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
	const control = children({ id, 'aria-describedby': about || undefined,
		'aria-invalid': error ? 'true' : undefined, required });
	return html`<div class="field">
		<label for=${id}>${label}${required && html`<span class="required" aria-hidden="true"> *</span>`}</label>
		${control}
		${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
		${error && html`<p class="wrong" id="${id}-error">${error}</p>`}
	</div>`;
}
