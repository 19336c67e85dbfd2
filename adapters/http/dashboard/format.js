// format.js - times, spans and sizes for people.
import { language, number, t } from './i18n.js';

const made = new Map();

function formatter(options) {
	const key = language.get() + JSON.stringify(options);
	if (!made.has(key))
		made.set(key, new Intl.DateTimeFormat(language.get(), options));
	return made.get(key);
}

// "Nov 26, 21:46:05": of this year; else with the year.
export function time(ms) {
	if (!ms)
		return '';
	const year = new Date(ms).getFullYear() !== new Date().getFullYear() ? { year: 'numeric' } : {};
	return formatter({ ...year, month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit',
		second: '2-digit', hourCycle: 'h23' }).format(ms);
}

export function fullTime(ms) {
	return ms ? formatter({ dateStyle: 'full', timeStyle: 'long', hourCycle: 'h23' }).format(ms) : '';
}

// "850 ms", "12.3 s", "4 min 5 s", "3 h 20 min", "5 d 2 h"
export function span(ms) {
	if (ms === null || ms === undefined || Number.isNaN(ms))
		return '–';
	if (ms < 1000)
		return `${number(ms)} ${t('unit.ms')}`;
	const s = ms / 1000;
	if (s < 60)
		return `${number(s, s < 10 ? 1 : 0)} ${t('unit.s')}`;
	const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
	const at = parts.findIndex(([size]) => s >= size);
	const [size, unit] = parts[at];
	const [less, lessUnit] = parts[at + 1];
	const rest = Math.floor((s % size) / less);
	const text = `${number(Math.floor(s / size))} ${t(`unit.${unit}`)}`;
	return rest > 0 ? `${text} ${rest} ${t(`unit.${lessUnit}`)}` : text;
}

// "3 s ago", "5 min ago", "2 h 10 min ago": the older the coarser.
export function ago(ms, now = Date.now()) {
	if (!ms)
		return '–';
	const past = Math.max(0, now - ms);
	const step = past < 60000 ? 1000 : past < 86400000 ? 60000 : 3600000;
	return t('time.ago', { span: past < 1000 ? `0 ${t('unit.s')}` : span(Math.floor(past / step) * step) });
}

export function megabytes(mb) {
	if (mb === null || mb === undefined)
		return '–';
	return mb >= 1024 ? `${number(mb / 1024, mb < 10240 ? 1 : 0)} GB` : `${number(mb)} MB`;
}

export function percent(n, digits = 0) {
	return n === null || n === undefined ? '–' : `${number(n, digits)} %`;
}
