"""Whatever happens between two tries, a revert restores the first state, or names the records that it cannot."""

from __future__ import annotations

import json
import shutil
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, precondition, rule

from onlive_provider.errors import OnliveError, OnliveRecordsFailedError
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.shelf import Shelf
from tests.bulk.task_machine import TaskMachine, thoroughly

RECORDS = 4
FIRST = {"title": "first", "description": None, "extraFields": {"a": "1"}}
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "title": st.sampled_from(["one", "two", "first"]),
            "description": st.sampled_from([None, "long"]),
            "extraFields": st.sampled_from([{"a": "2"}, {"b": "3"}, {"a": None}, None]),
        },
    ),
    min_size=RECORDS,
    max_size=RECORDS,
)
TROUBLES = st.sampled_from(["none", "killed", "lost", "refused", "stopped"])
LIMITS = st.sampled_from([None, 2, "100%"])
"""Of ``max_changes``."""


class Merging(ManyRecords):
    """Merges objects, as the API does; a key that is set to null is gone."""

    def answer(self, seen: Seen) -> Any:
        given = seen.patch.get("extraFields") if seen.method == "PUT" else None
        if given is not None:
            merged = {**(self._record(seen.id)["extraFields"] or {}), **given}
            kept = {key: value for key, value in merged.items() if value is not None}
            seen = seen._replace(patch={**seen.patch, "extraFields": kept})
        return super().answer(seen)


class Undo(TaskMachine):
    """Tasks of one DAG run, one after another, on one report."""

    def __init__(self) -> None:
        super().__init__(Merging(RECORDS, **FIRST))
        self.limit: Any = None

    def teardown(self) -> None:
        try:
            if self.rows is not None:
                self.revert()
        finally:
            self.close()

    @initialize(remote=st.booleans())
    def choose_a_place(self, remote: bool) -> None:
        self.storage = Shelf(self.folder / "shelf")
        self.report = "shelf://r.jsonl" if remote else str(self.folder / "disk" / "r.jsonl")
        (self.folder / "disk").mkdir()

    @rule(rows=ROWS, limit=LIMITS, trouble=TROUBLES, at=st.integers(1, 4), made=st.booleans())
    def run_on_a_new_input(self, rows: list[dict[str, Any]], limit: Any, trouble: str, at: int, made: bool) -> None:
        self.limit = limit
        self.rows = [{"id": record_id(number), **row} for number, row in enumerate(rows)]
        self.task.max_tries += 1
        self.task.try_number += 1
        self.run(trouble, at, made=made)

    @precondition(lambda self: self.rows is not None)
    @rule(trouble=TROUBLES, at=st.integers(1, 4), made=st.booleans())
    def clear(self, trouble: str, at: int, made: bool) -> None:
        self.task.max_tries += 1
        self.task.try_number += 1
        self.run(trouble, at, made=made)

    @precondition(lambda self: self.rows is not None)
    @rule(trouble=TROUBLES, at=st.integers(1, 4), made=st.booleans())
    def retry(self, trouble: str, at: int, made: bool) -> None:
        self.task.try_number += 1
        self.run(trouble, at, made=made)

    @precondition(lambda self: self.rows is not None)
    @rule()
    def another_task(self) -> None:
        self.task.task_id += "x"
        self.run("none", 1, made=True)

    def run(self, trouble: str, at: int, *, made: bool) -> None:
        operator = BulkUpdateAppointmentsOperator(
            task_id="t",
            updates=self.rows,
            report_path=self.report,
            concurrency=2,
            report_personal_data=True,
            max_changes=self.limit,
        )
        operator.storage = self.storage
        writes, over = 0, False

        def before(seen: Seen) -> Any:
            nonlocal writes, over
            if over:
                return 500, {}
            writes += seen.method == "PUT"
            if seen.method != "PUT" or writes != at or trouble == "none":
                return None
            if trouble == "stopped":
                operator.on_kill()
                return None
            if trouble == "killed":
                self.snapshot()
            over = trouble in ("killed", "lost")
            if trouble == "refused":
                return 422, {"statusCode": 422, "message": "no"}
            return None if made else (500, {})

        self.server.before = before
        self.server.after = lambda seen: (500, {}) if over else None
        counts = {"total": RECORDS}
        try:
            counts = operator.execute({"ti": self.task})
        except OnliveRecordsFailedError as error:
            counts = error.counts
        except OnliveError:
            pass
        assert counts["total"] == RECORDS
        if over and trouble == "killed":
            self.go_back()
        else:
            lines = self.report_lines()
            assert [line["index"] for line in lines] == list(range(RECORDS))
        self.server.before = self.server.after = lambda seen: None

    def snapshot(self) -> None:
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        (self.folder / "copy").mkdir()
        for name in ("disk", "shelf"):
            shutil.copytree(self.folder / name, self.folder / "copy" / name)

    def go_back(self) -> None:
        """Leave the files as they were when the process was killed."""
        for name in ("disk", "shelf"):
            shutil.rmtree(self.folder / name)
            shutil.copytree(self.folder / "copy" / name, self.folder / name)

    def report_lines(self) -> list[dict[str, Any]]:
        with self.storage.open(self.report, "rb") as file:
            return [json.loads(line) for line in file]

    def revert(self) -> None:
        operator = RevertUpdatesOperator(task_id="revert", report_path=self.report)
        operator.storage = self.storage
        self.task.task_id = "revert"
        named: set[str] = set()
        try:
            operator.execute({"ti": self.task})
        except OnliveRecordsFailedError as error:
            named = {failure["id"] for failure in error.failures}
        for number in range(RECORDS):
            record = self.server.record(number)
            shown = {name: record[name] for name in FIRST}
            assert shown == FIRST or record["id"] in named, (shown, named)
        written = [seen for seen in self.server.requests if seen.method == "PUT"]
        if not named:
            operator = RevertUpdatesOperator(task_id="revert", report_path=self.report)
            operator.storage = self.storage
            self.task.max_tries += 1
            operator.execute({"ti": self.task})
            assert [seen for seen in self.server.requests if seen.method == "PUT"] == written


@pytest.mark.filterwarnings("ignore")
class TestUndo(Undo.TestCase):  # type: ignore[name-defined,misc]
    settings = thoroughly(examples=40, steps=6)
