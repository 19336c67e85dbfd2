// signal.js - a value that others watch: what lives longer than a page (who is logged in, the language,
// the connection) without a library for it.
import { useEffect, useState } from './lib.js';

export function signal(value) {
	const watchers = new Set();
	return {
		get: () => value,
		set(next) {
			if (Object.is(next, value))
				return;
			value = next;
			for (const fn of [...watchers])
				fn(value);
		},
		watch(fn) {
			watchers.add(fn);
			return () => watchers.delete(fn);
		},
	};
}

// The value in a component, which is drawn again when it changes.
export function useSignal(s) {
	const [value, setValue] = useState(s.get());
	useEffect(() => {
		setValue(s.get());
		return s.watch(setValue);
	}, [s]);
	return value;
}
