"""The pages of tasks: list, detail, new task; every action."""

import json
import re
import time
import urllib.parse

from harness import Browser, Skalds, tap, until
from world import ordinary


def row(page, task):
    return page.locator("tr[data-row]", has=page.get_by_role("link", name=task, exact=True))


def ids(page):
    return page.locator("tr[data-row] a.id").all_inner_texts()


def query(page):
    return urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)


def toast(page, text):
    return page.locator(".toast", has_text=text)


def answer(page, button):
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
    page.get_by_role("dialog").wait_for(state="detached")


def the_list(skalds, browser):
    page = browser.open("/dashboard/tasks")
    row(page, "camera-1").locator("progress").wait_for()
    text = row(page, "camera-1").inner_text()
    for part in ("Camera at the gate", "MyWorker", "Passive", "Running", "attempt 1 of 3", "%"):
        tap.has(f"the list shows {part}", text, part)
    tap.has("and why a task failed", row(page, "fails-1").inner_text(), "ended with code 3")
    tap.has("what is assigned to nobody says so", row(page, "after-1").inner_text(), "not assigned")
    counts = page.get_by_role("group", name="State").inner_text()
    tap.ok("states have their counts", re.search(r"Running\s+1", counts) and re.search(r"Failed\s+1", counts), counts)
    page.close()


def filters(skalds, browser):
    page = browser.open("/dashboard/tasks")
    row(page, "camera-1").wait_for()
    page.get_by_role("button", name=re.compile("^Failed")).click()
    until(lambda: ids(page) == ["fails-1"])
    tap.equal("one state", ids(page), ["fails-1"])
    page.get_by_role("button", name=re.compile("^Running")).click()
    until(lambda: len(ids(page)) == 2)
    tap.equal("two states", sorted(ids(page)), ["camera-1", "fails-1"])
    tap.equal("the URL has them", query(page), {"state": ["Failed,Running"]})
    page.get_by_label("ID contains").fill("cam")
    until(lambda: ids(page) == ["camera-1"])
    tap.equal("and a part of the id", query(page), {"state": ["Failed,Running"], "id": ["cam"]})
    page.reload()
    row(page, "camera-1").wait_for()
    tap.equal("a reload keeps the filter", (ids(page), page.get_by_label("ID contains").input_value()),
              (["camera-1"], "cam"))
    page.go_back()
    until(lambda: len(ids(page)) == 2)
    tap.equal("back takes the last one away", len(ids(page)), 2)
    page.go_forward()
    until(lambda: len(ids(page)) == 1)
    page.get_by_role("button", name="Clear filter").click()
    until(lambda: len(ids(page)) > 5)
    tap.equal("clear takes all away", query(page), {})
    page.get_by_label("Class", exact=True).select_option("MyWorker")
    until(lambda: ids(page) == ["camera-1"])
    tap.equal("by class", ids(page), ["camera-1"])
    page.get_by_role("button", name="Clear filter").click()
    page.get_by_label("Label").fill("site=north")
    until(lambda: ids(page) == ["camera-1"])
    tap.equal("by label", ids(page), ["camera-1"])
    page.get_by_role("button", name="Clear filter").click()
    page.get_by_label("Skald", exact=True).fill(skalds.task("camera-1")["executor"])
    until(lambda: query(page).get("executor") and "after-1" not in ids(page))
    tap.ok("by skald", "camera-1" in ids(page) and "after-1" not in ids(page), ids(page))
    page.get_by_label("ID contains").fill("nothing-like-this")
    page.get_by_text("No task fits this filter.").wait_for()
    tap.ok("that nothing fits is said", True)
    page.close()


def sorting(skalds, browser):
    page = browser.open("/dashboard/tasks")
    row(page, "camera-1").wait_for()
    newest = ids(page)
    page.get_by_role("button", name="Created").click()
    until(lambda: ids(page) == newest[::-1])
    tap.equal("oldest first", (ids(page), query(page)), (newest[::-1], {"sort": ["created"]}))
    page.get_by_role("button", name="Priority").click()
    until(lambda: ids(page)[:1] == ["camera-1"] and query(page)["sort"] == ["rank"])
    tap.equal("by priority", query(page), {"sort": ["rank"]})
    page.get_by_role("button", name="Updated").click()
    until(lambda: query(page) == {"sort": ["updated"]} and ids(page))
    tap.equal("by update: what runs is first", ids(page)[0], "camera-1")
    page.close()


def paging(skalds, browser):
    skalds.add_many([{"id": f"page-{n:03}", "className": "Noop", "delaySeconds": 9999, "labels": {"many": "yes"}}
                     for n in range(60)])
    page = browser.open("/dashboard/tasks?label=many&limit=20")
    row(page, "page-059").wait_for()
    tap.equal("a page of 20, newest first", (len(ids(page)), ids(page)[0]), (20, "page-059"))
    page.get_by_role("button", name="Next").click()
    row(page, "page-039").wait_for()
    tap.ok("the next page", "cursor" in query(page) and query(page)["page"] == ["2"], page.url)
    page.get_by_role("button", name="Next").click()
    row(page, "page-000").wait_for()
    tap.ok("the last page knows it", page.get_by_role("button", name="Next").is_disabled())
    page.get_by_role("button", name="Previous").click()
    row(page, "page-039").wait_for()
    page.go_back()
    row(page, "page-000").wait_for()
    page.reload()
    row(page, "page-000").wait_for()
    tap.ok("back, and a reload in the middle", True)
    page.get_by_role("button", name="First page").click()
    row(page, "page-059").wait_for()
    page.get_by_role("button", name="Next").click()
    row(page, "page-039").wait_for()
    page.get_by_label("ID contains").fill("page-05")
    row(page, "page-055").wait_for()
    tap.equal("a new filter begins at its first page", query(page),
              {"label": ["many"], "limit": ["20"], "id": ["page-05"]})
    page.close()


def steady(skalds, browser):
    page = browser.open("/dashboard/tasks")
    row(page, "camera-1").wait_for()
    page.locator(".connection.live").wait_for()
    page.mouse.move(0, 0)
    skalds.add("Noop", "--delay", "1h", "--id", "live-1")
    began = time.monotonic()
    row(page, "live-1").wait_for()
    tap.at_most("a new task is there within 1 s, ms", round((time.monotonic() - began) * 1000), 1000)
    time.sleep(1.1)
    skalds.cli("task", "cancel", "--yes", "live-1")
    began = time.monotonic()
    row(page, "live-1").get_by_text("Cancelled").wait_for()
    tap.at_most("a change within 1 s, ms", round((time.monotonic() - began) * 1000), 1000)
    tap.ok("and it is marked", "changed" in (row(page, "live-1").get_attribute("class") or ""))
    row(page, "live-1").hover()
    before = ids(page)
    skalds.add("Noop", "--delay", "1h", "--id", "live-2")
    page.get_by_role("button", name="Show 1 change of this list").wait_for()
    tap.equal("under the mouse no row moves", ids(page), before)
    page.mouse.move(0, 0)
    row(page, "live-2").wait_for()
    page.get_by_label("Select live-1", exact=True).check()
    page.mouse.move(0, 0)
    before = ids(page)
    skalds.add("Noop", "--delay", "1h", "--id", "live-3")
    button = page.get_by_role("button", name="Show 1 change of this list")
    button.wait_for()
    tap.equal("nor while some are selected", ids(page), before)
    button.click()
    row(page, "live-3").wait_for()
    page.get_by_role("button", name="Select nothing").click()
    skalds.cli("task", "delete", "--yes", "live-1")
    row(page, "live-1").wait_for(state="detached")
    tap.ok("what is deleted goes", True)
    page.close()


def bulk(skalds, browser):
    skalds.add_many([{"id": f"bulk-{n}", "className": "Noop", "delaySeconds": 9999} for n in range(6)])
    skalds.cli("task", "cancel", "--yes", "bulk-5")
    page = browser.open("/dashboard/tasks?id=bulk-")
    row(page, "bulk-0").wait_for()
    for n in (0, 1, 5):
        page.get_by_label(f"Select bulk-{n}", exact=True).check()
    tap.ok("how many are selected", page.get_by_text("3 tasks selected").is_visible())
    page.get_by_role("button", name="Cancel task").click()
    text = page.get_by_role("dialog").inner_text()
    tap.has("the question says how many", text, "Cancel 2 tasks?")
    tap.has("and how many are left out", text, "1 other of the selected is left as it is")
    answer(page, "Cancel")
    tap.equal("no is no", skalds.task("bulk-0")["phase"], "Created")
    page.get_by_role("button", name="Cancel task").click()
    answer(page, "Cancel task")
    toast(page, "2 tasks are cancelled").wait_for()
    tap.equal("yes is yes", [skalds.task(f"bulk-{n}")["phase"] for n in (0, 1, 2)],
              ["Cancelled", "Cancelled", "Created"])
    for button, said, wanted in (("Pause", "3 tasks are paused", {"pause"}), ("Resume", "3 tasks go on", {"run"})):
        for n in (2, 3, 4):
            page.get_by_label(f"Select bulk-{n}", exact=True).check()
        page.get_by_role("group", name="What to do").get_by_role("button", name=button, exact=True).click()
        answer(page, button)
        toast(page, said).wait_for()
        tap.equal(f"{button} of three", {skalds.task(f"bulk-{n}")["wanted"] for n in (2, 3, 4)}, wanted)
    page.get_by_label("Select all 6 of this page").check()
    page.get_by_role("button", name="Run again", exact=True).click()
    tap.has("run again: only what has ended", page.get_by_role("dialog").inner_text(), "Run 3 tasks again?")
    answer(page, "Run again")
    tap.ok("they have run", until(lambda: skalds.task("bulk-0")["phase"] == "Finished"), skalds.task("bulk-0"))
    page.get_by_label("Select all 6 of this page").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    answer(page, "Delete")
    row(page, "bulk-0").wait_for(state="detached")
    tap.equal("deleted are those that had ended", sorted(ids(page)), ["bulk-2", "bulk-3", "bulk-4"])
    page.close()


def bulk_by_filter(skalds, browser):
    page = browser.open("/dashboard/tasks?label=many&limit=20")
    row(page, "page-059").wait_for()
    page.get_by_label("Select all 20 of this page").check()
    page.get_by_role("button", name="Select everything that fits the filter").click()
    page.get_by_role("button", name="Cancel task").click()
    tap.has("everything that fits: all are counted", page.get_by_role("dialog").inner_text(), "Cancel 60 tasks?")
    answer(page, "Cancel task")
    toast(page, "60 tasks are cancelled").wait_for()
    tap.equal("beyond the page too", skalds.task("page-000")["phase"], "Cancelled")
    page.close()


def detail(skalds, browser):
    page = browser.open("/dashboard/tasks?id=camera")
    row(page, "camera-1").get_by_role("link", name="camera-1").click()
    page.get_by_role("heading", name="Camera at the gate").wait_for()
    facts = page.get_by_role("region", name="About this task")
    text = facts.inner_text()
    for part in ("Holds a frame of the camera at the gate.", "site=north", "CLI", "Deadline", "64 MB", "attempt 1 of 3"):
        tap.has(f"the task page has {part}", text, part)
    log = page.get_by_role("log")
    log.get_by_text("step 3 of 3000").wait_for()
    length = len(log.inner_text())
    tap.ok("the output goes on", until(lambda: len(log.inner_text()) > length, 5))
    tap.ok("progress is shown", page.locator("header progress").is_visible())
    graph = page.get_by_role("region", name="Dependencies")
    graph.get_by_role("link", name=re.compile("camera-1")).wait_for()
    beat = page.get_by_role("region", name="Heartbeat")
    tap.has("the heartbeat is alive", beat.inner_text(), "yes")
    tap.ok("a running task cannot be created anew", not page.get_by_role("button", name="Run again").is_visible())
    page.go_back()
    row(page, "camera-1").wait_for()
    page.goto(browser.url + "/dashboard/tasks/after-2")
    graph = page.get_by_role("region", name="Dependencies")
    graph.get_by_role("link", name=re.compile("^after-1")).click()
    page.get_by_role("heading", name="Report").wait_for()
    tap.ok("the graph's boxes are links", page.url.endswith("/tasks/after-1"), page.url)
    page.goto(browser.url + "/dashboard/tasks/no-such-task")
    page.get_by_text("There is no task no-such-task.").wait_for()
    tap.ok("a task that is not there is said", True)
    page.close()


def attempts(skalds, browser):
    page = browser.open("/dashboard/tasks/fails-1")
    part = page.get_by_role("region", name="Attempts")
    part.locator("strong", has_text="Attempt 2").wait_for()
    tap.equal("each attempt with its reason", part.get_by_text("ended with code 3").count(), 2)
    log = page.get_by_role("log")
    log.get_by_text("red words").wait_for()
    tap.equal("colours are left out", log.inner_text().strip(), "red words\nto stderr")
    page.get_by_text("The output has ended.").wait_for()
    part.get_by_role("button", name="Output").nth(1).click()
    tap.ok("another attempt's output", until(lambda: page.get_by_role("combobox", name=re.compile("^Attempt")).input_value() == "1"))
    log.get_by_text("red words").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    with open(download.value.path(), "rb") as f:
        tap.equal("the download is as it came", f.read(), b"\x1b[31mred\x1b[0m words\nto stderr\n")
    page.get_by_role("button", name="Run again").click()
    part.locator("strong", has_text="Attempt 4").wait_for()
    tap.ok("run again: new attempts appear by themselves", True)
    skalds.wait("fails-1", "Failed")
    page.get_by_role("button", name="Delete").click()
    tap.has("delete asks", page.get_by_role("dialog").inner_text(), "Task fails-1 and its output are removed")
    answer(page, "Delete")
    page.get_by_role("heading", name="Tasks", exact=True).wait_for()
    tap.equal("and does it", skalds.cli("task", "get", "fails-1", "--json", check=False), "")
    page.close()


def live_actions(skalds, browser):
    skalds.add("MyWorker", "rtspUrl=rtsp://cam/2", "fixFrame=1", "--id", "steered")
    skalds.wait("steered", "Running")
    page = browser.open("/dashboard/tasks/steered")
    state = page.locator(".task-head .badge")
    state.get_by_text("Running").wait_for()
    page.get_by_role("button", name="Pause").click()
    state.get_by_text("Paused").wait_for()
    page.get_by_role("button", name="Resume").click()
    state.get_by_text("Running").wait_for()
    tap.ok("pause and resume", True)
    time.sleep(1.1)
    skalds.cli("task", "pause", "steered")
    skalds.wait("steered", "Paused")
    began = time.monotonic()
    state.get_by_text("Paused").wait_for()
    tap.at_most("somebody else's change within 1 s, ms", round((time.monotonic() - began) * 1000), 1000)
    page.get_by_role("button", name="Resume").click()
    state.get_by_text("Running").wait_for()
    page.get_by_role("button", name="Cancel task").click()
    answer(page, "Cancel task")
    state.get_by_text("Cancelled").wait_for()
    tap.ok("cancel", True)
    page.close()


def attachments(skalds, browser):
    page = browser.open("/dashboard/tasks/camera-1")
    part = page.get_by_role("region", name="Attachments")
    part.get_by_role("button", name="Edit").click()
    part.get_by_label("fixFrame").fill("31.5")
    part.get_by_role("button", name="Update attachments").click()
    part.get_by_text("This must be a whole number.").wait_for()
    tap.ok("a wrong value is said at its field", part.get_by_label("fixFrame").get_attribute("aria-invalid") == "true")
    part.get_by_label("fixFrame").fill("31")
    part.get_by_label("steps").fill("-1")
    part.get_by_role("button", name="Update attachments").click()
    part.get_by_text("at least 0").first.wait_for()
    part.get_by_label("steps").fill("5000")
    part.get_by_role("button", name="Update attachments").click()
    toast(page, "the running task is told").wait_for()
    tap.equal("the form changes what was changed",
              {k: skalds.task("camera-1")["attachments"][k] for k in ("rtspUrl", "fixFrame", "steps")},
              {"rtspUrl": "rtsp://cam/1", "fixFrame": 31, "steps": 5000})
    page.get_by_role("log").get_by_text("Fix Frame: 31").first.wait_for()
    tap.ok("and the worker has it", True)
    part.get_by_role("button", name="Edit").click()
    part.get_by_role("button", name="JSON").click()
    box = part.get_by_label("Attachments as JSON")
    box.fill('["a"]')
    tap.ok("a list is no object", part.get_by_text("This must be an object").is_visible() and
           part.get_by_role("button", name="Update attachments").is_disabled())
    box.fill('{"rtspUrl": "rtsp://cam/1", "fixFrame": 32, "bogus": 1}')
    part.get_by_role("button", name="Update attachments").click()
    part.get_by_text("bogus").first.wait_for()
    box.fill('{"rtspUrl": "rtsp://cam/1", "fixFrame": 32}')
    part.get_by_role("button", name="Format").click()
    tap.equal("Format", box.input_value(), json.dumps({"rtspUrl": "rtsp://cam/1", "fixFrame": 32}, indent=2))
    skalds.cli("task", "update", "camera-1", "fixFrame=77")
    part.get_by_role("button", name="Update attachments").click()
    part.get_by_text("Somebody else has changed").wait_for()
    tap.equal("what somebody else changed is not written over", skalds.task("camera-1")["attachments"]["fixFrame"], 77)
    part.get_by_role("button", name="Cancel", exact=True).click()
    part.get_by_text('"fixFrame": 77').wait_for()
    tap.ok("and is shown", True)
    page.close()


def array(skalds, browser):
    page = browser.open("/dashboard/tasks/frames")
    part = page.get_by_role("region", name="Array of 5 elements")
    part.get_by_role("link", name=re.compile("Finished 5")).click()
    row(page, "frames.3").wait_for()
    tap.equal("elements of an array", len(ids(page)), 5)
    page.close()


def new_task(skalds, browser):
    page = browser.open("/dashboard/tasks")
    page.get_by_role("link", name="New task").click()
    page.get_by_label("Class").select_option("MyWorker")
    page.get_by_role("button", name="Create task").click()
    tap.equal("what is required is said", page.get_by_text("This is required.").count(), 2)
    page.get_by_label("rtspUrl").fill("rtsp://cam/9")
    page.get_by_label("fixFrame").fill("9")
    page.get_by_label("intervalSeconds").fill("99999999")
    page.get_by_role("button", name="Create task").click()
    page.get_by_text("at most 86,400").first.wait_for()
    page.get_by_label("intervalSeconds").fill("")
    page.get_by_text("More options").click()
    tap.equal("choices stand at the usual one", page.get_by_label("When its skald loses the store").input_value(), "stop")
    page.get_by_label("Name", exact=True).fill("By hand")
    page.get_by_label("ID", exact=True).fill("new-1")
    page.get_by_label("Priority").fill("11")
    page.get_by_label("Labels").fill("made=by hand\nsite=south")
    page.get_by_label("Starts after").fill("camera-1")
    page.get_by_role("button", name="Create task").click()
    wrong = page.get_by_label("Priority")
    tap.ok("what the server finds stands at its field", until(lambda: wrong.get_attribute("aria-invalid") == "true"))
    wrong.fill("7")
    page.get_by_role("button", name="Check only").click()
    toast(page, "The task is valid").wait_for()
    tap.equal("a check stores nothing", skalds.cli("task", "get", "new-1", "--json", check=False), "")
    page.get_by_role("button", name="Create task").click()
    page.get_by_role("heading", name="By hand").wait_for()
    task = skalds.task("new-1")
    tap.equal("it is stored as typed",
              [task[k] for k in ("className", "name", "priority", "labels", "dependencies", "attachments")],
              ["MyWorker", "By hand", 7, {"made": "by hand", "site": "south"}, ["camera-1"],
               {"rtspUrl": "rtsp://cam/9", "fixFrame": 9}])
    page.goto(browser.url + "/dashboard/tasks/new?class=Exec")
    page.get_by_label("command").fill("sh\n-c\necho typed; exit 0")
    page.get_by_label("Idempotency key").evaluate("e => e.closest('details').open = true")
    page.get_by_label("Idempotency key").fill("the-same-key")
    page.get_by_role("button", name="Create task").click()
    page.get_by_role("log").get_by_text("typed").wait_for()
    first = page.url
    page.goto(browser.url + "/dashboard/tasks/new?class=Exec")
    page.get_by_label("command").fill("sh\n-c\necho typed; exit 0")
    page.get_by_label("Idempotency key").evaluate("e => e.closest('details').open = true")
    page.get_by_label("Idempotency key").fill("the-same-key")
    page.get_by_role("button", name="Create task").click()
    toast(page, "was there already").wait_for()
    tap.equal("the same key is the same task", page.url, first)
    page.close()


with Skalds(flags=["--slots", "4"]) as skalds, Browser(skalds) as browser:
    ordinary(skalds)
    browser.expect_error("status of 404", "status of 422", "status of 412", "status of 409")
    for part in (the_list, filters, sorting, steady, paging, bulk, bulk_by_filter, detail, live_actions, attachments,
                 array, attempts, new_task):
        tap.part(part.__name__.replace("_", " "), part, skalds, browser)
    browser.judge()
tap.finish()
