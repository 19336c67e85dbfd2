"""The dashboard of the original program, as it was published, in front of our API: its pages, its calls, its streams."""

import http.client
import http.server
import mimetypes
import os
import subprocess
import threading

from harness import Browser, Skalds, tap, until
from world import ordinary

# found without an import, which would print
WHERE = "import importlib.metadata as m; print(m.distribution('skalds').locate_file('skalds'))"
BUNDLE = subprocess.run([os.environ["PYSKALDS"], "-c", WHERE], check=True, capture_output=True,
                        text=True).stdout.strip() + "/system_controller/static/dashboard"


class Front(http.server.BaseHTTPRequestHandler):
    """Its files below /dashboard/, as its own server gives them; everything else is our server's."""

    protocol_version = "HTTP/1.0"  # an answer ends with its connection: streams need no more
    to = None
    calls = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/dashboard"):
            self.file(self.path.split("?")[0][len("/dashboard"):].lstrip("/"))
        else:
            self.forward()

    def file(self, name):
        path = os.path.join(BUNDLE, name)
        if not os.path.isfile(path):
            path = os.path.join(BUNDLE, "index.html")
        with open(path, "rb") as f:
            body = f.read()
        self.send_response(200)
        self.send_header("Content-Type", mimetypes.guess_type(path)[0] or "application/octet-stream")
        self.end_headers()
        self.wfile.write(body)

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.to)
        keep = {k: v for k, v in self.headers.items() if k in ("Content-Type", "Accept")}
        try:
            connection.request(self.command, self.path, body=body or None, headers=keep)
            answer = connection.getresponse()
            self.calls.append((self.command, self.path, answer.status))
            self.send_response(answer.status)
            for name in ("Content-Type", "Location", "Cache-Control"):
                if answer.getheader(name):
                    self.send_header(name, answer.getheader(name))
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
        except (OSError, http.client.HTTPException):
            pass  # one of both went away
        finally:
            connection.close()

    do_PUT = do_POST = do_DELETE = forward


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def called(method, start, status=200):
    return any(m == method and p.startswith(start) and s == status for m, p, s in Front.calls)


def overview(skalds, page, url):
    page.goto(url + "/dashboard")
    page.get_by_text("Total Skalds").wait_for()
    text = page.locator("body").inner_text()
    for part in ("Total Skalds", "Total Tasks", "Finished Tasks", "Failed Tasks", "1 of 1 skalds online"):
        tap.has(f"its overview shows {part}", text, part)
    tap.ok("from the summary", called("GET", "/api/system/dashboard/summary"), Front.calls)


def skald(skalds, page, url):
    page.goto(url + "/dashboard/skalds")
    name = skalds.get("/v1/skalds")["items"][0]["id"]
    page.get_by_text(name).first.wait_for()
    text = page.locator("tr", has_text=name).inner_text()
    tap.ok("its skalds are there, online and with their classes", "nline" in text and "Exec" in text, text)
    page.get_by_text("Live Updates").wait_for()
    tap.ok("live", called("GET", "/api/events/skalds") and called("GET", "/api/events/tasks"), Front.calls)


def tasks(skalds, page, url):
    page.goto(url + "/dashboard/tasks")
    page.get_by_text("cancelled-1").first.wait_for()
    tap.equal("its list has ten rows", page.locator("tbody tr").count(), 10)
    page.get_by_role("button", name="Next").first.click()
    page.get_by_text("camera-1").first.wait_for()
    tap.has("and further pages", page.locator("tr", has_text="fails-1").inner_text(), "Failed")
    tap.has("with the skald", page.locator("tr", has_text="camera-1").inner_text(), skalds.task("camera-1")["executor"])
    page.get_by_role("button", name="Previous").first.click()  # its filters keep the number of the page
    page.get_by_text("cancelled-1").first.wait_for()
    page.get_by_placeholder("Filter by Task ID").fill("cam")
    until(lambda: page.locator("tbody tr").count() == 1)
    tap.equal("filtered by id", page.locator("tbody tr").count(), 1)
    page.get_by_placeholder("Filter by Task ID").fill("")
    until(lambda: page.locator("tbody tr").count() > 5)
    kinds, states = page.locator("select").nth(0), page.locator("select").nth(1)
    kinds.select_option("MyWorker")
    until(lambda: page.locator("tbody tr").count() == 1)
    tap.equal("by type", page.locator("tbody tr").count(), 1)
    kinds.select_option(index=0)
    states.select_option("Failed")
    until(lambda: page.locator("tbody tr").count() == 1)
    tap.has("by status", page.locator("tbody").inner_text(), "fails-1")
    states.select_option("Running")
    page.get_by_text("camera-1").first.wait_for()


def heartbeat(skalds, page):
    cell = page.locator("tr", has_text="camera-1")
    before = cell.inner_text()
    tap.ok("the heartbeat of a running task goes on, by its stream",
           until(lambda: cell.inner_text() != before, 25), before)


def details(page, task):
    page.locator("tr", has_text=task).get_by_role("button", name="Details").click()
    page.get_by_text("Change Status").wait_for()


def changes(skalds, page):
    details(page, "camera-1")
    page.get_by_placeholder("Enter JSON data for attachments...").fill('{"rtspUrl": "rtsp://cam/1", "fixFrame": 4711}')
    page.get_by_role("button", name="Update Attachments").click()
    page.get_by_text("Change Status").wait_for(state="detached")
    tap.equal("attachments are updated", skalds.task("camera-1")["attachments"]["fixFrame"], 4711)
    tap.ok("by its call", called("PUT", "/api/tasks/camera-1/attachments"), Front.calls)
    details(page, "camera-1")
    page.get_by_role("button", name="Set Created").click()
    page.wait_for_timeout(500)
    tap.equal("what runs is not created anew", skalds.task("camera-1")["phase"], "Running")
    page.get_by_role("button", name="Set Cancelled").click()
    tap.ok("cancelled", until(lambda: skalds.task("camera-1")["phase"] == "Cancelled"), skalds.task("camera-1"))
    tap.ok("by its call too", called("PUT", "/api/tasks/camera-1/status"), Front.calls)


with Skalds(flags=["--slots", "4"]) as skalds, Browser(skalds) as browser:
    ordinary(skalds)
    Front.to = skalds.port
    server = Server(("127.0.0.1", 0), Front)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    browser.expect_error("status of 404", "status of 409", "status of 400", "MIME type", "Error", "error")
    page = browser.new_context().new_page()
    for part in (overview, skald, tasks):
        tap.part("the original's " + part.__name__, part, skalds, page, url)
        browser.shot(page, f"original-{part.__name__}")
    tap.part("the original's stream", heartbeat, skalds, page)
    tap.part("the original's changes", changes, skalds, page)
    refused = ("PUT", "/api/tasks/camera-1/status", 400)  # Created of what runs
    wrong = [c for c in Front.calls if c[2] >= 400 and c != refused and c[1] != "/vite.svg"]
    tap.equal("no other call of it has failed", wrong, [])
    tap.equal("its pages raise no error of their own", [e for e in browser.errors if "TypeError" in e], [])
    page.context.close()
    server.shutdown()
tap.finish()
