"""What only an appointment has: conflicts and fallback slots."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from onlive_provider import errors
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from tests.loopback import ID, reply
from tests.operators.conftest import Execute, RecordServer

WANTED = {"start": "2030-03-11T08:00Z", "end": "2030-03-11T08:30Z"}
NINE = {"start": "2030-03-11T09:00Z", "end": "2030-03-11T09:30Z"}
TEN = {"start": "2030-03-11T10:00Z", "end": "2030-03-11T10:30Z"}
CONFLICT = reply(
    409,
    {
        "statusCode": 409,
        "message": "Scheduling conflict",
        "errors": [{"field": "time", "message": "Selected time slot is no longer available"}],
    },
)


def move(**arguments: Any) -> UpdateAppointmentOperator:
    return UpdateAppointmentOperator(task_id="move", **{"appointment_id": ID, "payload": WANTED, **arguments})


def starts(server: RecordServer) -> list[str]:
    return [patch["start"] for patch in server.patches]


def test_a_conflict_fails_the_task_at_once(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_put = [CONFLICT]
    with pytest.raises(errors.OnliveConflictError, match="no longer available") as caught:
        execute(move())
    assert isinstance(caught.value, AirflowFailException)
    assert len(appointment_server.writes) == 1


def test_a_conflict_skips_the_task_when_asked(appointment_server: RecordServer, execute: Any) -> None:
    appointment_server.answers_to_put = [CONFLICT]
    with pytest.raises(AirflowSkipException, match="no longer available"):
        execute(move(on_conflict="skip"))
    assert execute.ti.xcoms["outcome"] == "skipped"


def test_on_not_found_skip_does_not_skip_a_conflict(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_put = [CONFLICT]
    with pytest.raises(errors.OnliveConflictError):
        execute(move(on_not_found="skip"))


def test_on_conflict_skip_does_not_skip_a_missing_record(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_get = [reply(404, {"statusCode": 404, "message": "Appointment not found"})]
    with pytest.raises(errors.OnliveNotFoundError):
        execute(move(on_conflict="skip"))


def test_fallback_slots_are_tried_in_order_after_a_conflict(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_put = [CONFLICT, CONFLICT]
    record, xcoms = execute(move(fallback_slots=[NINE, TEN]))
    assert starts(appointment_server) == [
        "2030-03-11T08:00:00.000Z",
        "2030-03-11T09:00:00.000Z",
        "2030-03-11T10:00:00.000Z",
    ]
    assert record["start"] == "2030-03-11T10:00:00.000Z"
    assert xcoms["change"]["after"]["start"] == "2030-03-11T10:00:00.000Z"


def test_the_wanted_slot_is_tried_first_and_alone_when_it_is_free(
    appointment_server: RecordServer, execute: Execute
) -> None:
    execute(move(fallback_slots='[{"start": "2030-03-11T09:00Z", "end": "2030-03-11T09:30Z"}]'))
    assert starts(appointment_server) == ["2030-03-11T08:00:00.000Z"]


def test_when_every_slot_is_taken_the_conflict_decides(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_put = [CONFLICT, CONFLICT]
    with pytest.raises(AirflowSkipException):
        execute(move(fallback_slots=[NINE], on_conflict="skip"))
    assert len(appointment_server.writes) == 2


def test_a_second_run_leaves_an_appointment_in_its_fallback_slot(
    appointment_server: RecordServer, execute: Execute
) -> None:
    appointment_server.answers_to_put = [CONFLICT]
    execute(move(fallback_slots=[NINE, TEN]))
    _, xcoms = execute(move(fallback_slots=[NINE, TEN]))
    assert xcoms["outcome"] == "unchanged"
    assert len(appointment_server.writes) == 2


def test_times_of_fallback_slots_are_read_in_the_named_zone(appointment_server: RecordServer, execute: Execute) -> None:
    appointment_server.answers_to_put = [CONFLICT]
    slot = {"start": "2030-03-11 11:00", "end": "2030-03-11 11:30"}
    execute(move(timezone="Europe/Madrid", fallback_slots=[slot]))
    assert starts(appointment_server)[-1] == "2030-03-11T10:00:00.000Z"


def test_fallback_slots_without_a_slot_in_the_payload_are_refused(
    appointment_server: RecordServer, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match="fallback_slots: needs `start` and `end` in the payload"):
        execute(move(payload={"start": "2030-03-11T08:00Z"}, fallback_slots=[NINE]))
    assert appointment_server.requests == []
