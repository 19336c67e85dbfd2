-- api.lua - what wrk sends to the API, and one line of JSON at the end. API_BODY: POST it, else GET.
-- API_IDS: a file of ids, one a line, of which each request takes the next behind its path.
local body, file, token = os.getenv("API_BODY"), os.getenv("API_IDS"), os.getenv("SKALDS_TOKEN")
local ids, at = {}, 0

if token and token ~= "" then
	wrk.headers["Authorization"] = "Bearer " .. token
end
if body then
	wrk.method = "POST"
	wrk.body = body
	wrk.headers["Content-Type"] = "application/json"
end
if file then
	for line in io.lines(file) do
		ids[#ids + 1] = line
	end
	request = function()
		at = at % #ids + 1
		return wrk.format(nil, wrk.path .. ids[at])
	end
end

done = function(summary, latency, requests)
	local e = summary.errors
	io.write(string.format(
		'{"requests":%d,"per_second":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":%d}\n',
		summary.requests, summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
		latency:percentile(99) / 1000, latency.max / 1000,
		e.connect + e.read + e.write + e.status + e.timeout))
end
