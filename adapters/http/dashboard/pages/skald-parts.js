// skald-parts.js - what the pages with skalds share.
import { html } from '../lib.js';
import { number, t } from '../i18n.js';
import { megabytes, percent } from '../format.js';
import { Meter } from '../parts/card.js';
import { Chip } from '../parts/badge.js';

const share = (a, b) => (b > 0 ? a / b : null);

export function Slots({ of: s }) {
	return s.slots > 0 ? html`<${Meter} plain value=${share(s.tasks, s.slots)} label=${t('skald.slots')}
		text=${`${number(s.tasks)} / ${number(s.slots)}`} />` : number(s.tasks);
}

// It takes two looks of a skald to know: the first report has none.
const knowsCpu = s => s.load && s.load.cpuPercent !== null;

export function Cpu({ of: s }) {
	return knowsCpu(s) ? html`<${Meter} value=${s.load.cpuPercent / 100} label=${t('skald.cpu')}
		text=${percent(s.load.cpuPercent)} />` : '–';
}

export function Memory({ of: s }) {
	return s.load && s.load.memoryTotalMb ? html`<${Meter} value=${share(s.load.memoryUsedMb, s.load.memoryTotalMb)}
		label=${t('skald.memory')} text=${megabytes(s.load.memoryUsedMb)} />` : '–';
}

export function Disk({ of: s }) {
	return s.load && s.load.diskTotalMb ? html`<${Meter} value=${share(s.load.diskUsedMb, s.load.diskTotalMb)}
		label=${t('skald.disk')} text=${`${megabytes(s.load.diskUsedMb)} / ${megabytes(s.load.diskTotalMb)}`} />` : '–';
}

// CPU where it is known, else its slots.
export function Load({ of: s }) {
	return knowsCpu(s) ? html`<${Cpu} of=${s} />` : html`<${Slots} of=${s} />`;
}

const weight = s => (knowsCpu(s) ? s.load.cpuPercent : 100 * (share(s.tasks, s.slots) || 0));

export function busiest(items, n) {
	return items.filter(s => s.state !== 'offline').sort((a, b) => weight(b) - weight(a) || (a.id < b.id ? -1 : 1)).slice(0, n);
}

// The first few classes; how many more there are, their names in the title.
export function Classes({ names, most = 3 }) {
	const more = names.length - most;
	return html`${names.slice(0, most).map(name => html`<${Chip} key=${name}>${name}<//>`)}${more > 0 &&
		html`<${Chip} title=${names.slice(most).join(', ')}>${t('skald.more', { count: more })}<//>`}`;
}
