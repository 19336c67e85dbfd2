"""100,000 tasks: the pages are as quick as with ten."""

import time

from harness import Browser, Skalds, tap, until

N = 100_000


def fill(skalds):
    for start in range(0, N, 50_000):
        skalds.add_many([{"id": f"t{n:06}", "className": ("Noop", "Sleep", "Exec")[n % 3], "delaySeconds": 99999,
                          "name": f"Measurement {n}", "labels": {"site": f"s{n % 50}"},
                          "attachments": ({}, {"seconds": 1}, {"command": ["true"]})[n % 3]}
                         for n in range(start, start + 50_000)])


def rows(page):
    return page.locator("tr[data-row]")


def timed(sentence, limit, do):
    began = time.monotonic()
    do()
    tap.at_most(f"{sentence}, ms", round((time.monotonic() - began) * 1000), limit)


def first_row(page, task):
    page.locator("tr[data-row]").first.get_by_role("link", name=task, exact=True).wait_for()


def pages(skalds, browser):
    page = browser.open("/dashboard/tasks")
    first_row(page, f"t{N - 1:06}")
    tap.equal("a page of them is drawn", rows(page).count(), 50)
    tap.has("all are counted", page.get_by_role("group", name="State").inner_text(), "100,000")
    browser.shot(page, "crowd-tasks")

    def next_page():
        page.get_by_role("button", name="Next").click()
        first_row(page, f"t{N - 51:06}")
    timed("the next page", 1000, next_page)

    def by_label():
        page.get_by_label("Label").fill("site=s7")
        first_row(page, "t099957")
    timed("a label, typing pause of 400 ms included", 1500, by_label)
    page.get_by_role("button", name="Clear filter").click()

    def by_id():
        page.get_by_label("ID contains").fill("t05000")
        first_row(page, "t050009")
    timed("a part of an id, typing pause included", 1500, by_id)
    page.get_by_role("button", name="Clear filter").click()
    first_row(page, f"t{N - 1:06}")

    def oldest():
        page.get_by_role("button", name="Created").click()
        first_row(page, "t000000")
    timed("oldest first", 1000, oldest)
    page.close()


def many_rows(skalds, browser):
    page = browser.open("/dashboard/tasks?limit=200")
    first_row(page, f"t{N - 1:06}")
    tap.ok("of 200 rows those in sight are drawn", 10 < rows(page).count() < 200, rows(page).count())
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 20000)
    page.get_by_role("link", name=f"t{N - 200:06}", exact=True).wait_for()
    tap.ok("scrolling draws the others", True)
    page.close()


def everything(skalds, browser):
    page = browser.open("/dashboard/tasks")
    first_row(page, f"t{N - 1:06}")
    page.get_by_label("Select all 50 of this page").check()
    page.get_by_role("button", name="Select everything that fits the filter").click()
    page.get_by_role("button", name="Cancel task").click()
    tap.has("so many are not counted one by one", page.get_by_role("dialog").inner_text(), "more than 1,000 tasks")
    page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    page.close()


def storm(skalds, browser):
    """Many events a second: the page reads at most once a second and stays quick."""
    page = browser.open("/dashboard/tasks")
    page.locator(".connection.live").wait_for()
    first_row(page, f"t{N - 1:06}")
    page.mouse.move(0, 0)
    reads = []
    page.on("request", lambda r: "/v1/tasks?" in r.url and reads.append(r.url))
    page.on("request", lambda r: r.url.endswith("/v1/tasks") and reads.append(r.url))
    began = time.monotonic()
    batch = 0
    while time.monotonic() - began < 3:
        batch += 1
        skalds.add_many([{"id": f"storm-{batch}-{n}", "className": "Noop"} for n in range(500)])
        page.wait_for_timeout(20)
    last = f"storm-{batch}-499"
    until(lambda: skalds.task(last)["phase"] == "Finished", 30)
    seconds = time.monotonic() - began
    page.wait_for_timeout(50)  # what the browser has told meanwhile is heard now
    tap.ok("the list is read while tasks come and go", reads)
    tap.at_most(f"reads of the list in {seconds:.1f} s of {batch * 500:,} tasks", len(reads), round(seconds) + 2)
    longest = page.evaluate("""() => new Promise(done => {
        let longest = 0, before = performance.now();
        const end = before + 1000;
        const step = now => {
            longest = Math.max(longest, now - before);
            before = now;
            now < end ? requestAnimationFrame(step) : done(Math.round(longest));
        };
        requestAnimationFrame(step);
    })""")
    print(f"# the longest pause between two frames was {longest} ms")
    first_row(page, last)
    tap.ok("and shows the last one", True)
    page.close()


with Skalds(flags=["--slots", "4"]) as skalds, Browser(skalds) as browser:
    browser.expect_error("status of 404")
    fill(skalds)
    browser.open("/dashboard/").close()
    for part in (pages, many_rows, everything, storm):
        tap.part(part.__name__.replace("_", " "), part, skalds, browser)
    page = browser.open("/dashboard/")
    page.locator("main h1").first.wait_for()
    page.wait_for_timeout(1000)
    browser.shot(page, "crowd-overview")
    browser.judge()
tap.finish()
