from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import pytest
from airflow.exceptions import AirflowException
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from onlive_provider.errors import OnliveConfigError, OnliveForbiddenError, OnliveNotFoundError, OnlivePayloadError
from onlive_provider.sensors.appointment import AppointmentStateSensor
from onlive_provider.triggers.appointment import AppointmentWaitTrigger
from tests.loopback import ID, SECRET, FakeClock, reply
from tests.operators.conftest import RecordServer

CONFIRMED = {"id": ID, "state": "confirmed", "updatedAt": "2025-03-09T19:32:06.669Z"}
REFUSED = {"statusCode": 403, "message": "not yours"}


class TaskInstance:
    """What Airflow gives a sensor in the mode ``reschedule``."""

    map_index = -1

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        return None


def sensor(**more: Any) -> AppointmentStateSensor:
    return AppointmentStateSensor(**{"task_id": "wait", "appointment_id": ID, "poke_interval": 0} | more)


def deferred(**more: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        sensor(deferrable=True, **more).execute({})
    return caught.value


def confirm(server: RecordServer) -> None:
    server.record["state"] = "confirmed"


def test_it_pokes_until_the_appointment_is_confirmed_and_returns_no_guests_data(
    appointment_server: RecordServer,
) -> None:
    pending = reply(200, appointment_server.record)
    appointment_server.answers_to_get += [pending, pending]
    confirm(appointment_server)
    assert sensor().execute({}) == CONFIRMED
    assert appointment_server.methods == ["GET"] * 3


def test_in_the_mode_reschedule_it_gives_its_slot_back_after_each_read(appointment_server: RecordServer) -> None:
    pytest.importorskip("airflow.sdk", reason="Airflow 2.11 asks its database when the sensor began")
    with pytest.raises(AirflowException) as caught:
        sensor(mode="reschedule", poke_interval=90).execute({"ti": TaskInstance()})
    assert type(caught.value).__name__ == "AirflowRescheduleException"
    confirm(appointment_server)
    assert sensor(mode="reschedule").execute({"ti": TaskInstance()}) == CONFIRMED
    assert appointment_server.methods == ["GET"] * 2


def test_a_deferrable_one_that_need_not_wait_is_not_deferred(appointment_server: RecordServer) -> None:
    confirm(appointment_server)
    assert sensor(deferrable=True).execute({}) == CONFIRMED


def test_a_deferrable_one_tells_its_trigger_a_deadline_and_no_secret(
    appointment_server: RecordServer, clock: FakeClock
) -> None:
    told = deferred(timeout=3600, poke_interval=90, failure_states=["cancelled"])
    trigger = told.trigger
    assert isinstance(trigger, AppointmentWaitTrigger)
    where, arguments = trigger.serialize()
    assert where == "onlive_provider.triggers.appointment.AppointmentWaitTrigger"
    assert arguments == {
        "appointment_id": ID,
        "states": ["confirmed"],
        "failure_states": ["cancelled"],
        "onlive_conn_id": "onlive_default",
        "poke_interval": 90.0,
        "deadline": clock.time() + 3600,
    }
    assert told.timeout.total_seconds() > 3600
    assert SECRET not in repr(trigger)
    assert AppointmentWaitTrigger(**arguments).serialize() == (where, arguments)


@pytest.mark.parametrize("deferrable", [True, False])
def test_it_fails_at_once_in_a_failure_state(appointment_server: RecordServer, deferrable: bool) -> None:
    appointment_server.record["state"] = "cancelled"
    with pytest.raises(AirflowFailException, match='is "cancelled", one of failure_states'):
        sensor(failure_states=("cancelled",), deferrable=deferrable).execute({})


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize(("status", "kind"), [(403, OnliveForbiddenError), (404, OnliveNotFoundError)])
def test_what_a_retry_cannot_mend_fails_it_at_once(
    appointment_server: RecordServer, deferrable: bool, status: int, kind: type[Exception]
) -> None:
    appointment_server.answers_to_get.append(reply(status, {"statusCode": status, "message": "no"}))
    with pytest.raises(kind) as caught:
        sensor(deferrable=deferrable).execute({})
    assert isinstance(caught.value, AirflowFailException)
    assert len(appointment_server.requests) == 1


def test_a_server_that_fails_for_a_while_does_not_end_the_wait(
    appointment_server: RecordServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    appointment_server.answers_to_get += [reply(503, {"statusCode": 503, "message": "down"})] * 5
    confirm(appointment_server)
    with caplog.at_level(logging.WARNING):
        assert sensor().execute({}) == CONFIRMED
    assert "The wait goes on." in caplog.text + capsys.readouterr().out  # Airflow 3 writes, 2.11 logs.
    assert len(appointment_server.requests) == 6


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_server_that_fails_at_the_first_read_does_not_end_the_wait_either(
    appointment_server: RecordServer, deferrable: bool
) -> None:
    appointment_server.otherwise = reply(503, {"statusCode": 503, "message": "down"})
    expected = TaskDeferred if deferrable else AirflowSensorTimeout
    with pytest.raises(expected):
        sensor(deferrable=deferrable, timeout=0).execute({})


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("asked", ["soft_fail", "never_fail"])
def test_it_is_skipped_where_the_author_asked_for_that(
    appointment_server: RecordServer, deferrable: bool, asked: str
) -> None:
    appointment_server.answers_to_get.append(reply(403, REFUSED))
    with pytest.raises(AirflowSkipException):
        sensor(deferrable=deferrable, **{asked: True}).execute({})


@pytest.mark.parametrize("deferrable", [True, False])
def test_arguments_that_cannot_be_used_are_refused_before_any_call(
    appointment_server: RecordServer, deferrable: bool
) -> None:
    with pytest.raises(OnlivePayloadError) as caught:
        sensor(appointment_id="None", states=["confirmd"], deferrable=deferrable).execute({})
    assert isinstance(caught.value, AirflowFailException)
    assert "appointment_id: got str" in str(caught.value)
    assert "states[0]: got str 'confirmd'; accepted: \"confirmed\"" in str(caught.value)
    assert appointment_server.requests == []


def test_a_connection_that_cannot_be_used_fails_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", '{"conn_type": "onlive", "login": "AKID"}')
    with pytest.raises(OnliveConfigError, match="password: is empty") as caught:
        sensor(deferrable=True).execute({})
    assert isinstance(caught.value, AirflowFailException)


def test_every_argument_that_names_something_is_a_template() -> None:
    made = sensor(
        appointment_id="{{ ids[0] }}",
        states="{{ wanted }}",
        failure_states=["{{ bad }}"],
        onlive_conn_id="onlive_{{ env }}",
    )
    made.render_template_fields({"ids": [ID], "wanted": ["done", "over"], "bad": "lost", "env": "test"})
    assert (made.appointment_id, made.onlive_conn_id) == (ID, "onlive_test")
    assert (made.states, made.failure_states) == ("['done', 'over']", ["lost"])


class TestWhatItMakesOfAnEvent:
    def test_a_reached_state_is_its_result(self) -> None:
        assert sensor().execute_complete({}, {"status": "reached", "appointment": CONFIRMED}) == CONFIRMED

    def test_a_failure_state_fails_it_without_a_retry(self) -> None:
        with pytest.raises(AirflowFailException, match="is gone"):
            sensor().execute_complete({}, {"status": "failure_state", "message": "is gone"})

    def test_a_timeout_is_one_and_tells_what_was_seen_last(self) -> None:
        with pytest.raises(AirflowSensorTimeout, match=r"^Timed out after 60 s. It is pending"):
            sensor(timeout=60).execute_complete({}, {"status": "timeout", "message": "It is pending"})

    def test_an_error_of_the_trigger_keeps_its_class_and_its_sentence(self) -> None:
        event = {"status": "error", "error": "OnliveForbiddenError", "message": "GET /x: refused. Ask."}
        with pytest.raises(OnliveForbiddenError) as caught:
            sensor().execute_complete({}, event)
        assert str(caught.value) == "GET /x: refused. Ask."
        assert isinstance(caught.value, AirflowFailException)

    @pytest.mark.parametrize("status", ["failure_state", "timeout", "error"])
    @pytest.mark.parametrize("asked", ["soft_fail", "never_fail"])
    def test_it_is_skipped_where_the_author_asked_for_that(self, status: str, asked: str) -> None:
        event = {"status": status, "error": "OnliveForbiddenError", "message": "refused"}
        with pytest.raises(AirflowSkipException, match="refused"):
            sensor(**{asked: True}).execute_complete({}, event)

    @pytest.mark.parametrize(
        "event",
        [
            None,
            {},
            "reached",
            {"status": "reached"},
            {"status": "reached", "appointment": {"id": ID}},
            {"status": "error", "error": "SystemExit", "message": "x"},
            {"status": "error", "error": "__name__", "message": "x"},
            {"status": "new one"},
        ],
    )
    def test_anything_else_is_refused_and_may_be_retried(self, event: Any) -> None:
        with pytest.raises(ValueError, match=r"is not an event|is not a class") as caught:
            sensor().execute_complete({}, event)
        assert not isinstance(caught.value, AirflowFailException)
