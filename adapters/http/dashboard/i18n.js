// i18n.js - the texts in the reader's language. A text is looked up by its name; {name} in it is filled
// in; a text of two forms, [one, many], is chosen by `n`.
import { signal, useSignal } from './signal.js';
import en from './texts/en.js';
import zhTW from './texts/zh-TW.js';

const KEY = 'skalds.language';
export const LANGUAGES = { en: 'English', 'zh-TW': '繁體中文' };
const texts = { en, 'zh-TW': zhTW };

function preferred() {
	const kept = localStorage.getItem(KEY);
	if (kept in texts)
		return kept;
	for (const wish of navigator.languages || [navigator.language])
		if (wish.startsWith('zh'))
			return 'zh-TW';
		else if (wish.startsWith('en'))
			return 'en';
	return 'en';
}

export const language = signal(preferred());

function apply(name) {
	document.documentElement.lang = name;
}

apply(language.get());
language.watch(name => {
	localStorage.setItem(KEY, name);
	apply(name);
});

// The text of that name. One that is missing shows its name, so that it is seen.
export function t(name, values = {}) {
	let text = texts[language.get()][name] ?? en[name] ?? name;
	if (Array.isArray(text))
		text = text[values.n === 1 ? 0 : text.length - 1];
	return text.replace(/\{(\w+)\}/g, (all, key) => (key in values ? formatted(values[key]) : all));
}

const formatted = v => (typeof v === 'number' ? number(v) : String(v));

export function number(n, digits = 0) {
	return new Intl.NumberFormat(language.get(), { maximumFractionDigits: digits }).format(n);
}

// Draws the component again when the language changes.
export const useLanguage = () => useSignal(language);
