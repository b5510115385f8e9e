"""What updating an appointment and updating a service have in common."""

from __future__ import annotations

import inspect
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, AirflowSkipException

from onlive_provider import errors
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.service import UpdateServiceOperator
from onlive_provider.privacy import HIDDEN
from tests.loopback import ID, RESET, SECRET, reply
from tests.operators.conftest import (
    APPOINTMENT,
    SERVICE,
    WRITTEN_AT,
    Execute,
    RecordServer,
    TaskInstance,
    connection_to,
)

COMMON = {
    "payload",
    "onlive_conn_id",
    "timezone",
    "only_changed",
    "plan_only",
    "expected_updated_at",
    "on_not_found",
    "xcom_fields",
    "xcom_personal_data",
}


def update(payload: Any, **arguments: Any) -> UpdateAppointmentOperator:
    return UpdateAppointmentOperator(task_id="update", **{"appointment_id": ID, "payload": payload, **arguments})


def parameters(operator: type) -> set[str]:
    own = [c for c in operator.__mro__ if c.__module__.startswith("onlive_provider")]
    names = {name for c in own for name in inspect.signature(c.__init__).parameters}
    return names - {"self", "kwargs"}


@pytest.mark.parametrize(
    ("operator", "only_here"),
    [
        (UpdateAppointmentOperator, {"appointment_id", "on_conflict", "fallback_slots"}),
        (UpdateServiceOperator, {"service_id"}),
    ],
)
def test_the_operators_take_the_documented_parameters(operator: type, only_here: set[str]) -> None:
    assert parameters(operator) == COMMON | only_here


@pytest.mark.parametrize("operator", [UpdateAppointmentOperator, UpdateServiceOperator])
def test_what_varies_by_run_is_templated_and_no_text_is_taken_for_a_template_file(operator: Any) -> None:
    wanted = {"onlive_conn_id", "payload", "timezone", "plan_only", "expected_updated_at"}
    assert wanted <= set(operator.template_fields)
    assert operator.template_ext == ()


def test_nothing_that_is_templated_is_checked_when_the_dag_is_parsed() -> None:
    junk = "{{ junk }}"
    operator = update(
        junk,
        appointment_id=junk,
        onlive_conn_id=junk,
        timezone=junk,
        plan_only=junk,
        expected_updated_at=junk,
        fallback_slots=junk,
    )
    for name in operator.template_fields:
        assert getattr(operator, name) == junk


@pytest.mark.parametrize("name", ["on_not_found", "on_conflict"])
def test_a_choice_that_does_not_exist_is_refused_when_the_dag_is_parsed(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: 'ignore' is not accepted; accepted are 'fail' and 'skip'"):
        update({}, **{name: "ignore"})


def test_xcom_fields_given_as_one_string_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(TypeError, match="xcom_fields: 'id' is one string"):
        update({}, xcom_fields="id")


def test_importing_the_operators_imports_no_http_library() -> None:
    code = (
        "import sys\n"
        "from airflow.providers.common.compat.sdk import DAG, BaseOperator\n"
        "before = set(sys.modules)\n"
        "import onlive_provider.operators.appointment, onlive_provider.operators.service\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'requests', 'aiohttp', 'fastapi', 'email_validator', 'urllib3', 'jinja2'}))\n"
        "print(any(name.startswith('onlive_provider.models.') for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["[]", "False"]


def test_only_the_fields_that_differ_are_sent_and_the_answer_is_returned(
    appointment_server: RecordServer, execute: Execute
) -> None:
    payload = {"state": "confirmed", "title": "Product Demo", "start": "2030-03-10T09:00+01:00"}
    record, xcoms = execute(update(payload, xcom_personal_data=True))
    assert appointment_server.writes[0].body == b'{"state":"confirmed"}'
    assert record == {**APPOINTMENT, "state": "confirmed", "updatedAt": WRITTEN_AT}
    assert xcoms == {
        "outcome": "updated",
        "change": {
            "resource": "appointment",
            "id": ID,
            "before": {"state": "pending"},
            "after": {"state": "confirmed"},
            "updatedAt": WRITTEN_AT,
        },
    }


GUEST = {"email": "eva.canary@example.com", "extraFields": {"phone": "1234", "note": "0151 23456789"}}
HIDDEN_GUEST = {"email": HIDDEN, "extraFields": {"phone": HIDDEN, "note": HIDDEN}}
OF_GUESTS = {
    "guests": [GUEST],
    "extraFields": {"contact": "eva.canary@example.com", "priority": "high"},
    "description": "Call (030) 123456-78 at 2030-03-10T09:00:00.000Z",
    "agentComment": "likes tea",
}
HIDDEN_OF_GUESTS = {
    "guests": [HIDDEN_GUEST],
    "extraFields": {"contact": HIDDEN, "priority": "high"},
    "description": f"Call {HIDDEN} at 2030-03-10T09:00:00.000Z",
    "agentComment": HIDDEN,
}


@pytest.mark.parametrize("fields", [None, ["guests", "description", "id"]])
def test_guests_data_reach_the_server_and_no_xcom(
    fields: list[str] | None, appointment_server: RecordServer, execute: Execute
) -> None:
    record, xcoms = execute(update(OF_GUESTS, xcom_fields=fields))
    assert appointment_server.patches == [OF_GUESTS]
    assert xcoms["change"]["after"] == HIDDEN_OF_GUESTS
    assert xcoms["change"]["before"]["guests"] == [{"email": HIDDEN, "extraFields": {"phone": HIDDEN}}]
    assert (record["guests"], record["id"]) == ([HIDDEN_GUEST], ID)
    assert record["description"] == HIDDEN_OF_GUESTS["description"]
    assert "canary" not in json.dumps([record, xcoms])


def test_guests_data_are_in_xcom_where_the_author_asks_for_them(
    appointment_server: RecordServer, execute: Execute
) -> None:
    record, xcoms = execute(update(OF_GUESTS, xcom_personal_data=True))
    assert xcoms["change"]["after"] == OF_GUESTS
    assert xcoms["change"]["before"]["guests"] == APPOINTMENT["guests"]
    assert (record["guests"], record["description"]) == ([GUEST], OF_GUESTS["description"])


def test_when_nothing_differs_nothing_is_sent_and_the_record_as_read_is_returned(
    appointment_server: RecordServer, execute: Execute
) -> None:
    record, xcoms = execute(update({"title": "Product Demo"}, xcom_personal_data=True))
    assert appointment_server.methods == ["GET"]
    assert record == APPOINTMENT
    assert xcoms == {
        "outcome": "unchanged",
        "change": {
            "resource": "appointment",
            "id": ID,
            "before": {},
            "after": {},
            "updatedAt": APPOINTMENT["updatedAt"],
        },
    }


def test_a_second_run_sends_nothing(appointment_server: RecordServer, execute: Execute) -> None:
    payload = {"title": "Other", "guests": [{"email": "bo@example.com"}], "extraFields": {"priority": "high"}}
    execute(update(payload))
    execute(update(payload))
    assert appointment_server.methods == ["GET", "PUT", "GET"]


def test_a_blind_update_sends_the_payload_without_reading(appointment_server: RecordServer, execute: Execute) -> None:
    _, xcoms = execute(update({"title": "Product Demo"}, only_changed=False))
    assert appointment_server.methods == ["PUT"]
    assert appointment_server.patches == [{"title": "Product Demo"}]
    assert xcoms["change"]["before"] == {}


@pytest.mark.parametrize("plan_only", [True, "true", "True"])
@pytest.mark.parametrize("only_changed", [True, False])
def test_a_plan_shows_the_change_and_sends_nothing(
    plan_only: Any, only_changed: bool, appointment_server: RecordServer, execute: Execute
) -> None:
    options = {"plan_only": plan_only, "only_changed": only_changed, "xcom_personal_data": True}
    record, xcoms = execute(update({"state": "confirmed"}, **options))
    assert appointment_server.methods == ["GET"]
    assert record == APPOINTMENT
    assert xcoms["outcome"] == "planned"
    assert xcoms["change"]["before"] == {"state": "pending"}
    assert xcoms["change"]["after"] == {"state": "confirmed"}


def test_a_plan_without_a_change_says_unchanged(appointment_server: RecordServer, execute: Execute) -> None:
    assert execute(update({"state": "pending"}, plan_only=True))[1]["outcome"] == "unchanged"


def test_plan_only_rendered_as_false_writes(appointment_server: RecordServer, execute: Execute) -> None:
    execute(update({"state": "confirmed"}, plan_only="False"))
    assert appointment_server.methods == ["GET", "PUT"]


def test_a_record_that_moved_since_it_was_seen_is_refused(appointment_server: RecordServer, execute: Execute) -> None:
    stale = update({"state": "confirmed"}, expected_updated_at="2025-03-09T19:00:00Z", only_changed=False)
    with pytest.raises(errors.OnliveStaleRecordError, match=r"changed at 2025-03-09T19:32:06\.669Z") as caught:
        execute(stale)
    assert isinstance(caught.value, AirflowFailException)
    assert appointment_server.methods == ["GET"]


def test_a_record_that_did_not_move_is_written_however_its_time_is_spelled(
    appointment_server: RecordServer, execute: Execute
) -> None:
    execute(update({"state": "confirmed"}, expected_updated_at="2025-03-09T20:32:06.669+01:00"))
    assert appointment_server.methods == ["GET", "PUT"]


def test_every_unusable_argument_is_named_and_no_call_is_made(
    appointment_server: RecordServer, execute: Execute
) -> None:
    operator = update(
        {"titel": "x", "start": "2030-03-10T08:00"},
        appointment_id="None",
        plan_only="perhaps",
        expected_updated_at="yesterday",
        fallback_slots=[{"start": "2030-03-10T08:00Z"}],
    )
    with pytest.raises(errors.OnlivePayloadError) as caught:
        execute(operator)
    assert isinstance(caught.value, AirflowFailException)
    named = [error.field for error in caught.value.errors]
    assert named == ["appointment_id", "titel", "start", "plan_only", "expected_updated_at", "fallback_slots[0].end"]
    assert appointment_server.requests == []


def test_an_unknown_timezone_is_named_once(appointment_server: RecordServer, execute: Execute) -> None:
    operator = update(
        {"title": "x"}, timezone="Europe/Madird", fallback_slots=[], expected_updated_at="2030-01-01T00:00Z"
    )
    with pytest.raises(errors.OnlivePayloadError) as caught:
        execute(operator)
    assert [error.field for error in caught.value.errors] == ["timezone"]
    assert "Europe/Madrid" in str(caught.value)


def test_times_without_an_offset_are_read_in_the_named_zone(appointment_server: RecordServer, execute: Execute) -> None:
    execute(update({"start": "2030-07-01 10:00", "end": "2030-07-01 10:30"}, timezone="Europe/Madrid"))
    assert appointment_server.patches == [{"start": "2030-07-01T08:00:00.000Z", "end": "2030-07-01T08:30:00.000Z"}]


def test_a_missing_record_fails_the_task(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_get = [reply(404, {"statusCode": 404, "message": "Appointment not found"})]
    with pytest.raises(errors.OnliveNotFoundError, match="Appointment not found"):
        execute(update({"state": "confirmed"}))


@pytest.mark.parametrize("only_changed", [True, False])
def test_a_missing_record_skips_the_task_when_asked(
    only_changed: bool, appointment_server: RecordServer, execute: Any
) -> None:
    missing = reply(404, {"statusCode": 404, "message": "Appointment not found"})
    appointment_server.answers_to_get, appointment_server.answers_to_put = [missing], [missing]
    with pytest.raises(AirflowSkipException, match="Appointment not found"):
        execute(update({"state": "confirmed"}, on_not_found="skip", on_conflict="fail", only_changed=only_changed))
    assert execute.ti.xcoms == {
        "outcome": "skipped",
        "change": {"resource": "appointment", "id": ID, "before": {}, "after": {}, "updatedAt": None},
    }


def test_what_is_returned_is_narrowed_to_xcom_fields(appointment_server: RecordServer, execute: Execute) -> None:
    record, _ = execute(update({"state": "confirmed"}, xcom_fields=["id", "state", "lang"]))
    assert "lang" not in appointment_server.record
    assert record == {"id": ID, "state": "confirmed"}


def test_an_xcom_field_that_the_api_adds_is_returned(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.record["waitingList"] = 3
    record, _ = execute(update({"state": "confirmed"}, xcom_fields=["waitingList"]))
    assert record == {"waitingList": 3}


def test_a_slip_in_xcom_fields_is_refused_with_the_near_name_before_any_call(
    appointment_server: RecordServer, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError) as caught:
        execute(update({"titel": "x"}, xcom_fields=["id", "udpatedAt"]))
    assert [(each.field, each.message.rpartition("; ")[2]) for each in caught.value.errors] == [
        ("titel", 'did you mean "title"?'),
        ("xcom_fields", 'did you mean "updatedAt"?'),
    ]
    assert appointment_server.requests == []


def test_an_xcom_field_that_no_record_has_is_refused_before_the_write(
    appointment_server: RecordServer, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match="xcom_fields: 'unknown' is not a field"):
        execute(update({"state": "confirmed"}, xcom_fields=["id", "unknown"]))
    assert appointment_server.methods == ["GET"]


def test_the_connection_is_the_one_that_was_named(
    appointment_server: RecordServer, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", connection_to(appointment_server))
    monkeypatch.delenv("AIRFLOW_CONN_ONLIVE_DEFAULT")
    execute(update({"state": "confirmed"}, onlive_conn_id="other"))
    assert appointment_server.methods == ["GET", "PUT"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_costs_one_attempt_and_no_retry_of_airflow(
    status: int, appointment_server: RecordServer, execute: Execute
) -> None:
    appointment_server.answers_to_put = [reply(status, {"statusCode": status, "message": "no"})]
    with pytest.raises(errors.OnliveStatusError) as caught:
        execute(update({"state": "confirmed"}))
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.status == status
    assert appointment_server.methods == ["GET", "PUT"]


def test_a_server_that_asks_for_a_moment_is_obeyed_here(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_put = [reply(429, {}, headers={"Retry-After": "0"})]
    assert execute(update({"state": "confirmed"}))[1]["outcome"] == "updated"
    assert appointment_server.methods == ["GET", "PUT", "PUT"]


def test_a_server_that_asks_for_longer_is_left_to_airflow_with_its_wish(
    appointment_server: RecordServer, execute: Execute
) -> None:
    appointment_server.answers_to_put = [reply(429, {}, headers={"Retry-After": "7200"})]
    with pytest.raises(errors.OnliveStatusError, match="asked to wait 7200 s") as caught:
        execute(update({"state": "confirmed"}))
    assert not isinstance(caught.value, AirflowFailException)
    assert caught.value.retry_after == 7200
    assert appointment_server.methods == ["GET", "PUT"]


def test_a_run_reads_in_at_most_a_dozen_lines_and_names_no_guest(
    appointment_server: RecordServer, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    payload = {
        "title": "Ana's drive",
        "description": "Call Ana",
        "start": "2030-03-11T08:00Z",
        "end": "2030-03-11T08:30Z",
        "guests": [{"email": "bo.berg@example.com", "extraFields": {"phone": "+4670000002"}}],
        "reminders": [],
        "extraFields": {"priority": "high"},
        "lang": "sv",
        "classification": "internal",
        "event": {"room": "2"},
        "state": "confirmed",
        "agentComment": "vip",
    }
    with caplog.at_level(logging.INFO):
        execute(update(payload))
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("onlive_provider")]
    assert len(lines) < 12  # and one line of the operator's own
    text = "\n".join(lines)
    assert f"Read appointment {ID}, last changed at 2025-03-09T19:32:06.669Z" in text
    assert "start: 2030-03-10T08:00:00.000Z -> 2030-03-11T08:00:00.000Z" in text
    assert "  and state, title, description, guests, extraFields, event, agentComment" in lines
    assert f"last changed at {WRITTEN_AT}" in text
    assert "agentComment" in text
    for private in ("bo.berg", "ana.lopez", "4670000002", "34600000001", "Ana", "vip", SECRET):
        assert private not in text


def test_a_write_whose_answer_is_lost_is_looked_up_and_not_sent_twice(
    appointment_server: RecordServer, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_and_lost(request: Any) -> Any:
        appointment_server.record |= {**request.json(), "updatedAt": WRITTEN_AT}
        return RESET

    appointment_server.answers_to_put = [taken_and_lost]
    record, xcoms = execute(update({"state": "confirmed"}))
    assert appointment_server.methods == ["GET", "PUT", "GET"]
    assert (record["state"], xcoms["outcome"], xcoms["change"]["updatedAt"]) == ("confirmed", "updated", WRITTEN_AT)


def test_a_service_is_updated_the_same_way(service_server: RecordServer, execute: Execute) -> None:
    operator = UpdateServiceOperator(task_id="t", service_id=ID, payload='{"maxTimeToSchedule": "60", "active": true}')
    record, xcoms = execute(operator)
    assert service_server.writes[0].body == b'{"maxTimeToSchedule":60}'
    assert service_server.writes[0].path == f"/api/v1/services/{ID}"
    assert record == {**SERVICE, "maxTimeToSchedule": 60, "updatedAt": WRITTEN_AT}
    assert xcoms["outcome"] == "updated"


def test_a_service_rule_that_needs_the_current_record_is_checked_before_the_write(
    service_server: RecordServer, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match="incrementTime") as caught:
        execute(UpdateServiceOperator(task_id="t", service_id=ID, payload={"incrementTime": 60}))
    assert isinstance(caught.value, AirflowFailException)
    assert service_server.methods == ["GET"]


EMPTY: list[Any] = ["", " ", "None", "null", "nan", float("nan"), "NaT", [], False, 0]


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
def test_a_guard_that_rendered_to_nothing_is_refused_before_any_call(
    empty: Any, appointment_server: RecordServer, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match="expected_updated_at: ") as refused:
        execute(update({"state": "confirmed"}, expected_updated_at=empty))
    assert isinstance(refused.value, AirflowFailException)
    assert appointment_server.requests == []


@pytest.mark.parametrize("name", ["expected_updated_at", "fallback_slots"])
def test_an_argument_that_a_template_rendered_to_none_does_not_pass_for_one_left_out(
    name: str, appointment_server: RecordServer, execute: Execute
) -> None:
    operator = update({"start": "2030-03-11T08:00Z", "end": "2030-03-11T08:30Z"}, **{name: "{{ none }}"})
    setattr(operator, name, None)  # as native rendering and an upstream task's output do
    with pytest.raises(errors.OnlivePayloadError, match=f"{name}: "):
        execute(operator)
    assert appointment_server.requests == []


def test_a_guard_that_the_author_left_out_or_wrote_as_none_is_no_guard(
    appointment_server: RecordServer, execute: Execute
) -> None:
    execute(update({"state": "confirmed"}))
    execute(update({"state": "pending"}, expected_updated_at=None, fallback_slots=None))
    assert appointment_server.patches == [{"state": "confirmed"}, {"state": "pending"}]


class MappedTaskInstance(TaskInstance):
    map_index = 0


@pytest.mark.parametrize(
    ("mapped", "is_refused"),
    [
        ({"expected_updated_at": None}, True),
        ({"expected_updated_at": ""}, True),
        ({"expected_updated_at": APPOINTMENT["updatedAt"]}, False),
        ({"fallback_slots": None}, False),
        ({"timezone": "Europe/Madrid"}, False),
    ],
    ids=str,
)
def test_a_mapped_guard_that_came_to_nothing_is_refused(
    mapped: dict[str, Any], is_refused: bool, appointment_server: RecordServer
) -> None:
    with DAG(dag_id="mapped", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        many = UpdateAppointmentOperator.partial(
            task_id="update", appointment_id=ID, payload={"state": "confirmed"}
        ).expand(**{name: [value] for name, value in mapped.items()})
    operator = many.unmap(mapped)
    context: Any = {"ti": MappedTaskInstance()}
    if is_refused:
        with pytest.raises(errors.OnlivePayloadError, match="expected_updated_at: "):
            operator.execute(context)
        assert appointment_server.requests == []
    else:
        operator.execute(context)
        assert appointment_server.patches == [{"state": "confirmed"}]


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"end": "2030-03-10T08:00:00Z"}, "end"),
        ({"end": "2030-03-10T07:00:00Z", "title": "x"}, "end"),
        ({"start": "2030-03-10T09:30:00+01:00"}, "start"),
    ],
    ids=str,
)
def test_an_end_before_the_stored_start_is_refused_before_the_write(
    payload: dict[str, Any], named: str, appointment_server: RecordServer, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match=f"{named}: end would be .*; accepted: an end after the start"):
        execute(update(payload))
    assert [request.method for request in appointment_server.requests] == ["GET"]


def test_an_end_after_the_stored_start_is_sent(appointment_server: RecordServer, execute: Execute) -> None:
    execute(update({"end": "2030-03-10T08:00:00.001Z"}))
    execute(update({"start": "2030-03-09T08:00:00Z", "end": "2030-03-09T09:00:00Z"}))
    appointment_server.record |= {"start": None}
    execute(update({"end": "2030-03-01T08:00:00Z"}))
    assert len(appointment_server.writes) == 3


def test_what_the_server_added_to_a_guest_is_sent_back_with_a_new_one(
    appointment_server: RecordServer, execute: Execute
) -> None:
    held = {"id": "g-1", "email": "ana.lopez@example.com", "status": "accepted", "extraFields": {"phone": None}}
    appointment_server.record |= {"guests": [held]}
    execute(update({"guests": [held]}))
    execute(update({"guests": [*appointment_server.record["guests"], {"email": "ben@example.com"}]}))
    assert appointment_server.patches == [{"guests": [held, {"email": "ben@example.com"}]}]


def test_three_runs_against_a_server_that_adds_members_send_one_write(
    appointment_server: RecordServer, execute: Execute
) -> None:
    serve = appointment_server.otherwise

    def normalizing(request: Any) -> Any:
        answer = serve(request)
        if request.method == "PUT":
            record = appointment_server.record
            record["guests"] = [
                {**guest, "email": guest["email"].strip().lower(), "id": number, "status": "pending"}
                for number, guest in enumerate(reversed(record["guests"]))
            ]
            record["reminders"] = record["reminders"] or []
        return answer

    appointment_server.otherwise = normalizing
    payload = {
        "guests": [
            {"email": "Ana@Example.com"},
            {"email": "ben@dealer.local", "extraFields": {"phone": "+34600000001"}},
        ],
        "reminders": None,
    }
    outcomes = [execute(update(payload))[1]["outcome"] for _ in range(3)]
    assert outcomes == ["updated", "unchanged", "unchanged"]
    assert appointment_server.patches == [payload]
