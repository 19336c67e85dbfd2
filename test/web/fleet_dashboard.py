"""Two controllers behind one address: what a page shows, and that it goes on when one of them is killed."""

import os
import signal
import socket
import threading
import time

from harness import Browser, Fleet, settled, tap, until
from world import ordinary

CONTROLLERS = [tuple(map(int, word.split(":"))) for word in os.environ["CONTROLLERS"].split()]


def pump(source, to):
    """Bytes of one side to the other, until either has gone."""
    try:
        while piece := source.recv(65536):
            to.sendall(piece)
    except OSError:
        pass
    for s in (source, to):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def forward(client):
    for _, port in CONTROLLERS:
        try:
            server = socket.create_connection(("127.0.0.1", port), 5)
            server.settimeout(None)  # a stream may be silent for long
            break
        except OSError:
            continue
    else:
        client.close()
        return
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)
    server.close()
    client.close()


def front():
    """One address: the first controller that takes connections. -> its port"""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=forward, args=(client,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def pages(fleet, browser):
    page = browser.open("/dashboard/tasks")
    row = page.locator("tr[data-row]", has=page.get_by_role("link", name="camera-1", exact=True))
    row.wait_for()
    tap.has("the list names the node", row.inner_text(), "n1")
    browser.shot(page, "fleet-tasks")
    page.get_by_role("link", name="camera-1", exact=True).click()
    page.get_by_role("log").get_by_text("step 3 of").wait_for()
    tap.ok("output of another process's task, by the state cache", True)
    browser.shot(page, "fleet-task")
    for name in ("skalds", "health"):
        page.goto(f"{browser.url}/dashboard/{name}")
        settled(page)
        browser.shot(page, "fleet-" + name)
    text = page.locator("main").inner_text().lower()
    tap.ok("the health page names the services", all(s in text for s in ("kafka", "redis", "mongo")), text)
    page.close()


def takeover(fleet, browser):
    browser.expect_error("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY_RESPONSE", "Failed to fetch")
    page = browser.open("/dashboard/tasks")
    settled(page)
    page.locator(".connection.live").wait_for()
    fleet.add("Noop", "--delay", "1h", "--id", "before-it")
    page.get_by_role("link", name="before-it", exact=True).wait_for()
    os.kill(CONTROLLERS[0][0], signal.SIGKILL)
    began = time.monotonic()
    until(lambda: page.locator(".connection.lost").count() > 0, 3)
    page.locator(".connection.live").wait_for(timeout=20000)
    tap.at_most("a controller is killed: live again at the other, ms", round((time.monotonic() - began) * 1000), 6000)
    fleet.add("Noop", "--delay", "1h", "--id", "after-it")
    page.get_by_role("link", name="after-it", exact=True).wait_for()
    tap.ok("and what happens is shown", True)
    fleet.add("Sleep", "seconds=0.1", "--id", "runs-after")
    fleet.wait("runs-after", "Finished", seconds=30)
    page.locator("tr[data-row]", has=page.get_by_role("link", name="runs-after", exact=True)) \
        .get_by_text("Finished").wait_for()
    tap.ok("tasks run on, by the second one's lead", True)
    page.close()


fleet = Fleet(f"http://127.0.0.1:{front()}")
with Browser(fleet) as browser:
    browser.expect_error("status of 404")  # routes that this server has not
    ordinary(fleet)
    tap.part("pages", pages, fleet, browser)
    tap.part("takeover", takeover, fleet, browser)
    browser.judge()
tap.finish()
