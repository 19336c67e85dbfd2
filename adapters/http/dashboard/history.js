// history.js - the series that the server keeps, for charts: GET /v1/history.
import { useQuery } from './store.js';
import { get, url } from './api.js';

// How far back, and how far apart the points are: some 150 for each, as many as a chart can show.
export const RANGES = {
	'15m': { ms: 15 * 60000, step: 10000 },
	'1h': { ms: 3600000, step: 30000 },
	'6h': { ms: 6 * 3600000, step: 120000 },
	'24h': { ms: 24 * 3600000, step: 600000 },
};

async function read(names, range) {
	const { ms, step } = RANGES[range];
	const since = Math.floor((Date.now() - ms) / step) * step;
	const h = await get(url('/v1/history', { series: names.join(','), since, step }));
	const n = Math.max(0, ...names.map(name => (h.series[name] || []).length));
	const times = Array.from({ length: n }, (_, i) => (h.start + i * h.step) / 1000);
	const of = name => {
		const values = h.series[name] || [];
		return Array.from({ length: n }, (_, i) => values[i] ?? null);
	};
	return { times, of };
}

// -> a query whose data is {times: seconds, of(name): values}
export function useHistory(names, range) {
	return useQuery(`history ${range} ${names.join(',')}`, () => read(names, range),
		{ every: 10000, enabled: names.length > 0 });
}
