// plain.js - output of programs as plain text: colours and other terminal commands are left out, a lone
// carriage return (a progress bar) begins a new line.

// Escape sequences: CSI, OSC and the like up to their end, and those of two characters.
const ESCAPES = new RegExp(
	'\\u001b\\[[0-?]*[ -/]*[@-~]|\\u001b[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)|\\u001b[ -/]*[0-~]',
	'g');
// One that has begun at the end of what is there.
const UNFINISHED = new RegExp(
	'\\u001b(?:\\[[0-?]*[ -/]*|[\\]PX^_][^\\u0007\\u001b]{0,4096}\\u001b?|[ -/]*)$');
const CONTROLS = new RegExp('[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]', 'g');

// Takes bytes in pieces and gives the text of each; what a piece cuts in two comes with the next.
export function plainText() {
	const decoder = new TextDecoder('utf-8');
	let kept = '';

	return function next(bytes, end = false) {
		let text = kept + decoder.decode(bytes, { stream: !end });
		kept = '';
		if (!end) {
			const cut = UNFINISHED.exec(text);
			if (cut !== null || text.endsWith('\r')) {
				const at = cut !== null ? cut.index : text.length - 1;
				kept = text.slice(at);
				text = text.slice(0, at);
			}
		}
		return text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(CONTROLS, '');
	};
}
