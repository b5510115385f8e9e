"""Whatever happens between two runs, no record keeps what its row does not say, but for people's latest edits."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, precondition, rule

from onlive_provider.errors import OnliveError
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.shelf import Shelf
from tests.bulk.task_machine import TaskMachine, thoroughly

RECORDS = 6
HOUR = 3600.0
MAX_AGE = timedelta(hours=72)
TITLES = st.lists(st.sampled_from(["one", "two", "as it was", None]), min_size=RECORDS, max_size=RECORDS)
"""``None`` leaves a record out of the input."""
TROUBLES = st.sampled_from(["none", "none", "killed", "killed at the end", "lost", "refused", "stopped"])
REPORTS = st.sampled_from(["none", "one", "one a run"])


class Watched(Shelf):
    """Calls ``at_the_end`` when a snapshot is about to be written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.at_the_end = lambda: None

    def open(self, path: str, mode: Any) -> IO[bytes]:
        if mode == "wb" and path.endswith(("/nightly", "/nightly.part")):
            self.at_the_end()
        return super().open(path, mode)


class Nights(TaskMachine):
    """Runs of one task on one snapshot, and people's edits."""

    def __init__(self) -> None:
        super().__init__(ManyRecords(RECORDS))
        self.server.time = self.clock.time
        self.task.run_id = "0"
        self.report = "none"
        self.edited: dict[str, float] = {}

    def teardown(self) -> None:
        self.close()

    @initialize(remote=st.booleans())
    def choose_a_place(self, remote: bool) -> None:
        self.storage = Watched(self.folder / "shelf")
        (self.folder / "disk").mkdir()
        self.place = "shelf:/" if remote else str(self.folder / "disk")

    @rule(hours=st.sampled_from([1, 24, 40, 100]))
    def wait(self, hours: int) -> None:
        self.clock.move(hours * HOUR)

    @rule(number=st.integers(0, RECORDS - 1))
    def edit(self, number: int) -> None:
        now = datetime.fromtimestamp(self.clock.time(), UTC).isoformat(timespec="milliseconds")
        self.server.changed[record_id(number)] = {"title": "edited", "updatedAt": now.replace("+00:00", "Z")}
        self.edited[record_id(number)] = self.clock.time()

    @rule(titles=TITLES, report=REPORTS, trouble=TROUBLES, at=st.integers(1, 4), made=st.booleans())
    def next_night(self, titles: list[str | None], report: str, trouble: str, at: int, made: bool) -> None:
        self.task.run_id = str(int(self.task.run_id) + 1)
        self.task.try_number = 1
        self.rows = [{"id": record_id(each), "title": title} for each, title in enumerate(titles) if title is not None]
        self.report = report
        self.run(trouble, at, made=made)

    @precondition(lambda self: self.rows is not None)
    @rule(trouble=TROUBLES, at=st.integers(1, 4), made=st.booleans())
    def retry(self, trouble: str, at: int, made: bool) -> None:
        self.task.try_number += 1
        self.run(trouble, at, made=made, is_retry=True)

    @precondition(lambda self: self.rows is not None)
    @rule(trouble=TROUBLES, at=st.integers(1, 4), made=st.booleans())
    def clear(self, trouble: str, at: int, made: bool) -> None:
        self.task.try_number += 1
        self.task.max_tries += 1
        self.run(trouble, at, made=made)

    def run(self, trouble: str, at: int, *, made: bool, is_retry: bool = False) -> None:
        assert self.rows is not None
        name = {"none": None, "one": "r.jsonl", "one a run": f"r-{self.task.run_id}.jsonl"}[self.report]
        operator = BulkUpdateAppointmentsOperator(
            task_id="t",
            updates=self.rows,
            report_path=None if name is None else f"{self.place}/{name}",
            snapshot_path=f"{self.place}/nightly",
            snapshot_max_age=MAX_AGE,
            concurrency=2,
        )
        operator.storage = self.storage
        writes, over = 0, False

        def kill() -> None:
            nonlocal over
            if not over:
                over = True
                self.keep()

        def before(seen: Seen) -> Any:
            nonlocal writes, over
            if over:
                return 500, {}
            writes += seen.method == "PUT"
            if seen.method != "PUT" or writes != at or trouble in ("none", "killed at the end"):
                return None
            if trouble == "stopped":
                operator.on_kill()
                return None
            if trouble == "refused":
                return 422, {"statusCode": 422, "message": "no"}
            if trouble == "killed":
                kill()
            over = True
            return None if made else (500, {})

        self.server.before = before
        self.server.after = lambda seen: (500, {}) if over else None
        if trouble == "killed at the end":
            self.storage.at_the_end = kill
        is_green = True
        try:
            operator.execute({"ti": self.task})
        except OnliveError:
            is_green = False
        self.server.before = self.server.after = lambda seen: None
        self.storage.at_the_end = lambda: None
        if over and trouble.startswith("killed"):
            self.go_back()
        elif is_green:
            self.check(is_retry)

    def check(self, is_retry: bool) -> None:
        """See that every record holds its row, but for people's latest edits, and those since a retry's first try."""
        for row in self.rows or ():
            title = self.server._record(row["id"])["title"]
            if title != row["title"]:
                assert title == "edited"
                assert is_retry or self.clock.time() - self.edited[row["id"]] < MAX_AGE.total_seconds()

    def keep(self) -> None:
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        for name in ("disk", "shelf"):
            shutil.copytree(self.folder / name, self.folder / "copy" / name)

    def go_back(self) -> None:
        """Leave the files as they were when the process was killed."""
        for name in ("disk", "shelf"):
            shutil.rmtree(self.folder / name)
            shutil.copytree(self.folder / "copy" / name, self.folder / name)


@pytest.mark.filterwarnings("ignore")
class TestNights(Nights.TestCase):  # type: ignore[name-defined,misc]
    settings = thoroughly(examples=60, steps=10)
