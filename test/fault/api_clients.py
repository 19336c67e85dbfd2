#!/usr/bin/env python3
"""Clients that submit over HTTP with idempotency keys and never give up: api_kill.sh breaks the server.

	api_clients.py run N PREFIX FILE WHERE…	N clients until SIGTERM, in turn on these addresses; each task that was
			answered is a line "key id" of FILE
	api_clients.py again FILE WHERE		every key once more: how many were answered otherwise than before
	api_clients.py list WHERE [FILTER]	every task there is, a line "name id"

A request is repeated with its key after every cut, refusal to connect and 503. Clients also cut their own
connections: within the request, and before the answer. WHERE is a socket's path or HOST:PORT.
"""
import http.client
import json
import random
import signal
import socket
import sys
import threading
import time

stopping = threading.Event()
lock = threading.Lock()


class Connection(http.client.HTTPConnection):
	def __init__(self, where):
		super().__init__("localhost", timeout=10)
		self.where = where

	def connect(self):
		if self.where.startswith("/"):
			self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
			self.sock.settimeout(10)
			self.sock.connect(self.where)
		else:
			host, port = self.where.rsplit(":", 1)
			self.sock = socket.create_connection((host, int(port)), timeout=10)


def body_of(key, n):
	"""One task, or a list: of one key either way. A task's name says whose it is."""
	tasks = [{"className": "Noop", "attachments": {}, "name": f"{key}.{i}", "priority": 3} for i in range(n)]
	return json.dumps(tasks[0] if n == 1 else tasks).encode()


def post(c, key, body):
	c.request("POST", "/v1/tasks", body, {"Content-Type": "application/json", "Idempotency-Key": key})
	a = c.getresponse()
	return a.status, a.read()


def cut(c, key, body, rng):
	"""Half a request, or all of it, and away: what becomes of it is not known."""
	c.connect()
	head = f"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
	text = head.encode() + body
	c.sock.sendall(text[: rng.randrange(1, len(text) + 1)] if rng.random() < 0.5 else text)
	c.close()


def submit(c, key, body, rng, cuts):
	"""Until it is answered; the ids."""
	while True:
		try:
			if rng.random() < cuts:
				cut(c, key, body, rng)
				continue
			status, data = post(c, key, body)
		except (OSError, http.client.HTTPException):
			c.close()
			time.sleep(0.01)
			continue
		if status == 201:
			return [item["id"] for item in json.loads(data)["items"]]
		if status != 503:
			print(f"{key}: {status} {data[:300]!r}", flush=True)
			sys.exit(1)
		time.sleep(0.05)


def client(number, prefix, out, where):
	rng = random.Random(f"{prefix}{number}")
	c = Connection(where)
	n = 0
	while not stopping.is_set():
		n += 1
		key = f"{prefix}-{number}-{n}"
		ids = submit(c, key, body_of(key, rng.choice((1, 1, 3))), rng, 0.05)
		with lock:
			out.write("".join(f"{key}.{i} {id}\n" for i, id in enumerate(ids)))
	c.close()


def run(n, prefix, path, where):
	failed = []
	threading.excepthook = lambda e: failed.append(e)
	with open(path, "a", encoding="ascii") as out:
		threads = [threading.Thread(target=client, args=(i, prefix, out, where[i % len(where)])) for i in range(n)]
		for t in threads:
			t.start()
		signal.signal(signal.SIGTERM, lambda *_: stopping.set())
		for t in threads:
			t.join()
	if failed:
		sys.exit(f"{len(failed)} clients failed: {failed[0].exc_value!r}")


def again(path, where):
	told = {}
	for line in open(path, encoding="ascii"):
		name, id = line.split()
		key, i = name.rsplit(".", 1)
		told.setdefault(key, {})[int(i)] = id
	c, rng, wrong = Connection(where), random.Random(1), 0
	for key, ids in told.items():
		got = submit(c, key, body_of(key, len(ids)), rng, 0)
		wrong += got != [ids[i] for i in range(len(ids))]
	print(wrong)


def every_task(where, which=""):
	c, cursor = Connection(where), ""
	while cursor is not None:
		c.request("GET", f"/v1/tasks?limit=1000&sort=created&{which}" + ("&cursor=" + cursor if cursor else ""))
		page = json.loads(c.getresponse().read())
		for task in page["items"]:
			print(task["name"], task["id"])
		cursor = page["next"]


def main():
	what, args = sys.argv[1], sys.argv[2:]
	if what == "run":
		run(int(args[0]), args[1], args[2], args[3:])
	elif what == "again":
		again(*args)
	elif what == "list":
		every_task(*args)
	else:
		sys.exit(__doc__)


main()
