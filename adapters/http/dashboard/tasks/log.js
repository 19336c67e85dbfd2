// log.js - the output of an attempt, live.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { t } from '../i18n.js';
import { Button } from '../parts/button.js';
import { Panel } from '../parts/card.js';
import { attempt as tryTo } from '../parts/toast.js';
import { download, follow } from './output.js';

const MOST_CHARS = 2 * 1024 * 1024; // in the page; older output goes first

// Pieces go into the page as text, and are not drawn again with the rest.
function add(box, text) {
	box.append(document.createTextNode(text));
	let chars = Number(box.dataset.chars || 0) + text.length;
	while (chars > MOST_CHARS && box.childNodes.length > 1) {
		chars -= box.firstChild.length;
		box.firstChild.remove();
	}
	box.dataset.chars = chars;
}

const atEnd = box => box.scrollHeight - box.scrollTop - box.clientHeight < 24;

function useOutput(id, attempt, box, stick) {
	const [state, setState] = useState({});
	useEffect(() => {
		const stop = new AbortController();
		box.current.replaceChildren();
		box.current.dataset.chars = 0;
		setState({ waiting: true });
		follow(id, attempt, stop.signal, p => {
			if (stop.signal.aborted)
				return;
			if (p.gap)
				add(box.current, `\n[${p.gap === 'unknown' ? t('log.gap.unknown') :
					t('log.gap', { n: Number(p.gap) })}]\n`);
			if (p.text !== '')
				add(box.current, p.text);
			setState(old => ({
				before: p.before === undefined ? old.before : p.before,
				some: old.some || p.text !== '',
				ended: p.ended === true,
				error: p.error,
			}));
			if (stick.current)
				box.current.scrollTop = box.current.scrollHeight;
		});
		return () => stop.abort();
	}, [id, attempt]);
	return state;
}

function Note({ state }) {
	if (state.error)
		return state.error.status === 404 ? t('log.none') : state.error.message;
	if (state.ended)
		return state.some ? t('log.ended') : t('log.empty');
	return state.some ? t('log.live') : t('log.waiting');
}

// attempt: its number; last: the number of the last one; choose(n)
export function Log({ id, attempt, last, choose }) {
	const box = useRef(null), stick = useRef(true);
	const [following, setFollowing] = useState(true);
	const [busy, setBusy] = useState(false);
	const state = useOutput(id, attempt, box, stick);
	const setStick = on => {
		stick.current = on;
		setFollowing(on);
	};
	useLayoutEffect(() => {
		if (following)
			box.current.scrollTop = box.current.scrollHeight;
	}, [following]);
	const scrolled = () => stick.current !== atEnd(box.current) && setStick(atEnd(box.current));
	const save = async () => {
		setBusy(true);
		await tryTo(() => download(id, attempt));
		setBusy(false);
	};
	const tools = html`<label class="check"><input type="checkbox" checked=${following}
			onChange=${e => setStick(e.target.checked)} /> ${t('log.follow')}</label>
		<label>${t('log.attempt')} <select value=${String(attempt)} onChange=${e => choose(Number(e.target.value))}>
			${Array.from({ length: last }, (_, i) => html`<option key=${i} value=${String(i + 1)}
				selected=${i + 1 === attempt}>${i + 1}</option>`)}</select></label>
		<${Button} busy=${busy} disabled=${!state.some} onClick=${save}>${t('log.download')}<//>`;
	return html`<${Panel} title=${t('log.title')} aside=${html`<span class="tools">${tools}</span>`}>
		${state.before > 0 && html`<p class="soft">${t('log.before', { n: state.before })}</p>`}
		<pre class="log" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-live="off"
			aria-label=${t('log.title')}></pre>
		<p class="soft" role="status"><${Note} state=${state} /></p>
	<//>`;
}
