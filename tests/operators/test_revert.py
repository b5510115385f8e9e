"""What another task wrote is put back, unless somebody changed it since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider import errors
from onlive_provider.errors import OnliveRecordsFailedError
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.service import UpdateServiceOperator
from onlive_provider.sandbox.server import Sandbox
from tests.loopback import ID, Recorded, reply
from tests.operators.conftest import APPOINTMENT, Execute, RecordServer, connection_to

NO_CHANGE = {"resource": "service", "id": ID, "before": {}, "after": {}, "updatedAt": None}


@pytest.fixture
def appointments(onlive_sandbox: Sandbox) -> list[dict[str, Any]]:
    return [a for a in onlive_sandbox.records("appointments") if a["start"] > onlive_sandbox.now()][:5]


def revert(**arguments: Any) -> RevertUpdatesOperator:
    return RevertUpdatesOperator(task_id="revert", **arguments)


def written(sandbox: Sandbox) -> list[str]:
    return [call["path"].rpartition("/")[2] for call in sandbox.calls() if call["method"] == "PUT"]


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "updatedAt"}


def test_a_single_change_is_put_back(onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute) -> None:
    before = appointments[0]
    payload = {
        "title": "Other",
        "guests": [{"email": "new@example.com"}],
        "extraFields": {"source": "x", "added": 1},
        "reminders": None,
    }
    arguments = {"appointment_id": before["id"], "payload": payload, "xcom_personal_data": True}
    _, xcoms = execute(UpdateAppointmentOperator(task_id="t", **arguments))
    result, _ = execute(revert(report=xcoms["change"]))
    assert (result["total"], result["updated"]) == (1, 1)
    after = onlive_sandbox.record("appointments", before["id"])
    assert after["extraFields"].pop("added") is None
    assert without_times(after) == without_times(before)


def test_a_bulk_task_is_put_back_from_its_result_last_write_first(
    onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "report.jsonl")
    rows = [{"id": a["id"], "title": f"Title {number}"} for number, a in enumerate(appointments)]
    rows[1]["title"] = appointments[1]["title"]
    done, _ = execute(BulkUpdateAppointmentsOperator(task_id="bulk", updates=rows, report_path=path, concurrency=1))
    original = Path(path).read_bytes()
    first = written(onlive_sandbox)
    result, _ = execute(revert(report=done, concurrency=1))
    assert result["report_path"] == str(tmp_path / "report.reverted.jsonl")
    assert Path(path).read_bytes() == original
    lines = [json.loads(line) for line in Path(result["report_path"]).read_text().splitlines()]
    assert [line["id"] for line in lines] == first[::-1] == written(onlive_sandbox)[4:]
    assert {line["outcome"] for line in lines} == {"updated"}
    for before in appointments:
        assert without_times(onlive_sandbox.record("appointments", before["id"])) == without_times(before)


@pytest.mark.parametrize("form", ["report_path", "json text"])
def test_a_report_may_be_given_as_a_path_or_as_text(
    form: str, onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "report.jsonl")
    rows = [{"id": appointments[0]["id"], "title": "Other"}]
    done, _ = execute(BulkUpdateAppointmentsOperator(task_id="bulk", updates=rows, report_path=path))
    execute(revert(report_path=path) if form == "report_path" else revert(report=json.dumps(done)))
    assert onlive_sandbox.record("appointments", appointments[0]["id"])["title"] == appointments[0]["title"]


@pytest.mark.parametrize("kind", ["appointments", "services"])
def test_a_report_says_of_each_line_which_kind_of_record_it_is_and_no_read_is_spent_to_find_out(
    kind: Any, onlive_sandbox: Sandbox, execute: Execute, tmp_path: Path
) -> None:
    before = next(r for r in onlive_sandbox.records(kind) if r.get("start", "9") > onlive_sandbox.now())
    operator = BulkUpdateServicesOperator if kind == "services" else BulkUpdateAppointmentsOperator
    path = tmp_path / "report.jsonl"
    rows = [{"id": before["id"], "extraFields": {next(iter(before["extraFields"])): "other"}}]
    execute(operator(task_id="bulk", updates=rows, report_path=str(path)))
    assert [json.loads(line)["resource"] for line in path.read_text().splitlines()] == [kind[:-1]]
    calls = len(onlive_sandbox.calls())
    execute(revert(report_path=str(path)))
    assert without_times(onlive_sandbox.record(kind, before["id"])) == without_times(before)
    record = f"/api/v1/{kind}/{before['id']}"
    assert [(c["method"], c["path"]) for c in onlive_sandbox.calls()[calls:]] == [("GET", record), ("PUT", record)]


def test_changes_of_both_kinds_are_put_back_together(
    onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute
) -> None:
    service = onlive_sandbox.records("services")[0]
    one = UpdateAppointmentOperator(task_id="a", appointment_id=appointments[0]["id"], payload={"title": "Other"})
    other = UpdateServiceOperator(task_id="s", service_id=service["id"], payload={"extraFields": {"a": "b"}})
    changes = [execute(operator)[1]["change"] for operator in (one, other)]
    assert [change["resource"] for change in changes] == ["appointment", "service"]
    result, _ = execute(revert(report=changes))
    assert result["updated"] == 2
    assert onlive_sandbox.record("appointments", appointments[0]["id"])["title"] == appointments[0]["title"]
    after = onlive_sandbox.record("services", service["id"])
    assert after["extraFields"].pop("a") is None
    assert without_times(after) == without_times(service)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "is missing; accepted: appointment or service"),
        ({"resource": None}, "is missing; accepted: appointment or service"),
        ({"resource": "calendar"}, "got 'calendar'; accepted: appointment or service"),
        ({"resource": ["service"]}, r"got \['service'\]; accepted: appointment or service"),
    ],
)
@pytest.mark.parametrize("form", ["change", "list", "file"])
def test_what_does_not_say_which_kind_of_record_it_is_about_is_refused_before_any_call(
    form: str, given: dict[str, Any], message: str, onlive_sandbox: Sandbox, execute: Execute, tmp_path: Path
) -> None:
    change = {"id": ID, "before": {"name": "a"}, "after": {"name": "b"}, "updatedAt": "2025-01-01T00:00:00Z", **given}
    path = tmp_path / "report.jsonl"
    line = {"index": 0, "outcome": "unchanged", "resource": "service"}
    path.write_text("".join(json.dumps(each) + "\n" for each in (line, {**change, "index": 1, "outcome": "updated"})))
    arguments: dict[str, tuple[dict[str, Any], str]] = {
        "change": ({"report": change}, "report.resource"),
        "list": ({"report": [{**change, "resource": "service"}, change]}, r"report\[1\].resource"),
        "file": ({"report_path": str(path)}, "line 2: resource"),
    }
    operator, field = arguments[form]
    with pytest.raises(errors.OnlivePayloadError, match=f"{field}: {message}"):
        execute(revert(**operator))
    assert onlive_sandbox.calls() == []


def test_what_somebody_changed_since_is_not_touched_and_fails_by_name(
    onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute
) -> None:
    first, second = appointments[:2]
    changes = [
        execute(UpdateAppointmentOperator(task_id="t", appointment_id=a["id"], payload={"title": "Other"}))[1]["change"]
        for a in (first, second)
    ]
    execute(UpdateAppointmentOperator(task_id="t", appointment_id=first["id"], payload={"title": "Somebody else's"}))
    with pytest.raises(OnliveRecordsFailedError, match=first["id"]) as caught:
        execute(revert(report=changes))
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.counts["updated"] == 1
    assert caught.value.failures[0]["error"] == "OnliveStaleRecordError"
    assert onlive_sandbox.record("appointments", first["id"])["title"] == "Somebody else's"
    assert onlive_sandbox.record("appointments", second["id"])["title"] == second["title"]


def test_a_second_revert_sends_nothing(onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute) -> None:
    operator = UpdateAppointmentOperator(task_id="t", appointment_id=appointments[0]["id"], payload={"title": "Other"})
    change = execute(operator)[1]["change"]
    execute(revert(report=change))
    result, _ = execute(revert(report=change))
    assert (result["unchanged"], result["failed"]) == (1, 0)
    assert len(written(onlive_sandbox)) == 2


def test_a_plan_sends_nothing(onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute) -> None:
    operator = UpdateAppointmentOperator(task_id="t", appointment_id=appointments[0]["id"], payload={"title": "Other"})
    change = execute(operator)[1]["change"]
    result, _ = execute(revert(report=change, plan_only="true"))
    assert result["planned"] == 1
    assert len(written(onlive_sandbox)) == 1


def test_what_was_not_read_before_the_write_cannot_be_put_back(
    onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute
) -> None:
    payload = {"title": "Other", "agentComment": "private"}
    operator = UpdateAppointmentOperator(task_id="t", appointment_id=appointments[0]["id"], payload=payload)
    change = execute(operator)[1]["change"]
    with pytest.raises(OnliveRecordsFailedError, match="agentComment: cannot be put back: what stood there"):
        execute(revert(report=change))
    assert len(written(onlive_sandbox)) == 1


LEFT_OUT = (
    "guests: cannot be put back: guests' data were left out; a `change` holds them with xcom_personal_data=True, "
    "a report with report_personal_data=True"
)


def test_a_change_without_the_time_of_its_write_is_not_put_back(
    appointment_server: RecordServer, execute: Execute
) -> None:
    change = {"resource": "appointment", "id": ID, "before": {"title": "old"}, "after": {"title": "new"}}
    with pytest.raises(OnliveRecordsFailedError, match="updatedAt: is missing: there is no way to know"):
        execute(revert(report={**change, "updatedAt": None}))
    assert appointment_server.requests == []


def test_a_change_that_left_guests_out_says_what_it_lacks(
    onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute
) -> None:
    payload = {"guests": [{"email": "new@example.com"}]}
    operator = UpdateAppointmentOperator(task_id="t", appointment_id=appointments[0]["id"], payload=payload)
    change = execute(operator)[1]["change"]
    with pytest.raises(OnliveRecordsFailedError, match=LEFT_OUT):
        execute(revert(report=change))
    assert len(written(onlive_sandbox)) == 1


@pytest.mark.parametrize("personal_data", [True, False])
def test_guests_are_put_back_only_from_a_report_that_holds_them(
    personal_data: bool, onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "report.jsonl")
    rows = [{"id": appointments[0]["id"], "guests": [{"email": "new@example.com"}]}]
    execute(
        BulkUpdateAppointmentsOperator(
            task_id="bulk", updates=rows, report_path=path, report_personal_data=personal_data
        )
    )
    if personal_data:
        execute(revert(report_path=path))
        assert onlive_sandbox.record("appointments", appointments[0]["id"])["guests"] == appointments[0]["guests"]
    else:
        with pytest.raises(OnliveRecordsFailedError, match=LEFT_OUT):
            execute(revert(report_path=path))
        assert len(written(onlive_sandbox)) == 1


def test_an_unchanged_update_has_nothing_to_put_back(
    onlive_sandbox: Sandbox, appointments: list[Any], execute: Execute
) -> None:
    payload = {"title": appointments[0]["title"]}
    operator = UpdateAppointmentOperator(task_id="t", appointment_id=appointments[0]["id"], payload=payload)
    result, _ = execute(revert(report=execute(operator)[1]["change"]))
    assert result["total"] == 0


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"id": ID, "title": "a record"}, "report: is not a change"),
        ({"total": 3, "report_path": None}, "report: is not a change"),
        (7, "report: got int"),
        ("{broken", "report: is text that is not JSON"),
        (
            [{"resource": "service", "id": ID, "before": {}, "after": {}, "updatedAt": None}, "x"],
            r"report\[1\]: is not a change",
        ),
        ({"id": ID, "before": [], "after": {}, "updatedAt": None}, "report: has no objects before and after"),
        ({"report_path": "/no/such/report.jsonl"}, "report_path: /no/such/report.jsonl does not exist"),
    ],
)
def test_what_is_no_report_is_refused_before_any_call(
    report: Any, message: str, onlive_sandbox: Sandbox, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match=message):
        execute(revert(report=report))
    assert onlive_sandbox.calls() == []


@pytest.mark.parametrize("arguments", [{}, {"report": {}, "report_path": "x"}])
def test_one_source_is_needed(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="report, report_path: give one of the two"):
        revert(**arguments)


@contextmanager
def adding_ids(record: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    """Serve a record whose guests get new ids at every write."""
    with RecordServer(record) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        numbers = count(1)

        def answer(request: Recorded) -> Any:
            if request.method == "PUT":
                patch = request.json()
                for guest in patch.get("guests") or ():
                    guest.update(id=next(numbers), status="pending")
                server.record |= {**patch, "updatedAt": f"2025-03-10T00:00:{next(numbers):02}.000Z"}
            return reply(200, server.record)

        server.otherwise = answer
        yield server


def test_what_is_back_is_known_although_the_server_gives_new_ids(
    execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"id": "g-1", "email": "ana@example.com", "status": "accepted"}
    with adding_ids({**APPOINTMENT, "guests": [held]}, monkeypatch) as server:
        payload = {"guests": [{"email": "ana@example.com", "extraFields": {"phone": "+34600000001"}}]}
        arguments = {"appointment_id": ID, "payload": payload, "xcom_personal_data": True}
        change = execute(UpdateAppointmentOperator(task_id="t", **arguments))[1]["change"]
        result, _ = execute(revert(report=change))
        assert (result["updated"], server.patches[1]) == (1, {"guests": [held]})
        again, _ = execute(revert(report=change))
        assert (again["unchanged"], len(server.writes)) == (1, 2)


@pytest.mark.parametrize("value", [None, "es"])
def test_a_field_that_the_server_did_not_answer_is_named_and_not_said_to_be_back(
    value: Any, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordServer(APPOINTMENT) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        operator = UpdateAppointmentOperator(task_id="t", appointment_id=ID, payload={"lang": value, "title": "x"})
        change = execute(operator)[1]["change"]
        assert change["before"] == {"title": "Product Demo"}
        with pytest.raises(OnliveRecordsFailedError, match="lang: cannot be put back: what stood there"):
            execute(revert(report=change))
        assert server.patches == [{"lang": value, "title": "x"}]
