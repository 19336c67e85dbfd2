#!/usr/bin/env python3
"""A client that only measures the API: api.sh calls it, wrk does the rest.

	api_client.py WHERE bulk N BODY		N times the line BODY in one request
	api_client.py WHERE fill N LABELS BODY	N tasks in requests of 20,000 lines; with LABELS > 0 each has
			the labels team=t0…t9 and n=0…LABELS-1
	api_client.py WHERE get SECONDS PATH…	one at a time, in turn: how long each takes
	api_client.py WHERE walk SECONDS PATH	page after page behind the cursor
	api_client.py WHERE sse READERS EVENTS	from the answer to a POST (it is stored then) to its event at each reader

WHERE is a socket's path or HOST:PORT; SKALDS_TOKEN is sent when it is set. HUB_PID: whose cpu time a
request is measured too, which a machine that does other work distorts less. Prints one line of JSON.
"""
import http.client
import json
import os
import selectors
import socket
import sys
import time

TOKEN = os.environ.get("SKALDS_TOKEN", "")


class Connection(http.client.HTTPConnection):
	def __init__(self, where):
		super().__init__("localhost", timeout=600)
		self.where = where

	def connect(self):
		self.sock = dial(self.where)


def dial(where):
	if where.startswith("/"):
		s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		s.connect(where)
	else:
		host, port = where.rsplit(":", 1)
		s = socket.create_connection((host.strip("[]"), int(port)))
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	s.settimeout(600)
	return s


def headers(**more):
	h = {"Host": "localhost"}
	if TOKEN:
		h["Authorization"] = "Bearer " + TOKEN
	h.update({k.replace("_", "-"): v for k, v in more.items()})
	return h


def call(c, method, path, body=None, kind="application/json"):
	c.request(method, path, body, headers(Content_Type=kind) if body is not None else headers())
	a = c.getresponse()
	data = a.read()
	if a.status not in (200, 201):
		sys.exit(f"{method} {path}: {a.status} {data[:300]!r}")
	return data


def bulk(c, n, body):
	start = time.monotonic()
	answer = json.loads(call(c, "POST", "/v1/tasks", (body + "\n").encode() * n, "application/x-ndjson"))
	took = time.monotonic() - start
	if answer["created"] != n:
		sys.exit(f"{answer['created']} of {n} were made")
	return {"seconds": round(took, 3), "per_second": round(n / took)}


def fill(c, n, labels, body):
	task = json.loads(body)
	start = time.monotonic()
	for first in range(0, n, 20000):
		lines = []
		for i in range(first, min(n, first + 20000)):
			if labels > 0:
				task["labels"] = {"team": f"t{i % 10}", "n": str(i * 7919 % labels)}
			lines.append(json.dumps(task, separators=(",", ":")))
		call(c, "POST", "/v1/tasks", "\n".join(lines).encode(), "application/x-ndjson")
	return {"seconds": round(time.monotonic() - start, 3)}


def cpu_ns():
	"""Of all threads of the server; None when it is not known."""
	try:
		threads = f"/proc/{os.environ['HUB_PID']}/task"
		return sum(int(open(f"{threads}/{t}/schedstat").read().split()[0]) for t in os.listdir(threads))
	except (KeyError, OSError):
		return None


def cpu_of(before, n):
	after = cpu_ns()
	return {} if before is None or after is None or n == 0 else {"cpu_ms": round((after - before) / n / 1e6, 3)}


def summary(times, **more):
	times.sort()
	at = lambda p: round(times[min(len(times) - 1, int(len(times) * p))] * 1000, 3)
	return {"n": len(times), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1), **more}


def get(c, seconds, paths):
	times, size, end = [], 0, time.monotonic() + seconds
	first = time.monotonic()
	call(c, "GET", paths[0])
	first = time.monotonic() - first
	cpu = cpu_ns()
	while time.monotonic() < end or len(times) < 20:
		for path in paths:
			start = time.monotonic()
			size = len(call(c, "GET", path))
			times.append(time.monotonic() - start)
		if len(times) >= 20 and time.monotonic() > end:
			break
	return summary(times, bytes=size, first_ms=round(first * 1000, 1), **cpu_of(cpu, len(times)))


def walk(c, seconds, path):
	times, rows, cursor, end, cpu = [], 0, "", time.monotonic() + seconds, cpu_ns()
	while time.monotonic() < end:
		start = time.monotonic()
		page = json.loads(call(c, "GET", path + ("&cursor=" + cursor if cursor else "")))
		times.append(time.monotonic() - start)
		rows += len(page["items"])
		cursor = page["next"]
		if not cursor:
			break
	return summary(times, rows=rows, **cpu_of(cpu, len(times)))


def reader(where):
	s = dial(where)
	lines = ["GET /v1/stream HTTP/1.1"] + [f"{k}: {v}" for k, v in headers(Accept="text/event-stream").items()]
	s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
	got = b""
	while b"\r\n\r\n" not in got:
		more = s.recv(65536)
		if not more:
			sys.exit("the stream ended at once")
		got += more
	if b" 200 " not in got.split(b"\r\n")[0]:
		sys.exit(got.split(b"\r\n")[0].decode())
	s.setblocking(False)
	return s


def sse(c, where, n, events):
	"""One task at a time; every reader must see its id. The time runs from the answer: it is stored
	then; what came before the answer counts as 0."""
	sel = selectors.DefaultSelector()
	for _ in range(n):
		sel.register(reader(where), selectors.EVENT_READ, bytearray())
	times = []
	for _ in range(events):
		body = b'{"className":"Noop","attachments":{}}'
		wanted = json.loads(call(c, "POST", "/v1/tasks", body))["items"][0]["id"].encode()
		start, missing = time.monotonic(), {k.fd for k in sel.get_map().values()}
		while missing:
			ready = sel.select(10)
			if not ready:
				sys.exit(f"{len(missing)} of {n} readers did not see an event within 10 s")
			for key, _ in ready:
				data = key.fileobj.recv(1 << 20)
				if not data:
					sys.exit("a reader was dropped")
				key.data.extend(data)
				if key.fd in missing and wanted in key.data:
					missing.discard(key.fd)
					times.append(time.monotonic() - start)
				del key.data[:-4096]
	return summary(times)


def main():
	where, what, args = sys.argv[1], sys.argv[2], sys.argv[3:]
	c = Connection(where)
	if what == "bulk":
		result = bulk(c, int(args[0]), args[1])
	elif what == "fill":
		result = fill(c, int(args[0]), int(args[1]), args[2])
	elif what == "get":
		result = get(c, float(args[0]), args[1:])
	elif what == "walk":
		result = walk(c, float(args[0]), args[1])
	elif what == "sse":
		result = sse(c, where, int(args[0]), int(args[1]))
	else:
		sys.exit(__doc__)
	print(json.dumps(result))


main()
