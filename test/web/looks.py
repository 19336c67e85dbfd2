"""Every page, full and phone width, light and dark: pictures, no scroll to the side, what axe finds."""

from harness import PAGES, Browser, Skalds, tap
from world import ordinary


def looks(skalds, browser):
    name = skalds.get("/v1/skalds")["items"][0]["id"]
    browser.shots({**PAGES, "skald": "/dashboard/skalds/" + name})


with Skalds(flags=["--slots", "4"]) as skalds, Browser(skalds) as browser:
    browser.expect_error("status of 404")
    ordinary(skalds)
    tap.part("looks", looks, skalds, browser)
    browser.judge()
tap.finish()
