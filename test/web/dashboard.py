"""What every page has in common: how it looks, who may use it, how it bears a server that goes away."""

import re
import time

from harness import PAGES, Browser, Skalds, settled, tap, until
from world import ordinary

def empty(skalds, browser):
    page = browser.open()
    for name, path in PAGES.items():
        if name not in ("task", "failed"):
            page.goto(browser.url + path)
            settled(page)
            browser.shot(page, f"empty-{name}")
    page.goto(browser.url + "/dashboard/tasks")
    page.get_by_text("There are no tasks yet.").wait_for()
    tap.ok("a server without tasks says so", True)
    page.close()


def languages(skalds, browser):
    page = browser.open(locale="zh-TW")
    for name, path in PAGES.items():
        page.goto(browser.url + path)
        settled(page)
        text = page.locator("body").inner_text()
        raw = re.findall(r"\b(?:tasks?|action|ask|state|form|log|attempt|new|option|page|live|error)\.[a-z][\w.-]*", text)
        tap.equal(f"no text is missing in Traditional Chinese on {name}", raw, [])
        browser.shot(page, f"zh-{name}")
    tap.equal("the page says its language", page.locator("html").get_attribute("lang"), "zh-TW")
    page.get_by_title("語言").select_option("en")
    page.get_by_role("link", name="Overview").wait_for()
    page.reload()
    page.get_by_role("link", name="Overview").wait_for()
    tap.ok("a chosen language stays", True)
    page.context.close()


def same_texts(skalds, browser):
    """Both languages have the same names, and the same places for values."""
    page = browser.open("/dashboard/")
    settled(page)
    differing = page.evaluate("""async () => {
        const base = document.querySelector('script[type=module]').src.replace(/app\\.js$/, '');
        const [en, zh] = await Promise.all(['en', 'zh-TW'].map(n => import(`${base}texts/${n}.js`)));
        const places = text => [].concat(text).map(s => (s.match(/\\{\\w+\\}/g) || []).sort().join()).at(-1);
        const bad = [];
        for (const name of new Set([...Object.keys(en.default), ...Object.keys(zh.default)]))
            if (!(name in en.default) || !(name in zh.default))
                bad.push(name);
            else if (places(en.default[name]) !== places(zh.default[name]))
                bad.push(`${name}: other values`);
        return bad;
    }""")
    tap.equal("both languages have the same texts", differing, [])
    page.close()


def first_load(skalds, browser):
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    names, sizes = {}, {}
    session.send("Network.enable")
    session.on("Network.responseReceived", lambda e: names.update({e["requestId"]: e["response"]["url"]}))
    session.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}))
    began = time.monotonic()
    page.goto(browser.url + "/dashboard/")
    page.locator("main h1").first.wait_for()
    shown = round((time.monotonic() - began) * 1000)
    settled(page)
    files = [sizes[n] for n in sizes if "/dashboard" in names[n]]
    tap.at_most("first load, bytes of all files with their headers", round(sum(files)), 150 * 1024)
    print(f"# first load: {len(files)} files, {round(sum(sizes.values()) - sum(files))} bytes of data,"
          f" the page stands after {shown} ms")
    outside = [r for r in page.evaluate("() => performance.getEntriesByType('resource').map(e => e.name)")
               if not r.startswith(browser.url)]
    tap.equal("nothing comes from elsewhere", outside, [])
    context.close()


def keyboard(skalds, browser):
    """Without a mouse: to the list, into a row, to the question and out of it."""
    page = browser.open("/dashboard/tasks?id=fails")
    settled(page)

    def tab_to(test, most=60, key="Tab"):
        for _ in range(most):
            page.keyboard.press(key)
            if page.evaluate(test):
                return True
        return False

    page.keyboard.press("Tab")
    tap.equal("the first stop leads past the menu", page.evaluate("() => document.activeElement.className"), "skip")
    page.keyboard.press("Enter")
    tap.equal("to the content", page.evaluate("() => document.activeElement.id"), "main")
    tap.ok("Tab reaches the state filter", tab_to("() => document.activeElement.matches('.pick')"))
    page.keyboard.press("Space")
    page.wait_for_url("**state=Created*")
    tap.ok("which Space presses", True)
    page.keyboard.press("Space")
    page.wait_for_url(lambda url: "state=" not in url)
    tap.ok("Tab reaches a row", tab_to("() => document.activeElement.matches('tr[data-row]')"))
    ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    tap.ok("where the focus is can be seen", ring != "none", ring)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="fails-1").wait_for()
    tap.ok("Enter opens it", True)
    page.locator("#main").focus()
    tap.ok("Tab reaches Delete", tab_to("() => document.activeElement.textContent === 'Delete'"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    stops = set()
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.add(page.evaluate("() => document.activeElement === document.body ? 'body' :"
                                " String(document.activeElement.closest('dialog') !== null)"))
    tap.ok("the focus stays in the question", "false" not in stops, stops)
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    tap.equal("Escape says no", skalds.task("fails-1")["phase"], "Failed")
    tap.equal("and the focus is where it was", page.evaluate("() => document.activeElement.textContent"), "Delete")
    page.close()


def lost(skalds, browser):
    page = browser.open("/dashboard/tasks")
    page.locator(".connection.live").wait_for()
    settled(page)
    skalds.kill()
    began = time.monotonic()
    page.locator(".connection.lost").wait_for()
    tap.at_most("a server that is gone is shown, ms", round((time.monotonic() - began) * 1000), 3000)
    tap.ok("what was read stays", page.get_by_role("link", name="camera-1").is_visible())
    browser.shot(page, "lost")
    skalds.start()
    page.locator(".connection.live").wait_for(timeout=30000)
    skalds.add("Noop", "--delay", "1h", "--id", "after-the-return")
    page.get_by_role("link", name="after-the-return").wait_for()
    tap.ok("it comes back by itself, and is live again", True)
    page.close()


def reader(browser):
    page = browser.open("/dashboard/tasks/camera-1", browser.new_context(), browser.skalds.tokens["guest"])
    page.get_by_role("heading", name="Camera at the gate").wait_for()
    until(lambda: page.get_by_text("read only").count() > 0)
    tap.equal("whoever may only look is offered no action", page.get_by_role(
        "button", name=re.compile("^(Pause|Resume|Run again|Cancel task|Delete|Edit)$")).count(), 0)
    page.goto(browser.url + "/dashboard/tasks/new")
    page.get_by_text("Your token may only look").wait_for()
    tap.ok("nor a form", True)
    page.context.close()


def tokens():
    with Skalds("locked", tokens=True) as skalds, Browser(skalds) as browser:
        ordinary(skalds)
        browser.expect_error("status of 401", "status of 404", "status of 403")
        context = browser.new_context()
        page = context.new_page()
        page.goto(browser.url + "/dashboard/tasks")
        box = page.get_by_label("Token")
        box.wait_for()
        browser.shot(page, "login")
        browser.axe(page, "login")
        box.fill("sk_wrong")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("The server does not know this token.").wait_for()
        tap.ok("a wrong token is refused", True)
        box.fill(skalds.tokens["boss"])
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="camera-1").wait_for()
        tap.ok("the right one shows the page that was asked for", page.url.endswith("/dashboard/tasks"), page.url)
        tap.ok("it is in no URL and no cookie", skalds.tokens["boss"] not in page.url and context.cookies() == [])
        tap.equal("nor kept longer than the tab", page.evaluate(
            "t => Object.values(localStorage).filter(v => v.includes(t)).length", skalds.tokens["boss"]), 0)
        other = context.new_page()
        other.goto(browser.url + "/dashboard/tasks")
        other.get_by_label("Token").wait_for()
        tap.ok("another tab is not logged in", True)
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Token").wait_for()
        page.reload()
        page.get_by_label("Token").wait_for()
        tap.ok("log out forgets it", True)
        context.close()
        tap.part("a reader", reader, browser)
        browser.judge()


with Skalds(flags=["--slots", "4"]) as skalds, Browser(skalds) as browser:
    browser.expect_error("status of 404", "ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY_RESPONSE", "Failed to fetch")
    tap.part("empty", empty, skalds, browser)
    ordinary(skalds)
    for part in (languages, same_texts, first_load, keyboard, lost):
        tap.part(part.__name__.replace("_", " "), part, skalds, browser)
    browser.judge()
tap.part("tokens", tokens)
tap.finish()
