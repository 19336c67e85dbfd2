// output.js - the output of an attempt, followed: GET /v1/tasks/ID/log?wait=, which answers as soon as
// there is more.
import { id, request, url, ApiError } from '../api.js';
import { plainText } from './plain.js';

const FIRST_BYTES = 256 * 1024; // from the end; what is before it can be downloaded
const MORE_BYTES = 256 * 1024;
const WAIT_MS = 20000;
const AGAIN_MS = 2000;

const pause = (ms, signal) => new Promise(done => {
	const timer = setTimeout(done, ms);
	signal.addEventListener('abort', () => (clearTimeout(timer), done()));
});

async function piece(task, query, signal) {
	const response = await request(url(`/v1/tasks/${id(task)}/log`, query), { signal });
	const number = name => Number(response.headers.get(name) || 0);
	const bytes = new Uint8Array(await response.arrayBuffer());
	return {
		bytes,
		next: number('Skalds-Offset'),
		attempt: number('Skalds-Attempt'),
		ended: response.headers.get('Skalds-Ended') === 'true',
		gap: response.headers.get('Skalds-Gap'),
	};
}

// Calls told({text, gap, before, ended, error}) for each piece until `signal` aborts: `before` (with the
// first piece) is how many bytes were left out, `gap` how many are missing in front of this piece.
export async function follow(task, attempt, signal, told) {
	const plain = plainText();
	let offset = null;

	while (!signal.aborted) {
		try {
			const query = offset === null ? { attempt, offset: -FIRST_BYTES, limit: FIRST_BYTES } :
				{ attempt, offset, limit: MORE_BYTES, wait: WAIT_MS };
			const p = await piece(task, query, signal);
			const first = offset === null;
			told({
				text: plain(p.bytes, p.ended),
				before: first ? p.next - p.bytes.length : undefined,
				gap: p.gap,
				ended: p.ended,
				error: null,
			});
			offset = p.next;
			if (p.ended && p.bytes.length < MORE_BYTES)
				return;
		} catch (e) {
			if (signal.aborted || e.name === 'AbortError')
				return;
			told({ text: '', error: e });
			// there is none yet, or it has gone: looked at again, as the task may start
			if (e instanceof ApiError && e.status === 401)
				return;
			await pause(AGAIN_MS, signal);
		}
	}
}

// All of it as a file, as it came: with colours.
export async function download(task, attempt, signal) {
	const parts = [];
	let offset = 0;

	for (;;) {
		const p = await piece(task, { attempt, offset, limit: 1024 * 1024 }, signal);
		parts.push(p.bytes);
		if (p.bytes.length === 0)
			break;
		offset = p.next;
	}
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob(parts, { type: 'text/plain' }));
	link.download = `${task.replace(/[^\w.-]+/g, '_')}.${attempt}.log`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
