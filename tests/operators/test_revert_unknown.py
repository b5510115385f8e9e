"""A row that failed after its write may have been made: its report says what was sent, and a revert looks it up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.errors import OnliveRecordsFailedError, OnliveRecordsToRetryError
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from tests.bulk.child import task_instance
from tests.bulk.server import LONG_AGO, ManyRecords, Seen, record_id
from tests.loopback import FakeClock
from tests.operators.conftest import connection_to, impatient

AWAY = 500, {"message": "Oh"}
TITLE = {"title": "new"}
BLIND = {"agentComment": "vip"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    yield from impatient(monkeypatch)


class Task:
    """A bulk task on one record, and the revert of its report."""

    def __init__(self, server: ManyRecords, folder: Path) -> None:
        self.server = server
        self.report = folder / "r.jsonl"

    def run(self, payload: dict[str, Any], **arguments: Any) -> Any:
        updates = [{"id": record_id(0), **payload}]
        arguments = {"report_personal_data": True, "updates": updates, **arguments}
        operator = BulkUpdateAppointmentsOperator(task_id="update", report_path=str(self.report), **arguments)
        return operator.execute({"ti": task_instance()})

    def lose(self, payload: dict[str, Any], *, made: bool, **arguments: Any) -> dict[str, Any]:
        """Lose the answer of the write, whether it is made or not, and of the reads after it; return the outcome."""
        self.go_away(made=made)
        with pytest.raises(OnliveRecordsFailedError):
            self.run(payload, **arguments)
        self.come_back()
        return self.outcome()

    def go_away(self, *, made: bool) -> None:
        writes: list[Seen] = []

        def answer(seen: Seen) -> Any:
            if seen.method == "PUT":
                writes.append(seen)
            return AWAY if writes else None

        self.server.before, self.server.after = (lambda _: None, answer) if made else (answer, lambda _: None)

    def come_back(self) -> None:
        self.server.before = self.server.after = lambda _: None
        self.server.requests.clear()

    def outcome(self) -> dict[str, Any]:
        (line,) = self.report.read_text("utf-8").splitlines()
        return json.loads(line)

    def revert(self, **arguments: Any) -> Any:
        arguments = {"report_personal_data": True, **arguments}
        operator = RevertUpdatesOperator(task_id="revert", report_path=str(self.report), **arguments)
        return operator.execute({"ti": task_instance(task_id="revert")})

    def sent(self) -> list[dict[str, Any]]:
        return [seen.patch for seen in self.server.requests if seen.method == "PUT"]

    def somebody_writes(self, **fields: Any) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.999Z", time.gmtime(time.time() + 1))
        changed = self.server.changed.get(record_id(0), {})
        self.server.changed[record_id(0)] = {**changed, **fields, "updatedAt": now}


@pytest.fixture
def task(server: ManyRecords, tmp_path: Path) -> Task:
    return Task(server, tmp_path)


def test_the_outcome_of_a_write_of_unknown_fate_says_what_was_sent_and_when(task: Task) -> None:
    outcome = task.lose({**TITLE, **BLIND}, made=True)
    assert outcome["error"] == "OnliveUnknownFateError"
    assert (outcome["before"], outcome["after"]) == ({"title": "as it was"}, {**TITLE, **BLIND})
    assert outcome["updatedAt"] == LONG_AGO
    assert abs(outcome["sentAt"] - time.time()) < 60


@pytest.mark.parametrize("memory", ["report and working file", "report", "working file", "killed"])
def test_a_write_that_turns_out_to_be_made_is_put_back(task: Task, memory: str) -> None:
    task.lose(TITLE, made=True)
    working = Path(f"{task.report}.run")
    assert working.exists()
    if memory == "report":
        working.unlink()
    elif memory != "report and working file":
        task.report.unlink()
    if memory == "killed":
        kept = working.read_bytes().splitlines(keepends=True)[:2]
        assert b'{"writing":0' in kept[1]
        working.write_bytes(b"".join(kept) + b'{"index":0,"id":"00000')
    assert task.revert()["updated"] == 1
    assert task.sent() == [{"title": "as it was"}]
    assert len(task.server.requests) == 2
    assert task.revert()["unchanged"] == 1
    assert len(task.sent()) == 1


@pytest.mark.parametrize("payload", [TITLE, {**TITLE, **BLIND}, BLIND], ids=str)
@pytest.mark.parametrize("only_changed", [True, False])
def test_a_write_that_turns_out_not_to_be_made_needs_nothing(
    task: Task, payload: dict[str, Any], only_changed: bool
) -> None:
    task.lose(payload, made=False, only_changed=only_changed)
    result = task.revert()
    assert (result["total"], result["unchanged"], task.sent()) == (1, 1, [])


@pytest.mark.parametrize(
    ("payload", "arguments", "lost"),
    [({**TITLE, **BLIND}, {}, "agentComment"), (BLIND, {}, "agentComment"), (TITLE, {"only_changed": False}, "title")],
    ids=str,
)
def test_a_blind_write_that_turns_out_to_be_made_is_named(
    task: Task, payload: dict[str, Any], arguments: dict[str, Any], lost: str
) -> None:
    task.lose(payload, made=True, **arguments)
    with pytest.raises(OnliveRecordsFailedError, match=f"{lost}: cannot be put back: what stood there"):
        task.revert()
    assert task.sent() == []


@pytest.mark.parametrize("made", [True, False])
def test_a_record_that_somebody_changed_meanwhile_is_left_alone_and_named(task: Task, made: bool) -> None:
    task.lose(TITLE, made=made)
    task.somebody_writes(title="theirs")
    with pytest.raises(OnliveRecordsFailedError) as caught:
        task.revert()
    (failure,) = caught.value.failures
    assert failure["error"] == "OnliveStaleRecordError"
    assert f"appointment {record_id(0)}, to which a write at 20" in failure["message"]
    assert " got no answer, was changed at 20" in failure["message"]
    assert task.sent() == []


def test_a_record_that_shows_nothing_is_named_with_what_to_look_at(task: Task) -> None:
    task.server.fields["updatedAt"] = None
    task.lose(BLIND, made=False)
    with pytest.raises(OnliveRecordsFailedError, match="agentComment: cannot be put back: the record does not show"):
        task.revert()


@pytest.mark.parametrize("made", [True, False])
def test_without_personal_data_only_a_record_that_nobody_changed_since_is_known(task: Task, made: bool) -> None:
    task.server.fields["guests"] = []
    task.lose({"guests": [{"email": "ana@example.com"}]}, made=made, report_personal_data=False)
    assert "ana@" not in task.report.read_text()
    if made:
        with pytest.raises(OnliveRecordsFailedError, match="guests: cannot be put back: the record does not show"):
            task.revert()
    else:
        assert task.revert()["unchanged"] == 1
    assert task.sent() == []


def test_an_earlier_write_is_put_back_too_whether_the_last_one_was_made_or_not(task: Task) -> None:
    for made in (True, False):
        task.run({"title": "b"})
        task.report.rename(f"{task.report}.1")
        task.lose({"title": "c"}, made=made)
        task.revert()
        assert task.sent() == [{"title": "as it was"}]
        for path in task.report.parent.iterdir():
            path.unlink()
        task.server.requests.clear()


@pytest.mark.parametrize("later", [{"lang": "es"}, {"title": "d", "lang": "es"}], ids=str)
@pytest.mark.parametrize(("made", "found"), [(True, "b"), (False, "as it was"), (True, "theirs"), (False, "theirs")])
def test_a_write_of_unknown_fate_before_the_last_one_is_told_by_what_is_or_was_found(
    task: Task, made: bool, found: str, later: dict[str, Any]
) -> None:
    task.server.fields["lang"] = "de"
    task.lose({"title": "b"}, made=made)
    Path(f"{task.report}.run").unlink()
    task.report.rename(f"{task.report}.1")
    if found == "theirs":
        task.somebody_writes(title=found)
    task.run(later)
    task.server.requests.clear()
    if "title" in later:
        task.revert()
        former = "theirs" if found == "theirs" else "as it was"
        assert task.sent() == [{"title": former, "lang": "de"}]
    elif found == "theirs":
        with pytest.raises(OnliveRecordsFailedError, match="title of appointment <id> was changed at"):
            task.revert()
        assert task.sent() == []
    else:
        task.revert()
        assert task.sent() == [{"title": "as it was", "lang": "de"} if made else {"lang": "de"}]


@pytest.mark.parametrize("later", [{"lang": "es"}, {"title": "d", "lang": "es"}], ids=str)
def test_a_write_that_was_not_made_between_two_that_were_does_not_hide_the_first(
    task: Task, later: dict[str, Any]
) -> None:
    task.server.fields["lang"] = "de"
    task.run({"title": "b"})
    task.report.rename(f"{task.report}.1")
    task.lose({"title": "c"}, made=False)
    Path(f"{task.report}.run").unlink()
    task.report.rename(f"{task.report}.2")
    task.run(later)
    task.server.requests.clear()
    task.revert()
    assert task.sent() == [{"title": "as it was", "lang": "de"}]


def test_a_write_that_a_later_try_found_not_made_and_that_was_then_refused_is_none_to_look_up(task: Task) -> None:
    task.lose(TITLE, made=False)
    task.server.before = lambda seen: (409, {"statusCode": 409, "message": "no"}) if seen.method == "PUT" else None
    with pytest.raises(OnliveRecordsFailedError, match="409"):
        task.run(TITLE)
    assert "sentAt" not in task.outcome()


def test_a_refused_write_is_none_to_look_up(task: Task) -> None:
    task.server.before = lambda seen: (409, {"statusCode": 409, "message": "no"}) if seen.method == "PUT" else None
    with pytest.raises(OnliveRecordsFailedError):
        task.run(TITLE)
    task.come_back()
    outcome = task.outcome()
    assert (outcome["error"], {"sentAt", "before", "after"} & set(outcome)) == ("OnliveConflictError", set())
    assert (task.revert()["total"], task.server.requests) == (0, [])


def test_a_row_that_the_look_up_after_its_write_finds_changed_says_what_was_sent(task: Task) -> None:
    def after(seen: Seen) -> Any:
        if seen.method == "GET":
            return None
        task.somebody_writes(title="theirs")
        return AWAY

    task.server.after = after
    with pytest.raises(OnliveRecordsFailedError):
        task.run(TITLE)
    outcome = task.outcome()
    assert outcome["error"] == "OnliveStaleRecordError"
    assert (outcome["before"], outcome["after"], outcome["updatedAt"]) == ({"title": "as it was"}, TITLE, LONG_AGO)
    assert outcome["sentAt"] > 1
    task.come_back()
    with pytest.raises(OnliveRecordsFailedError, match="got no answer, was changed at"):
        task.revert()


def test_a_row_that_was_stale_before_its_write_says_none(task: Task) -> None:
    task.run(TITLE)
    task.report.rename(f"{task.report}.1")
    task.somebody_writes(title="theirs")
    with pytest.raises(OnliveRecordsFailedError):
        task.revert()
    (line,) = Path(f"{task.report}".replace(".jsonl", ".reverted.jsonl")).read_text().splitlines()
    assert (json.loads(line)["error"], "sentAt" in line) == ("OnliveStaleRecordError", False)


class StuckClock(FakeClock):
    """A clock on which no wait ends."""

    async def wait(self, seconds: float) -> None:
        await asyncio.Event().wait()


def test_rows_that_a_later_try_leaves_alone_or_cuts_short_still_say_what_was_sent(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates = [{"id": record_id(row), **TITLE} for row in range(10)]
    task.server.after = lambda seen: AWAY if seen.id in task.server.writes else None
    with pytest.raises(OnliveRecordsToRetryError):
        task.run({}, updates=updates, concurrency=1)
    extra = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "max_attempts": 3}
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(task.server, **extra))
    monkeypatch.setattr(OnliveHook, "clock", StuckClock(time.time()))
    task.come_back()
    task.server.before = lambda seen: AWAY if seen.id == record_id(0) else (401, {"statusCode": 401})
    with pytest.raises(OnliveRecordsFailedError):
        task.run({}, updates=updates, concurrency=2)
    task.come_back()
    assert not Path(f"{task.report}.run").exists()
    outcomes = [json.loads(line) for line in task.report.read_text().splitlines()]
    assert [each["outcome"] for each in outcomes] == ["not_attempted", *["failed"] * 3, *["not_attempted"] * 6]
    assert [each["index"] for each in outcomes if each.get("after") == TITLE] == [0, 1, 2, 3, 4]
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(time.time()))
    assert task.revert()["updated"] == 5
    assert task.sent() == [{"title": "as it was"}] * 5


class BrokenClock(FakeClock):
    """A clock that nobody can wait for."""

    async def wait(self, seconds: float) -> None:
        raise ZeroDivisionError


def test_an_error_that_nobody_foresaw_after_the_write_says_what_was_sent(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnliveHook, "clock", BrokenClock(time.time()))
    task.go_away(made=True)
    with pytest.raises(OnliveRecordsFailedError, match=r"unexpected ZeroDivisionError in .*; the write may have been"):
        task.run(TITLE)
    assert (task.outcome()["error"], task.outcome()["after"]) == ("OnliveUnexpectedError", TITLE)
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(time.time()))
    task.come_back()
    assert task.revert()["updated"] == 1
    assert task.sent() == [{"title": "as it was"}]


@pytest.mark.parametrize("status", [500, 401, 404])
def test_a_later_try_that_cannot_look_the_write_up_still_says_what_was_sent(task: Task, status: int) -> None:
    task.lose(TITLE, made=True)
    task.server.before = lambda seen: (status, {"statusCode": status, "message": "Oh"})
    with pytest.raises(OnliveRecordsFailedError):
        task.run(TITLE)
    task.come_back()
    assert (task.outcome()["after"], task.outcome()["before"]) == (TITLE, {"title": "as it was"})
    assert task.revert()["updated"] == 1
    assert task.sent() == [{"title": "as it was"}]


def test_a_row_that_a_later_try_does_not_reach_still_says_what_was_sent(task: Task) -> None:
    task.lose(TITLE, made=True)
    operator = BulkUpdateAppointmentsOperator(
        task_id="update",
        report_path=str(task.report),
        report_personal_data=True,
        updates=[{"id": record_id(0), **TITLE}],
    )
    operator.on_kill()
    with pytest.raises(Exception, match="was told to stop"):
        operator.execute({"ti": task_instance()})  # type: ignore[typeddict-item]
    assert (task.outcome()["outcome"], task.outcome()["after"]) == ("not_attempted", TITLE)
    Path(f"{task.report}.run").unlink()
    assert task.revert()["updated"] == 1


def test_a_revert_whose_write_got_no_answer_knows_at_its_retry_what_it_sent(task: Task) -> None:
    task.run({"title": "b"})
    task.report.rename(f"{task.report}.1")
    task.somebody_writes(title="theirs")
    task.run({"title": "c"})
    task.go_away(made=True)
    with pytest.raises(OnliveRecordsToRetryError):
        task.revert()
    task.come_back()
    assert (task.revert()["updated"], task.sent()) == (1, [])
    assert task.server.record(0)["title"] == "theirs"


@pytest.mark.parametrize("made", [True, False])
def test_a_revert_whose_write_got_no_answer_is_settled_by_its_retry_and_can_be_put_back(task: Task, made: bool) -> None:
    task.run(TITLE)
    task.go_away(made=made)
    with pytest.raises(OnliveRecordsToRetryError):
        task.revert()
    task.come_back()
    assert task.revert()["updated"] == 1
    assert task.sent() == ([] if made else [{"title": "as it was"}])
    task.server.requests.clear()
    task.report = Path(str(task.report).replace(".jsonl", ".reverted.jsonl"))
    assert task.revert()["updated"] == 1
    assert task.sent() == [TITLE]
