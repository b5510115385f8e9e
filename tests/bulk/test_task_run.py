"""The end of a task over many records: its report, its error, and whether a retry goes on from there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.brake import Brake
from onlive_provider.bulk.checkpoint import Checkpoint
from onlive_provider.bulk.memory import TaskEnd
from onlive_provider.bulk.summary import Summary
from onlive_provider.bulk.task_run import TaskRun
from onlive_provider.bulk.work import BulkWork
from onlive_provider.errors import (
    OnliveBusyError,
    OnliveConfigError,
    OnliveError,
    OnliveRecordsFailedError,
    OnliveRecordsToRetryError,
    OnliveReportTakenError,
    OnliveStoppedError,
    OnliveTooManyChangesError,
)
from onlive_provider.report.origin import Origin
from onlive_provider.report.outcomes import Outcome
from tests.bulk.server import ManyRecords
from tests.bulk.test_run import job, rows


class Kept(Checkpoint):
    """A memory that keeps what it was finished with, and nothing for a retry."""

    def __init__(self) -> None:
        super().__init__(None, {})
        self.ends: list[TaskEnd] = []

    def finish(self, end: TaskEnd) -> None:
        self.ends.append(end)


@pytest.fixture
def memory() -> Kept:
    return Kept()


@pytest.fixture
def server() -> Iterator[ManyRecords]:
    with ManyRecords(100) as server:
        yield server


def task_of(memory: Kept, server: ManyRecords, allowed: int = 0, **more: Any) -> TaskRun:
    return TaskRun(
        Summary(),
        memory,
        server.settings(),
        limit=Allowance.read(allowed, "allowed_failures"),
        concurrency=2,
        report_path=None,
        title="t",
        origin=Origin(dag_id="d", run_id="r", task_id="t"),
        on_progress=lambda counts: None,
        **more,
    )


def test_the_causes_and_the_first_rows_are_the_logs_last_lines_and_only_of_a_task_that_is_red(
    memory: Kept, server: ManyRecords, caplog: pytest.LogCaptureFixture
) -> None:
    def end(allowed: int) -> None:
        with task_of(memory, server, allowed) as task:
            for index in range(3):
                task.record(Outcome(index, None, "a", "failed", message="no" if index else "never"))

    caplog.set_level("INFO")
    with pytest.raises(OnliveRecordsFailedError, match="2 x no"):
        end(0)
    last = caplog.records[-1]
    assert last.levelname == "ERROR"
    assert last.getMessage().splitlines()[:3] == ["Failed:", "  2 x no (rows 1, 2)", "  1 x never (row 0)"]
    caplog.clear()
    end(3)
    assert "2 x no" not in caplog.text


class Collected:
    """What collects outcomes, and cannot store them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def add(self, outcome: Outcome) -> None:
        self.calls.append(f"{outcome.index} {outcome.outcome}")

    def finish(self) -> None:
        self.calls.append("finish")
        raise OnliveError("cannot be stored")


@pytest.mark.parametrize(
    ("outcome", "raised", "kind", "text"),
    [
        ("failed", None, OnliveRecordsFailedError, "1 of 1 records failed.*\\ncannot be stored"),
        ("updated", None, OnliveError, "^cannot be stored$"),
        ("updated", OnliveBusyError("slow down", status=429), OnliveBusyError, "slow down.*\\ncannot be stored"),
        ("updated", KeyboardInterrupt("stop"), KeyboardInterrupt, "^stop$"),
    ],
)
def test_what_a_collector_cannot_store_is_told_with_the_tasks_own_error(
    memory: Kept, server: ManyRecords, outcome: Any, raised: Any, kind: Any, text: str
) -> None:
    collected = Collected()

    def end() -> None:
        with task_of(memory, server, collectors=[collected]) as task:
            task.record(Outcome(0, None, "a", outcome))
            if raised is not None:
                raise raised

    with pytest.raises(kind, match=f"(?s){text}"):
        end()
    assert collected.calls == [f"0 {outcome}", "finish"]


def test_what_was_taken_over_by_a_later_try_is_not_stored(memory: Kept, server: ManyRecords) -> None:
    collected = Collected()

    def end() -> None:
        with task_of(memory, server, collectors=[collected]):
            raise OnliveReportTakenError("taken")

    with pytest.raises(OnliveReportTakenError):
        end()
    assert collected.calls == []


def end_of(memory: Kept) -> tuple[bool, dict[str, Any]]:
    (end,) = memory.ends
    return end.again, end.details


def test_a_task_that_went_well_stores_its_report_and_needs_no_retry(memory: Kept, server: ManyRecords) -> None:
    work = BulkWork(lambda: rows(range(3)), job(), "f")
    with task_of(memory, server) as task:
        work.carry_out(task)
    again, details = end_of(memory)
    assert (again, list(details), details["Calls"]) == (False, ["Calls", "Time"], "3 reads and 3 writes")
    (end,) = memory.ends
    assert (end.error, end.origin.task_id, end.origin.report_path, end.origin.written_at > 0) == (None, "t", None, True)
    assert task.summary.counts.updated == 3


@pytest.mark.parametrize(
    ("retryable", "allowed", "kind"),
    [(True, 0, OnliveRecordsToRetryError), (False, 0, OnliveRecordsFailedError), (True, 1, None)],
)
def test_the_summarys_error_is_raised_after_the_report_was_stored(
    memory: Kept, server: ManyRecords, retryable: bool, allowed: int, kind: Any
) -> None:
    def end() -> None:
        with task_of(memory, server, allowed) as task:
            task.record(Outcome(0, None, "a", "failed", retryable=retryable))

    if kind is None:
        end()
    else:
        with pytest.raises(OnliveRecordsFailedError) as caught:
            end()
        assert type(caught.value) is kind
    assert end_of(memory)[0] is (kind is OnliveRecordsToRetryError)


@pytest.mark.parametrize(
    ("raised", "again"),
    [
        (OnliveConfigError("host", "is empty"), False),
        (OnliveBusyError("slow down", status=429), True),
        (OSError(28, "No space left on device"), True),
        (KeyboardInterrupt(), True),
    ],
)
def test_what_ends_the_block_ends_the_task_and_decides_about_a_retry(
    memory: Kept, server: ManyRecords, raised: BaseException, again: bool
) -> None:
    def end() -> None:
        with task_of(memory, server) as task:
            task.record(Outcome(0, None, "a", "failed"))
            raise raised

    with pytest.raises(type(raised)) as caught:
        end()
    assert caught.value is raised
    assert end_of(memory)[0] is again


def test_a_task_that_is_stopped_before_it_begins_sends_nothing_and_can_be_retried(
    memory: Kept, server: ManyRecords
) -> None:
    def end() -> None:
        task = task_of(memory, server)
        task.stop()
        with task:
            BulkWork(lambda: rows(range(50)), job(), "f").carry_out(task)

    with pytest.raises(OnliveStoppedError, match="told to stop; its outcomes so far: 50 total, 50 not_attempted"):
        end()
    assert server.requests == []
    assert end_of(memory)[0] is True


class Names:
    """Collects the name of each outcome, by row."""

    def __init__(self) -> None:
        self.by_row: dict[int, list[str]] = {}

    def add(self, outcome: Outcome) -> None:
        self.by_row.setdefault(outcome.index, []).append(outcome.outcome)

    def finish(self) -> None:
        pass


@pytest.mark.parametrize(("limit", "name"), [(3, "updated"), (2, "planned")])
def test_each_row_is_handed_on_once_with_the_outcome_that_stands(
    memory: Kept, server: ManyRecords, limit: int, name: str
) -> None:
    brake, names = Brake(Allowance.read(limit, "max_changes")), Names()
    work = BulkWork(lambda: rows(range(3)), job(), "f", plan_worklist=job(plan_only=True), brake=brake)
    task = task_of(memory, server, collectors=[names])
    if limit == 3:
        with task:
            work.carry_out(task)
    else:
        with pytest.raises(OnliveTooManyChangesError), task:
            work.carry_out(task)
    assert names.by_row == {0: [name], 1: [name], 2: [name]}
    assert end_of(memory)[0] is False


def test_a_stop_after_the_last_row_is_no_failure(memory: Kept, server: ManyRecords) -> None:
    with task_of(memory, server) as task:
        BulkWork(lambda: rows(range(3)), job(), "f").carry_out(task)
        task.stop()
    assert end_of(memory)[0] is False
