"""Several writes to one record are put back by one write, to what stood there before the first of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.errors import OnliveRecordsFailedError
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from tests.loopback import ID, OTHER_ID, LoopbackServer, Recorded, reply
from tests.operators.conftest import APPOINTMENT, Execute, connection_to

FIRST = {**APPOINTMENT, "lang": "es", "guests": [{"id": "g", "email": "ana@example.com"}], "reminders": []}


class Calendar(LoopbackServer):
    """Holds two appointments as a server does that normalizes: guests get new ids at every write, ``null`` becomes
    ``[]``, and the keys of ``extraFields`` are merged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, Any]] = {name: {**FIRST, "id": name} for name in (ID, OTHER_ID)}
        self._numbers = count(1)
        self.spell: Callable[[str], str] = str
        self.added: dict[str, Any] = {}
        self.otherwise = self._answer

    def edit(self, name: str, **fields: Any) -> None:
        """Write as anybody does."""
        record = self.records[name]
        if "title" in fields:
            fields["title"] = self.spell(fields["title"])
        if fields.get("extraFields"):
            fields["extraFields"] = {**(record["extraFields"] or {}), **fields["extraFields"]}
        for field in ("guests", "reminders"):
            if field in fields:
                fields[field] = [
                    {**self.added, **item, "id": f"n{next(self._numbers)}"} if field == "guests" else item
                    for item in fields[field] or ()
                ]
        self.records[name] = {**record, **fields, "updatedAt": f"2025-03-10T00:{next(self._numbers):02}:00.000Z"}

    def _answer(self, request: Recorded) -> Any:
        name = request.path.rpartition("/")[2]
        if request.method == "PUT":
            self.edit(name, **request.json())
        return reply(200, self.records[name])

    def held(self, name: str = ID) -> dict[str, Any]:
        """Return a record without what every write changes, and without keys that hold nothing."""
        record = {**self.records[name], "id": ID}
        record["guests"] = [{**guest, "id": "g"} for guest in record["guests"]]
        record["extraFields"] = {key: value for key, value in record["extraFields"].items() if value is not None}
        return {key: value for key, value in record.items() if key != "updatedAt"}


BEFORE = {key: value for key, value in FIRST.items() if key != "updatedAt"}


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calendar]:
    with Calendar() as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        yield server


class Task:
    """A bulk task whose report is moved aside when it runs again."""

    def __init__(self, execute: Execute, folder: Path) -> None:
        self._execute = execute
        self.report = folder / "out.jsonl"

    def run(self, *rows: dict[str, Any], task: dict[str, Any] | None = None) -> dict[str, Any]:
        self.keep()
        operator = BulkUpdateAppointmentsOperator(
            task_id="update",
            updates=[{"id": ID, **row} for row in rows],
            report_path=str(self.report),
            report_personal_data=True,
            concurrency=1,
        )
        result, _ = self._execute(operator)
        if task is not None:
            first, *rest = self.report.read_text().splitlines(keepends=True)
            self.report.write_text(json.dumps({**json.loads(first), "task": task}) + "\n" + "".join(rest))
        return result

    def keep(self) -> None:
        if self.report.exists():
            number = next(n for n in count(1) if not Path(f"{self.report}.{n}").exists())
            self.report.rename(f"{self.report}.{number}")

    def revert(self, **arguments: Any) -> dict[str, Any]:
        arguments = {"report_path": str(self.report), "report_personal_data": True, "concurrency": 1, **arguments}
        return self._execute(RevertUpdatesOperator(task_id="revert", **arguments))[0]


@pytest.fixture
def task(execute: Execute, tmp_path: Path) -> Task:
    return Task(execute, tmp_path)


Logged = Callable[[], str]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Logged:
    """Return what the tasks logged, with Airflow 3 to the standard output."""
    caplog.set_level(logging.INFO)
    return lambda: capsys.readouterr().out + caplog.text


def patches(calendar: Calendar, since: int = 0) -> list[Any]:
    return [request.json() for request in calendar.writes[since:]]


WHOLE = {
    "title": "b",
    "guests": [{"email": "ana@example.com", "extraFields": {"a": 1}}, {"email": "new@example.com"}],
    "reminders": [{"time": 5, "unit": "m"}],
    "extraFields": {"priority": "high", "added": 1},
}


def test_a_cleared_task_that_finds_everything_unchanged_leaves_the_first_runs_writes_to_put_back(
    calendar: Calendar, task: Task
) -> None:
    task.run(WHOLE)
    assert task.run(WHOLE)["unchanged"] == 1
    assert task.revert()["updated"] == 1
    assert calendar.held() == BEFORE
    assert len(calendar.writes) == 2


def test_the_writes_of_three_runs_are_put_back_by_one_write_to_what_stood_there_first(
    calendar: Calendar, task: Task
) -> None:
    task.run({"title": "b", "guests": [{"email": "new@example.com"}]})
    task.run({"title": "c", "lang": "en", "extraFields": {"a": 1, "priority": "high"}})
    task.run({"guests": None, "reminders": [{"time": 5, "unit": "m"}], "extraFields": {"a": 2, "b": 3}})
    result = task.revert()
    assert (result["total"], result["updated"]) == (1, 1)
    assert patches(calendar, 3) == [
        {
            "title": "Product Demo",
            "guests": [{"id": "g", "email": "ana@example.com"}],
            "lang": "es",
            "extraFields": {"a": None, "priority": "low", "b": None},
            "reminders": [],
        }
    ]
    assert calendar.held() == BEFORE


def test_titles_that_the_server_spells_in_its_own_way_are_known_again(calendar: Calendar, task: Task) -> None:
    calendar.spell = str.upper
    task.run({"title": " new title "})
    task.run({"title": "another", "lang": "en"})
    task.run({"extraFields": {"a": 1}})
    calendar.spell = str
    task.revert()
    assert calendar.held() == BEFORE


def test_items_to_which_the_server_adds_members_are_known_again(calendar: Calendar, task: Task) -> None:
    calendar.added = {"extraFields": {"status": "pending"}}
    task.run({"guests": [{"email": "new@example.com"}]})
    task.run({"guests": [{"email": "other@example.com"}]})
    task.run({"lang": "en"})
    calendar.added = {}
    task.revert()
    assert calendar.held() == BEFORE


def test_a_value_that_the_server_stored_as_another_is_put_back_if_nobody_wrote_since(
    calendar: Calendar, task: Task
) -> None:
    calendar.spell = lambda title: f"{title:.3}"
    task.run({"title": "a long title"})
    calendar.spell = str
    task.revert()
    assert calendar.held() == BEFORE


def test_what_a_revert_put_back_with_ids_of_the_server_is_known_again(calendar: Calendar, task: Task) -> None:
    task.run({"guests": [{"email": "new@example.com"}]})
    task.revert()
    reverted = task.report.with_name("out.reverted.jsonl")
    reverted.rename(f"{reverted}.1")
    task.run({"lang": "en"})
    task.revert()
    result = task.revert(report_path=str(reverted))
    assert (result["updated"], result["failed"]) == (1, 0)
    assert calendar.held() == {**BEFORE, "guests": [{"id": "g", "email": "new@example.com"}], "lang": "en"}


def test_records_are_put_back_in_the_order_of_their_last_writes_the_last_first(calendar: Calendar, task: Task) -> None:
    task.run({"id": ID, "title": "b"}, {"id": OTHER_ID, "title": "b"})
    task.run({"id": ID, "title": "c"})
    task.revert()
    assert [request.path[-36:] for request in calendar.writes[3:]] == [ID, OTHER_ID]
    assert calendar.held() == calendar.held(OTHER_ID) == BEFORE


def test_what_somebody_wrote_between_two_of_the_writes_is_put_back_and_the_log_says_so(
    calendar: Calendar, task: Task, logged: Logged
) -> None:
    task.run({"title": "b", "lang": "en", "extraFields": {"a": 1, "b": 1}})
    calendar.edit(ID, title="theirs", extraFields={"a": "theirs"})
    task.run({"title": "c", "lang": "fr", "extraFields": {"a": 2, "b": 2}})
    assert task.revert()["updated"] == 1
    assert patches(calendar, 2) == [{"title": "theirs", "lang": "es", "extraFields": {"a": "theirs", "b": None}}]
    line = f"appointment {ID}: extraFields, title changed between two writes; what the later one found is put back"
    assert line in logged()


@pytest.mark.parametrize(
    "field",
    [{"title": "theirs"}, {"extraFields": {"a": "theirs"}}, {"guests": [{"email": "theirs@example.com"}]}],
    ids=lambda field: next(iter(field)),
)
def test_what_somebody_changed_after_an_earlier_write_is_left_alone_and_named(
    calendar: Calendar, task: Task, field: dict[str, Any]
) -> None:
    task.run({"title": "b", "extraFields": {"a": 1}, "guests": [{"email": "new@example.com"}]})
    calendar.edit(ID, **field)
    task.run({"lang": "en"})
    held = calendar.held()
    with pytest.raises(OnliveRecordsFailedError) as caught:
        task.revert()
    (failure,) = caught.value.failures
    assert failure["error"] == "OnliveStaleRecordError"
    assert failure["message"].startswith(f"{next(iter(field))} of appointment {ID} was changed at 2025-03-10T00:")
    assert calendar.held() == held
    assert len(calendar.writes) == 2


def test_what_somebody_changed_back_themselves_needs_no_write(calendar: Calendar, task: Task) -> None:
    task.run({"title": "b"})
    calendar.edit(ID, title="Product Demo")
    task.run({"lang": "en"})
    task.revert()
    assert patches(calendar, 2) == [{"lang": "es"}]


def test_keys_that_somebody_else_set_stay(calendar: Calendar, task: Task) -> None:
    task.run({"extraFields": {"a": 1}})
    calendar.edit(ID, extraFields={"theirs": 1})
    task.run({"extraFields": {"b": 1}})
    task.revert()
    assert calendar.held()["extraFields"] == {"priority": "low", "theirs": 1}


@pytest.mark.parametrize(
    ("payloads", "sent"),
    [
        ([{"a": 1}, None], {"priority": "low"}),
        ([None, {"a": 1}], {"priority": "low", "a": None}),
        ([None], {"priority": "low"}),
        ([{"priority": "high"}, None, {"priority": "x", "b": 1}], {"priority": "low", "b": None}),
    ],
    ids=str,
)
def test_an_object_that_was_cleared_and_set_is_put_back_whole(
    calendar: Calendar, task: Task, payloads: list[Any], sent: dict[str, Any]
) -> None:
    for payload in payloads:
        task.run({"extraFields": payload})
    task.revert()
    assert patches(calendar, len(payloads)) == [{"extraFields": sent}]
    assert calendar.held() == BEFORE
    assert task.revert()["unchanged"] == 1


def test_a_second_revert_sends_nothing(calendar: Calendar, task: Task) -> None:
    task.run(WHOLE)
    task.run({"title": "c", "lang": "en"})
    task.revert()
    result = task.revert()
    assert (result["unchanged"], result["failed"], len(calendar.writes)) == (1, 0, 3)


@pytest.mark.parametrize("again", [{"title": "b"}, {"title": "c", "lang": "fr"}, {"lang": "fr"}], ids=str)
def test_after_a_revert_and_a_new_run_only_the_new_runs_writes_are_put_back(
    calendar: Calendar, task: Task, again: dict[str, Any]
) -> None:
    task.run({"title": "b"})
    task.revert()
    calendar.edit(ID, extraFields={"theirs": 1})
    task.run(again)
    task.revert()
    assert patches(calendar, 3) == [{name: FIRST[name] for name in again}]
    assert task.revert()["unchanged"] == 1


def test_what_another_dag_run_wrote_stays_and_its_file_is_named(calendar: Calendar, task: Task, logged: Logged) -> None:
    task.run({"title": "b"}, task={"dag_id": "nightly", "run_id": "1"})
    task.run({"title": "c"}, task={"dag_id": "nightly", "run_id": "2"})
    task.revert()
    assert calendar.held() == {**BEFORE, "title": "b"}
    named = f"{task.report}.1 holds written changes of another run (DAG nightly, run 1) and is left alone"
    told = logged()
    assert named in told
    assert f"Found 1 write to 1 record: 1 in {task.report}" in told


def test_two_changes_of_one_record_are_put_back_by_one_write(calendar: Calendar, execute: Execute, task: Task) -> None:
    changes = [
        execute(UpdateAppointmentOperator(task_id="t", appointment_id=ID, payload=payload))[1]["change"]
        for payload in ({"title": "b"}, {"title": "c", "lang": "en"})
    ]
    result = task.revert(report=changes, report_path=None)
    assert (result["total"], result["updated"]) == (1, 1)
    assert patches(calendar, 2) == [{"title": "Product Demo", "lang": "es"}]


@pytest.mark.parametrize("source", ["report", "change"])
def test_a_revert_that_finds_nothing_says_why_and_is_green(
    calendar: Calendar, execute: Execute, task: Task, source: str, logged: Logged
) -> None:
    if source == "report":
        task.run({"title": FIRST["title"]})
        result = task.revert()
    else:
        operator = UpdateAppointmentOperator(task_id="t", appointment_id=ID, payload={"title": FIRST["title"]})
        result = task.revert(report=execute(operator)[1]["change"], report_path=None)
    assert (result["total"], calendar.writes) == (0, [])
    why = {
        "report": "the report holds no written change: 1 unchanged",
        "change": "the change is empty; its update sent nothing",
    }
    lines = [line for line in logged().splitlines() if f"Nothing to put back: {why[source]}" in line]
    assert lines
    assert all("warning" in line.lower() for line in lines)
