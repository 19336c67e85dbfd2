"""What the tests of the dashboard have in common: TAP, a real `skalds up` with a door on TCP, a real Chromium.

	with Skalds() as skalds, Browser(skalds) as browser:
		page = browser.open("/dashboard/tasks")
		tap.ok("a sentence", page.get_by_role("heading").is_visible())
	tap.finish()

Environment, set by lib.sh and web_lib.sh: SKALDS (the binary), T (the scratch directory), SKALDS_WEB_AXE, SKALDS_WEB_SHOTS
(where screenshots go), SKALDS_TEST_SLACK (patience on a busy machine).
"""

import json
import os
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

from playwright.sync_api import Error, TimeoutError as PatienceOver, sync_playwright

SLACK = float(os.environ.get("SKALDS_TEST_SLACK", "1"))
PATIENCE_MS = 10_000 * SLACK
SCRATCH = os.environ["T"]
SHOTS = os.environ["SKALDS_WEB_SHOTS"]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
PAGES = {
    "overview": "/dashboard/", "tasks": "/dashboard/tasks", "task": "/dashboard/tasks/camera-1",
    "failed": "/dashboard/tasks/fails-1", "new": "/dashboard/tasks/new?class=MyWorker",
    "skalds": "/dashboard/skalds", "alerts": "/dashboard/alerts", "health": "/dashboard/health",
}
# What is written into every field of a task that can hold text.
EVIL = ['<img src=x onerror=alert(1)>', '"><script>alert(2)</script>', "'-alert(3)-'", "${alert(4)}{{alert(5)}}"]


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def ok(self, sentence, good, details=""):
        self.n += 1
        print(f"{'ok' if good else 'not ok'} {self.n} - {sentence}", flush=True)
        if not good:
            self.failed += 1
            for line in str(details).splitlines()[:12]:
                print(f"#   {line[:400]}", flush=True)
        return good

    def equal(self, sentence, got, want):
        return self.ok(sentence, got == want, f"got:  {got!r}\nwant: {want!r}")

    def has(self, sentence, text, part):
        return self.ok(sentence, part in (text or ""), f"{part!r} is not in {(text or '')[:300]!r}")

    def at_most(self, sentence, number, limit):
        return self.ok(f"{sentence} ({number})", number <= limit, f"at most {limit} expected")

    def skip(self, sentence, why):
        self.n += 1
        print(f"ok {self.n} - {sentence} # SKIP {why}", flush=True)

    def part(self, sentence, function, *args):
        """A part of a script: what it raises is one failed test, and the next part goes on."""
        try:
            function(*args)
        except (AssertionError, Error, OSError, subprocess.SubprocessError, ValueError, KeyError) as e:
            where = traceback.extract_tb(e.__traceback__)[1:]
            lines = "\n".join(f"{os.path.basename(f.filename)}:{f.lineno}: {f.line}" for f in where[:3])
            self.ok(sentence, False, f"{lines}\n{type(e).__name__}: {e}")

    def finish(self):
        print(f"1..{self.n}", flush=True)
        sys.exit(1 if self.failed else 0)


tap = Tap()


def until(condition, seconds=10, step=0.03):
    """Polls; the first true value, or the last one."""
    end = time.monotonic() + seconds * SLACK
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Skalds:
    """One data directory, the binary on both sides. It listens at the same port however often it is started."""

    TOKENS = {"boss": "admin", "worker": "write", "guest": "read"}

    def __init__(self, name="up", tokens=False, flags=()):
        self.data = os.path.join(SCRATCH, name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flags = list(flags)
        self.process = None
        self.tokens = {}
        self.env = {**os.environ, "SKALDS_DATA": self.data}
        if tokens:
            self.make_tokens()

    def make_tokens(self):
        for name, role in self.TOKENS.items():
            self.tokens[name] = self.cli("--quiet", "token", "new", name, "--role", role)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        log = open(self.data + ".log", "a")
        self.process = subprocess.Popen(
            [os.environ["SKALDS"], "up", "--json", "--allow-volatile", "--listen", f"127.0.0.1:{self.port}",
             *self.flags], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        if not until(self.answers, 15):
            raise AssertionError("skalds up is not ready: " + open(self.data + ".log").read()[-600:])
        return self

    def answers(self):
        try:
            return self.get("/readyz")["status"] == "ok"
        except (OSError, ValueError):
            return False

    def stop(self):
        self._end(self.process.terminate)

    def kill(self):
        self._end(self.process.kill)

    def _end(self, how):
        if self.process.poll() is None:
            how()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cli(self, *args, check=True, stdin=None):
        out = subprocess.run([os.environ["SKALDS"], *args], env=self.env, capture_output=True, text=True, input=stdin,
                             stdin=None if stdin is not None else subprocess.DEVNULL, timeout=60 * SLACK)
        if check and out.returncode != 0:
            raise AssertionError(f"skalds {' '.join(args)}: {out.returncode}: {out.stderr.strip()}")
        return out.stdout.strip()

    def add(self, *args):
        return self.cli("task", "add", *args)

    def add_many(self, tasks):
        return self.cli("task", "add", "--quiet", "--file", "-", stdin="".join(json.dumps(t) + "\n" for t in tasks))

    def get(self, path, method="GET", body=None):
        request = urllib.request.Request(self.url + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if self.tokens:
            request.add_header("Authorization", "Bearer " + self.tokens["boss"])
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def task(self, task_id):
        return self.get("/v1/tasks/" + urllib.parse.quote(task_id, safe=""))

    def wait(self, task_id, *states, seconds=15):
        if not until(lambda: self.task(task_id)["phase"] in states, seconds):
            raise AssertionError(f"{task_id} is {self.task(task_id)['phase']}, not {states}")


class Fleet(Skalds):
    """Controllers that somebody else has started, at an address of their own; commands go to the services."""

    def __init__(self, url):
        self.url = url
        self.tokens = {}
        self.env = dict(os.environ)


class Browser:
    """Chromium, and what went wrong in it. Every page is looked at for scripts of tasks that ran."""

    def __init__(self, skalds):
        self.skalds = skalds
        self.url = skalds.url
        self.dialogs, self.errors = [], []
        self.expected = []

    def __enter__(self):
        self.playwright = sync_playwright().start()
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        # its crash handler would outlive the test
        self.chromium = self.playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                                        args=[*flags, "--disable-dev-shm-usage", "--disable-gpu"])
        self.usual = self.new_context()
        return self

    def __exit__(self, *_):
        self.chromium.close()
        self.playwright.stop()

    def new_context(self, **options):
        context = self.chromium.new_context(**{"viewport": DESK, "locale": "en-US", "timezone_id": "UTC", **options})
        context.set_default_timeout(PATIENCE_MS)
        context.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        context.on("weberror", lambda e: self.errors.append(str(e.error)))
        context.on("console", self._console)
        return context

    def _console(self, message):
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.errors.append(message.text)

    def expect_error(self, *parts):
        """Lines of the console with one of these parts are meant: an answer of 401, a server that was killed."""
        self.expected += parts

    def open(self, path="/dashboard/", context=None, token=None, **options):
        """A page at the path, of the usual context unless options want one of its own, which whoever asked closes.
        The token is put where the login page keeps it."""
        context = context or (self.new_context(**options) if options else self.usual)
        page = context.new_page()
        if token or self.skalds.tokens:
            value = token or self.skalds.tokens["boss"]
            page.add_init_script("if (sessionStorage.getItem('skalds.token') === null)"
                                 f"sessionStorage.setItem('skalds.token', {json.dumps(value)})")
        page.goto(self.url + path)
        return page

    def shot(self, page, name):
        os.makedirs(SHOTS, exist_ok=True)
        page.evaluate("() => scrollTo(0, 0)")
        page.screenshot(path=os.path.join(SHOTS, name + ".png"), full_page=True)

    def shots(self, paths):
        """{name: path}: full and phone width, light and dark."""
        for width, viewport in (("full", DESK), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                page = self.new_context(viewport=viewport, color_scheme=scheme).new_page()
                for name, path in paths.items():
                    page.goto(self.url + path)
                    settled(page)
                    self.shot(page, f"{name}-{width}-{scheme}")
                    if width == "phone":
                        tap.at_most(f"{name} has no horizontal scroll at phone width, {scheme}", overflow(page), 0)
                    if (width, scheme) != ("phone", "dark"):
                        self.axe(page, f"{name}, {width}, {scheme}")
                page.context.close()

    def axe(self, page, name):
        """No violation that axe calls serious or critical."""
        with open(os.environ["SKALDS_WEB_AXE"]) as f:
            page.evaluate(f.read())  # the page's policy lets no script tag in, the debugger's way is open
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
        bad = [f"{v['id']} ({v['impact']}): {v['help']}: {'; '.join(str(n['html'])[:150] for n in v['nodes'][:3])}"
               for v in found if v["impact"] in ("serious", "critical")]
        tap.ok(f"axe finds nothing serious on {name}", not bad, "\n".join(bad))

    def judge(self):
        tap.equal("no text of a task ran as a script", self.dialogs, [])
        tap.equal("no error in the browser's console", self.errors[:5], [])


def settled(page):
    """What the page shows has been read."""
    page.locator("main h1").first.wait_for()
    until(lambda: page.locator(".loading").count() == 0)
    page.wait_for_timeout(150)


def overflow(page):
    """Pixels by which the page is wider than its window."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


def injected(page):
    """Elements that text of a task has made: none."""
    return page.evaluate("""() => document.querySelectorAll('img[src="x"], img[onerror], script:not([src])').length""")
