// scheme.js - light or dark: as the system says until somebody chooses.
import { signal } from './signal.js';

const KEY = 'skalds.scheme';
const system = matchMedia('(prefers-color-scheme: dark)');

// "auto", "light", "dark"
export const choice = signal(localStorage.getItem(KEY) || 'auto');
export const dark = signal(false);

function apply() {
	const now = choice.get() === 'dark' || (choice.get() === 'auto' && system.matches);
	document.documentElement.dataset.scheme = now ? 'dark' : 'light';
	dark.set(now);
}

apply();
system.addEventListener('change', apply);
choice.watch(name => {
	localStorage.setItem(KEY, name);
	apply();
});
