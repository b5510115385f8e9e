"""Pages in Chromium for tests that click: what they say, what they ask for, and what axe finds in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=30_000)  # A busy machine is no fault of the page.


@contextmanager
def visit(browser: Browser, address: str, *, width: int = 1280, **options: Any) -> Iterator[Page]:
    """Open an address in a window of its own, and see that nothing is complained about.

    :param options: of Playwright's ``new_context``.
    """
    complaints: list[str] = []
    options = {"timezone_id": "America/New_York", "locale": "en-US", **options}
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    try:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        yield page
        assert complaints == []
    finally:
        context.close()


def serious_findings(page: Page) -> list[tuple[str, Any]]:
    """Return what axe finds that keeps a person out: the rule, and where."""
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def tab_stops(page: Page, most: int = 300) -> list[str]:
    """Press Tab from the page's top to its end, and return what has the focus on the way, with its outline's style."""
    script = """() => {
      const at = document.activeElement;
      if (at === document.body || at === null) return null;
      const shown = at.matches(".drop input") ? at.nextElementSibling : at;
      const name = at.ariaLabel ?? at.name ?? "";
      return `${at.tagName.toLowerCase()} ${name || at.textContent.trim()} ${getComputedStyle(shown).outlineStyle}`;
    }"""
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(script)
        if stop is None:
            break
        stops.append(stop)
    return stops
