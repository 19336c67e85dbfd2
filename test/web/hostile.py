"""Text of tasks is only ever text: in every field that can hold some, on every page that shows it."""

import urllib.parse

from harness import EVIL, Browser, Skalds, injected, tap, until
from world import hostile


def clean(page, name, parts):
    text = page.locator("body").inner_text()
    for part in parts:
        tap.has(f"{name} shows it as it is: {part[:18]}", text, part)
    tap.equal(f"and nothing grew out of it on {name}", injected(page), 0)


def every_page(skalds, browser):
    ids = hostile(skalds)
    page = browser.open("/dashboard/tasks")
    page.get_by_role("link", name=ids[0], exact=True).wait_for()
    clean(page, "the list", EVIL)
    browser.shot(page, "hostile-tasks")
    for n, task in enumerate(ids):
        page.goto(browser.url + "/dashboard/tasks/" + urllib.parse.quote(task, safe=""))
        page.get_by_role("region", name="About this task").wait_for()
        until(lambda: page.locator(".loading").count() == 0)
        if n < len(EVIL):
            page.get_by_role("log").get_by_text(EVIL[n]).first.wait_for()
            clean(page, f"task {n}", [EVIL[n], f"<b>k</b>={EVIL[n]}"])
            page.get_by_role("button", name="Edit").click()
            page.get_by_role("button", name="Update attachments").wait_for()
            page.get_by_role("button", name="JSON", exact=True).click()
        tap.equal(f"nothing grew out of {task[:12]}", injected(page), 0)
        browser.shot(page, f"hostile-{n}")
    page.goto(browser.url + "/dashboard/tasks/" + urllib.parse.quote(ids[0], safe=""))
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").wait_for()
    clean(page, "the question", [ids[0]])
    for path in ("/", "/skalds", "/alerts", "/health"):
        page.goto(browser.url + "/dashboard" + path)
        page.locator("main h1").first.wait_for()
        page.wait_for_timeout(300)
        tap.equal(f"nothing grew out of it on {path}", injected(page), 0)


def urls(skalds, browser):
    for text in EVIL:
        word = urllib.parse.quote(text, safe="")
        for path in (f"/dashboard/tasks/{word}", f"/dashboard/tasks?id={word}&class={word}&label={word}&state={word}",
                     f"/dashboard/tasks?sort={word}&cursor={word}&page={word}&limit={word}",
                     f"/dashboard/tasks/new?class={word}", f"/dashboard/skalds/{word}", f"/dashboard/{word}"):
            page = browser.open(path)
            page.locator("main").wait_for()
            page.wait_for_timeout(120)
            if injected(page) != 0:
                tap.equal(f"nothing grows out of {path}", injected(page), 0)
            page.close()
    tap.ok("nothing grows out of what stands in a URL", True)


def policy(skalds, browser):
    page = browser.open("/dashboard/")
    page.locator("main h1").first.wait_for()
    browser.expect_error("Content Security Policy", "violates the following")
    ran = page.evaluate("""() => new Promise(done => {
        const s = document.createElement('script');
        s.textContent = 'window.ran = true';
        document.body.append(s);
        const i = document.createElement('img');
        i.src = 'data:,x';
        i.setAttribute('onerror', 'window.ran = true');
        document.body.append(i);
        setTimeout(() => done(window.ran === true), 300);
    })""")
    tap.equal("and if something did, the page's policy would not let it run", ran, False)
    page.close()


with Skalds(flags=["--slots", "4"]) as skalds, Browser(skalds) as browser:
    browser.expect_error("status of 404", "status of 422", "status of 400")
    for part in (every_page, urls, policy):
        tap.part(part.__name__.replace("_", " "), part, skalds, browser)
    browser.judge()
tap.finish()
