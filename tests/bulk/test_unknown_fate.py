"""A write of unknown fate: a retry that remembers it looks it up, and one that cannot know is not made."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.errors import OnliveRecordsFailedError, OnliveRecordsToRetryError, OnliveStoppedError
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from tests.bulk.child import task_instance
from tests.bulk.server import LONG_AGO, ManyRecords, Seen, record_id
from tests.bulk.test_checkpoint import Store
from tests.loopback import FakeClock
from tests.operators.conftest import impatient

UNREADABLE = {"agentComment": "vip"}
READABLE = {"title": "new"}
AWAY = 500, {"message": "Oh"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock(time.time())
    monkeypatch.setattr(OnliveHook, "clock", clock)
    return clock


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    yield from impatient(monkeypatch)


class Task:
    """A bulk task and its retries, with one of the memories that there are."""

    def __init__(self, memory: str, folder: Path) -> None:
        self.report = folder / "r.jsonl" if memory == "report" else None
        self._context = {"task_state_store": Store()} if memory == "store" else {}

    def run(self, payload: dict[str, Any], *, killed: bool = False, **arguments: Any) -> Any:
        path = None if self.report is None else str(self.report)
        updates = [{"id": record_id(0), **payload}]
        operator = BulkUpdateAppointmentsOperator(task_id="update", updates=updates, report_path=path, **arguments)
        if killed:
            operator.on_kill()
        return operator.execute({"ti": task_instance(), **self._context})

    def outcome(self) -> dict[str, Any]:
        assert self.report is not None
        (line,) = self.report.read_text("utf-8").splitlines()
        return json.loads(line)


def lose(server: ManyRecords, *, made: bool) -> None:
    """Lose the answer of the next write, whether it is carried out or not, and of the reads after it."""
    written: list[Seen] = []

    def answer(seen: Seen) -> Any:
        if seen.method == "PUT":
            written.append(seen)
        return AWAY if written else None

    server.before, server.after = (lambda seen: None, answer) if made else (answer, lambda seen: None)


def come_back(server: ManyRecords) -> None:
    server.before = server.after = lambda seen: None
    server.requests.clear()


def run_and_lose(task: Task, server: ManyRecords) -> None:
    """Run a task whose write is lost before it is carried out."""
    lose(server, made=False)
    with pytest.raises(OnliveRecordsToRetryError):
        task.run(READABLE)
    come_back(server)


@pytest.mark.parametrize("memory", ["report", "store"])
@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize(("payload", "only_changed"), [(UNREADABLE, True), (UNREADABLE, False), (READABLE, False)])
def test_a_retry_that_remembers_looks_a_blind_write_up(
    server: ManyRecords, tmp_path: Path, memory: str, made: bool, payload: Any, only_changed: bool
) -> None:
    task = Task(memory, tmp_path)
    lose(server, made=made)
    with pytest.raises(OnliveRecordsToRetryError, match="the next try reads the record first"):
        task.run(payload, only_changed=only_changed)
    come_back(server)
    assert task.run(payload, only_changed=only_changed)["updated"] == 1
    assert server.writes == {record_id(0): 1}
    assert len([seen for seen in server.requests if seen.method == "PUT"]) == (0 if made else 1)


def test_a_write_that_was_announced_a_moment_ago_may_still_arrive(
    server: ManyRecords, tmp_path: Path, clock: FakeClock
) -> None:
    task = Task("report", tmp_path)
    run_and_lose(task, server)

    def arrive(seen: Seen) -> None:
        if len(server.requests) == 3:
            server.changed[seen.id] = {"title": "new", "updatedAt": "2025-03-10T00:00:00.000Z"}

    server.before = arrive  # type: ignore[assignment]
    assert task.run(READABLE)["updated"] == 1
    assert [seen.method for seen in server.requests] == ["GET", "GET", "GET"]
    assert clock.waits[-2:] == [1.0, 2.0]
    assert task.outcome()["before"] == {"title": "as it was"}


def test_a_write_that_was_announced_long_ago_is_looked_up_once(
    server: ManyRecords, tmp_path: Path, clock: FakeClock
) -> None:
    task = Task("report", tmp_path)
    run_and_lose(task, server)
    clock.move(15.0)
    assert task.run(READABLE)["updated"] == 1
    assert [seen.method for seen in server.requests] == ["GET", "GET", "PUT"]


@pytest.mark.parametrize(("payload", "only_changed"), [(UNREADABLE, True), (READABLE, False)])
def test_without_a_memory_there_is_no_retry_and_the_error_says_what_is_not_known(
    server: ManyRecords, tmp_path: Path, payload: Any, only_changed: bool
) -> None:
    lose(server, made=True)
    with pytest.raises(OnliveRecordsFailedError) as caught:
        Task("none", tmp_path).run(payload, only_changed=only_changed)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.failures[0]["error"] == "OnliveUnsettledWriteError"
    assert "The write may have been made. Look at the record" in str(caught.value)


def test_without_a_memory_what_can_be_compared_is_retried(server: ManyRecords, tmp_path: Path) -> None:
    task = Task("none", tmp_path)
    lose(server, made=True)
    with pytest.raises(OnliveRecordsToRetryError):
        task.run(READABLE)
    come_back(server)
    assert task.run(READABLE)["unchanged"] == 1
    assert server.writes == {record_id(0): 1}


def test_without_a_memory_a_task_that_wrote_blindly_is_not_retried_for_the_sake_of_another_row(
    server: ManyRecords,
) -> None:
    server.before = lambda seen: AWAY if seen.id == record_id(1) else None
    updates = [{"id": record_id(0), **UNREADABLE}, {"id": record_id(1), **READABLE}]
    operator = BulkUpdateAppointmentsOperator(task_id="update", updates=updates)
    with pytest.raises(OnliveRecordsFailedError, match="1 record may have been written, which no read can show") as it:
        operator.execute({"ti": task_instance()})
    assert isinstance(it.value, AirflowFailException)


def test_a_write_whose_fate_a_later_try_finds_out_stands_in_its_report_with_what_was_before(
    server: ManyRecords, tmp_path: Path
) -> None:
    task = Task("report", tmp_path)
    lose(server, made=True)
    with pytest.raises(OnliveRecordsToRetryError):
        task.run(READABLE)
    come_back(server)
    task.run(READABLE)
    outcome = task.outcome()
    assert (outcome["outcome"], outcome["before"], outcome["after"]) == ("updated", {"title": "as it was"}, READABLE)
    assert outcome["updatedAt"] == server.record(0)["updatedAt"] != LONG_AGO


def test_a_try_that_cannot_look_the_write_up_leaves_it_to_the_next_one(server: ManyRecords, tmp_path: Path) -> None:
    task = Task("report", tmp_path)
    lose(server, made=True)
    with pytest.raises(OnliveRecordsToRetryError):
        task.run(UNREADABLE)
    server.before = lambda seen: AWAY
    with pytest.raises(OnliveRecordsToRetryError, match="an earlier try sent a write and got no answer"):
        task.run(UNREADABLE)
    come_back(server)
    assert task.run(UNREADABLE)["updated"] == 1
    assert server.writes == {record_id(0): 1}


@pytest.mark.parametrize("memory", ["report", "store"])
def test_a_try_that_does_not_get_to_the_row_leaves_it_to_the_next_one(
    server: ManyRecords, tmp_path: Path, memory: str
) -> None:
    task = Task(memory, tmp_path)
    lose(server, made=True)
    with pytest.raises(OnliveRecordsToRetryError):
        task.run(UNREADABLE)
    come_back(server)
    with pytest.raises(OnliveStoppedError):
        task.run(UNREADABLE, killed=True)
    assert task.run(UNREADABLE)["updated"] == 1
    assert server.writes == {record_id(0): 1}


def test_a_record_that_somebody_else_changed_since_is_left_alone_and_named(server: ManyRecords, tmp_path: Path) -> None:
    task = Task("report", tmp_path)
    run_and_lose(task, server)
    server.changed[record_id(0)] = {"title": "a colleague's", "updatedAt": "2030-01-01T00:00:00.000Z"}
    with pytest.raises(OnliveRecordsFailedError, match=r"was changed at 2030-01-01T00:00:00\.000Z") as caught:
        task.run(READABLE)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.failures[0]["error"] == "OnliveStaleRecordError"
    assert "a write got no answer, and somebody else's values stand" in caught.value.failures[0]["message"]
    assert server.writes == {}
