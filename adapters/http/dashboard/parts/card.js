// card.js - Panel: a part of a page with a title; Card: one number; Facts: names and values; Meter.
import { html, useId } from '../lib.js';

export function Panel({ title, aside, wide = false, children }) {
	const id = useId();
	return html`<section class=${wide ? 'panel wide' : 'panel'} aria-labelledby=${id}>
		<header><h2 id=${id}>${title}</h2>${aside && html`<div class="aside">${aside}</div>`}</header>
		${children}
	</section>`;
}

export function Card({ label, value, note, tone = '' }) {
	return html`<div class="card ${tone}"><p class="label">${label}</p>
		<p class="value">${value}</p><p class="under">${note}</p></div>`;
}

// rows: [name, value]; those whose value is null or undefined are left out.
export function Facts({ rows }) {
	return html`<dl class="facts">${rows.filter(([, v]) => v !== null && v !== undefined)
		.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

// How much of something: 0..1, with its text. plain: to be full is no trouble.
export function Meter({ value, text, label, plain = false }) {
	if (value === null || value === undefined || Number.isNaN(value))
		return '–';
	const part = Math.max(0, Math.min(1, value));
	const tone = plain ? 'busy' : part >= 0.9 ? 'bad' : part >= 0.75 ? 'warn' : 'good';
	return html`<span class="meter ${tone}"><span class="bar" role="meter" aria-label=${label} aria-valuemin="0"
		aria-valuemax="100" aria-valuenow=${Math.round(part * 100)} aria-valuetext=${text}><span
		style=${{ width: `${part * 100}%` }}></span></span><span class="text">${text}</span></span>`;
}
