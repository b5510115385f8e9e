"""What all tests share: an Airflow home of their own, set before anything imports Airflow, and a browser."""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from html import escape, unescape
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The same examples at every run: what a test says must not depend on the day.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")

AIRFLOW_HOME = tempfile.mkdtemp(prefix="onlive-airflow-")
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)

TEMPORARY = tempfile.mkdtemp(prefix="onlive-tests-")
atexit.register(shutil.rmtree, TEMPORARY, ignore_errors=True)

os.environ["AIRFLOW_HOME"] = AIRFLOW_HOME
# The machine's budgets of other programs, and of an earlier run of the suite, are none of these tests' business.
os.environ["TMPDIR"] = tempfile.tempdir = TEMPORARY
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[name]
for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(name, None)


def pytest_collection_finish() -> None:
    """Leave what is loaded for good, Airflow and thousands of tests, out of each later search for garbage."""
    gc.freeze()


@pytest.fixture(autouse=True)
def a_budget_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's budgets in a folder of the test's own.

    A server of this test may get the port of an earlier one: with the same key that would be the same budget, whose
    turns were taken by another clock.
    """
    folder = tempfile.mkdtemp(dir=TEMPORARY)
    monkeypatch.setenv("TMPDIR", folder)
    monkeypatch.setattr(tempfile, "tempdir", folder)


@pytest.fixture(autouse=True)
def nothing_masked_by_earlier_tests() -> None:
    """Empty the masker of this process. Airflow 2.11's masks words of any length, and none ever forgets one."""
    for name in ("airflow.sdk._shared.secrets_masker", "airflow.sdk.execution_time.secrets_masker"):  # 3.1 on, 3.0
        if module := sys.modules.get(name):
            module._secrets_masker().reset_masker()
    for masker in logging.getLogger("airflow.task").filters:
        if type(masker).__name__ == "SecretsMasker":
            masker.patterns.clear()
            masker.replacer = None


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, for tests that click and look. Playwright keeps this thread's event loop while it is open."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_in_chromium(tmp_path) -> Callable[[str], tuple[str, list[str]]]:
    """Open an address in Chromium, wait two seconds of its time; give what is drawn, and the browser's console."""

    def open_page(address: str) -> tuple[str, list[str]]:
        done = subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'chromium'}"),
                *("--virtual-time-budget=2000", "--dump-dom", address),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return open_page


@pytest.fixture
def look(open_in_chromium, tmp_path) -> Callable[[str], tuple[str, list[str]]]:
    """Open a page in Chromium, and give what is drawn and complained."""

    def draw(page: str) -> tuple[str, list[str]]:
        path = tmp_path / "page.html"
        path.write_text(page, "utf-8")
        return open_in_chromium(path.as_uri())

    return draw


@pytest.fixture
def ask(look) -> Callable[..., Any]:
    """Run a script in a page drawn in a frame of this many pixels, and give the JSON of what the script returns."""

    def run(page: str, script: str, width: int = 1280) -> Any:
        unlocked = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        asking = f"<script>parent.document.body.dataset.answer = JSON.stringify((() => {{ {script} }})());</script>"
        framed = escape(unlocked.replace("</body>", f"{asking}</body>"))
        style = f"border: 0; width: {width}px; height: 1000px"
        frame = f'<iframe style="{style}" srcdoc="{framed}"></iframe>'
        html, complaints = look(f'<!doctype html><meta charset="utf-8">{frame}')
        assert complaints == []
        return json.loads(unescape(re.search(r'<body data-answer="(.*?)">', html, re.DOTALL).group(1)))

    return run


NEEDED = {"browser": ("chromium", "ONLIVE_REQUIRE_BROWSER"), "redis": ("redis-server", "ONLIVE_REQUIRE_REDIS")}
"""What a mark's tests need on the machine, and the variable that insists on them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need a program that is not there, unless the environment insists on them."""
    missing = {
        mark
        for mark, (program, insisting) in NEEDED.items()
        if not shutil.which(program) and os.environ.get(insisting) != "1"
    }
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in missing)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for mark, (program, _) in NEEDED.items():
        if not shutil.which(program):
            terminalreporter.write_line(f"No {program} on PATH: tests marked {mark} are left out.")
