// bulk.js - what is done to many tasks: those that are ticked, or all that pass the filter.
import { html, useState } from '../lib.js';
import { get, url } from '../api.js';
import { t } from '../i18n.js';
import { may } from '../session.js';
import { Button } from '../parts/button.js';
import { attempt } from '../parts/toast.js';
import { ACTIONS } from './state.js';
import { actOnMany } from './act.js';

const COUNTED = 1000;

// How many pass the filter and can be changed so: exact up to a page, else "more than 1,000".
async function count(action, filter) {
	const answer = await get(url('/v1/tasks', { ...filter, limit: COUNTED }));
	const n = answer.items.filter(action.fits).length;
	return answer.next === null ? n : t('tasks.more-than', { n: COUNTED });
}

function Actions({ chosen, filter, everything, acted, done }) {
	const run = async action => {
		const fit = chosen.filter(action.fits);
		let good = false;
		if (!everything)
			good = await actOnMany(action, { ids: fit.map(task => task.id) }, fit.length, chosen.length - fit.length);
		else
			await attempt(async () => {
				good = await actOnMany(action, { filter }, await count(action, filter));
			});
		if (good) {
			acted();
			done();
		}
	};
	return ACTIONS.map(action => html`<${Button} key=${action.name} kind=${action.grave ? 'danger' : 'plain'} disabled=${!everything && !chosen.some(action.fits)}
		onClick=${() => run(action)}>${t(`action.${action.name}`)}<//>`);
}

// rows: those shown; picked: Map id -> task of those ticked; more: are there others that pass the filter?
// acted(): something was done
export function Bulk({ rows, picked, setPicked, filter, more, acted }) {
	const [everything, setEverything] = useState(false);
	if (!may('write') || rows.length === 0)
		return null;
	const here = rows.filter(row => picked.has(row.id)).length;
	const pick = all => {
		setEverything(false);
		setPicked(all ? new Map([...picked, ...rows.map(row => [row.id, row])]) : new Map());
	};
	const none = () => {
		setEverything(false);
		setPicked(new Map());
	};
	const now = new Map(rows.map(row => [row.id, row]));
	const chosen = [...picked].map(([id, task]) => now.get(id) || task);
	return html`<div class="bulk" role="group" aria-label=${t('tasks.bulk')}>
		<label class="check"><input type="checkbox" checked=${here === rows.length}
			indeterminate=${here > 0 && here < rows.length} onChange=${e => pick(e.target.checked)} />
			${t('tasks.select.page', { n: rows.length })}</label>
		${picked.size > 0 && html`
			<span class="chosen" role="status">${everything ? t('tasks.chosen.all') :
				t('tasks.chosen', { n: picked.size })}</span>
			${more && !everything && here === rows.length && html`<${Button} kind="quiet"
				onClick=${() => setEverything(true)}>${t('tasks.select.all')}<//>`}
			<${Actions} chosen=${chosen} filter=${filter} everything=${everything}
				acted=${acted} done=${none} />
			<${Button} kind="quiet" onClick=${none}>${t('tasks.select.none')}<//>`}
	</div>`;
}
