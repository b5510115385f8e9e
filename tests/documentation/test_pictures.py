"""The documentation's pictures of the report, the time line and the sandbox, taken of real runs at a fixed time.

``make pictures`` keeps them: ``ONLIVE_PICTURES`` names the folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from onlive_provider.errors import OnliveRecordsFailedError
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from onlive_provider.sandbox.server import Sandbox
from onlive_provider.seasons import Season
from tests.documentation.blocks import ROOT, pages
from tests.documentation.tasks import run
from tests.loopback import FakeClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = ROOT / "docs" / "pictures"
WIDTH = 1280
MOST_BYTES = 200_000
AT = datetime.fromisoformat("2027-03-01T09:00:00+00:00")

DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

in_browser = pytest.mark.browser
at_a_fixed_time = pytest.mark.onlive_sandbox(clock=lambda: AT)


@pytest.fixture
def take(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Taker]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(AT.timestamp()))
    with chromium.new_context(reduced_motion="reduce") as context:
        yield Taker(context.new_page(), tmp_path)


class Taker:
    """Opens a page and keeps a picture of it."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder

    @contextmanager
    def picture(self, name: str, address: str, height: int = 800) -> Iterator[Page]:
        """Open an address; when the ``with`` is left, take the picture.

        :param height: in pixels.
        """
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.goto(address)
        yield self.page
        taken = self.folder / f"{name}.png"
        self.page.screenshot(path=taken, animations="disabled")
        assert taken.stat().st_size < MOST_BYTES
        if keep := os.environ.get("ONLIVE_PICTURES"):
            Path(keep).mkdir(parents=True, exist_ok=True)
            shutil.copy(taken, keep)


@in_browser
@at_a_fixed_time
def test_the_report_of_a_bulk_run_with_failures(onlive_sandbox: Sandbox, take: Taker, tmp_path: Path) -> None:
    coming = [each for each in onlive_sandbox.records("appointments") if each["start"] > onlive_sandbox.now()]
    rows = [{"id": each["id"], "lang": each["lang"] if at % 3 else "gl"} for at, each in enumerate(coming)]
    for at, row in enumerate(rows):
        if at % 40 == 7:
            row["lang"] = 5
        if at % 61 == 9:
            row |= {name: coming[at - 1][name] for name in ("start", "end")}
    task = BulkUpdateAppointmentsOperator(
        task_id="update_languages", updates=rows, report_path="reports/languages.jsonl"
    )
    with pytest.raises(OnliveRecordsFailedError):
        run(task, dag_id="nightly_languages", run_id="scheduled__2027-03-01")
    with take.picture("report", (tmp_path / "reports" / "languages.html").as_uri()) as page:
        assert page.get_by_text("failed").first.is_visible()
        # How long it took is what differs from run to run.
        page.get_by_text("Time", exact=True).locator("..").evaluate("each => each.remove()")


@in_browser
@at_a_fixed_time
def test_the_time_line_of_a_rollout(onlive_sandbox: Sandbox, take: Taker, tmp_path: Path) -> None:
    task = RolloutDateRangesOperator(
        task_id="rollout",
        service_filter={"search": "Advisory call"},
        season=Season("summer", "2027-06-15", "2027-09-15", "Europe/Madrid"),
        batches=("25%", "100%"),
        report_path="reports/summer.jsonl",
    )
    assert run(task, dag_id="open_the_summer", run_id="manual__2027-03-01")["updated"] > 3
    with take.picture("timeline", (tmp_path / "reports" / "summer.html").as_uri()) as page:
        page.locator(".timeline").evaluate("each => scrollTo(0, each.parentElement.offsetTop - 60)")
        page.locator(".service").first.wait_for()
        page.evaluate(DRAWN)


@in_browser
@at_a_fixed_time
def test_the_sandboxs_page(onlive_sandbox: Sandbox, take: Taker) -> None:
    coming = [each["id"] for each in onlive_sandbox.records("appointments") if each["start"] > onlive_sandbox.now()]
    rows = [{"id": record_id, "title": "Test drive, moved indoors"} for record_id in coming[:6]]
    run(BulkUpdateAppointmentsOperator(task_id="titles", updates=rows, concurrency=1))
    with take.picture("sandbox", onlive_sandbox.url, height=640) as page:
        page.get_by_text("Test drive").first.wait_for()


def test_the_pictures_that_the_pages_show_are_there_and_small() -> None:
    shown = {
        (ROOT / page).parent / link
        for page in pages()
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", (ROOT / page).read_text("utf-8"))
    }
    kept = set(PICTURES.glob("*.png"))
    assert {each.resolve() for each in shown} == {each.resolve() for each in kept}
    assert [each.name for each in kept if each.stat().st_size >= MOST_BYTES] == []
