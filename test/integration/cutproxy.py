#!/usr/bin/env python3
"""A proxy that cuts connections: cutproxy.py PORT LOG PLAN

Prints its own port. PLAN has one letter a connection, the last one counts for all that follow:
	p  passes everything on
	r  passes the request on and cuts before a byte of the answer has come back
	b  cuts when half of the body has come, which goes no further
	c  cuts at once
"""
import socket
import sys
import threading

port, log, plan = int(sys.argv[1]), open(sys.argv[2], "w", buffering=1), sys.argv[3]


def read_request(s):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = s.recv(65536)
        if not piece:
            return None, 0
        data += piece
    head = data.split(b"\r\n\r\n")[0].lower()
    n = 0
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            n = int(line.split(b":")[1])
    return data, len(head) + 4 + n


def relay(a, b):
    try:
        while piece := a.recv(65536):
            b.sendall(piece)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()


def serve(client, what):
    if what == "c":
        return reset(client)
    data, total = read_request(client)
    if data is None:
        return client.close()
    log.write(what + " " + data.split(b"\r\n")[0].decode("latin-1") + "\n")
    if what == "b":
        return reset(client)
    while len(data) < total:
        data += client.recv(65536)
    server = socket.create_connection(("127.0.0.1", port))
    server.sendall(data)
    if what == "r":
        server.recv(1)  # the answer is there: what was asked for has happened
        server.close()
        return reset(client)
    threading.Thread(target=relay, args=(client, server), daemon=True).start()
    relay(server, client)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
i = 0
while True:
    client, _ = listener.accept()
    what = plan[min(i, len(plan) - 1)]
    i += 1
    threading.Thread(target=serve, args=(client, what), daemon=True).start()
