"""A receiver of webhooks: refuses the first tries, then takes, and checks every signature.

webhook_receiver.py PORT_FILE LOG_FILE SECRET [refuse N] [hang]

Each request becomes a line of JSON in LOG_FILE: {"status", "signed", "fresh", "event", "rule", "id"}. With hang it
takes connections and never answers.
"""
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

port_file, log_file, secret = sys.argv[1:4]
words = sys.argv[4:]
refuse = int(words[words.index("refuse") + 1]) if "refuse" in words else 0


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global refuse
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "hang" in words:
            time.sleep(3600)
        parts = dict(p.split("=", 1) for p in self.headers.get("Skalds-Signature", "t=0,v1=").split(","))
        want = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        told = json.loads(body)
        status = 204
        if refuse > 0:
            refuse -= 1
            status = 500
        with open(log_file, "a") as log:
            log.write(json.dumps({
                "status": status,
                "signed": hmac.compare_digest(want, parts["v1"]),
                "fresh": abs(time.time() - int(parts["t"])) < 10,
                "type": self.headers["Content-Type"],
                "event": told["event"],
                "state": told["alert"]["state"],
                "rule": told["alert"]["rule"],
                "by": told["alert"]["acknowledgedBy"],
                "id": told["alert"]["id"],
            }) + "\n")
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
