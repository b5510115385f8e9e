from __future__ import annotations

import asyncio
import gc
import json
from collections import Counter
from typing import Any

import pytest

from onlive_provider.triggers import reads
from onlive_provider.triggers.appointment import AppointmentWaitTrigger
from tests.loopback import SECRET, FakeClock, reply
from tests.operators.conftest import connection_to
from tests.triggers.conftest import ONE, UPDATED_AT, Appointments, fire, fired, logged, uuid

DAY = 86_400.0


def waiting(clock: FakeClock, number: int = 1, **more: Any) -> AppointmentWaitTrigger:
    return AppointmentWaitTrigger(
        **{
            "appointment_id": uuid(number),
            "states": ["confirmed"],
            "failure_states": ["cancelled"],
            "onlive_conn_id": "onlive_default",
            "poke_interval": 60.0,
            "deadline": clock.time() + 2 * DAY,
        }
        | more
    )


def reached(number: int = 1, state: str = "confirmed") -> dict[str, Any]:
    return {"status": "reached", "appointment": {"id": uuid(number), "state": state, "updatedAt": UPDATED_AT}}


def confirm_at(server: Appointments, read: int, record_id: str = ONE) -> None:
    """Let an appointment be confirmed when it is read for this time."""

    def on_read() -> None:
        if len(server.reads_of(record_id)) == read:
            server.states[record_id] = "confirmed"

    server.on_read = on_read


class TestTheSensorsTrigger:
    def test_it_reads_at_its_interval_until_the_appointment_is_confirmed(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        confirm_at(appointments, 4)
        begin = clock.time()
        assert fire(waiting(clock)) == [[reached()]]
        first, *later = appointments.reads_of(ONE)
        assert begin <= first <= begin + 60
        assert [round(each - first) for each in later] == [60, 120, 180]

    def test_its_event_and_what_it_is_made_of_hold_no_secret_and_no_guests_data(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        confirm_at(appointments, 1)
        trigger = waiting(clock)
        shown = json.dumps([trigger.serialize(), fire(trigger)]) + repr(trigger)
        assert not {SECRET, "ana.lopez@example.com", "+34600000001"} & set(json.dumps(shown).split('"'))
        assert SECRET not in shown
        assert "ana.lopez" not in shown

    def test_it_ends_at_once_in_a_failure_state(self, appointments: Appointments, clock: FakeClock) -> None:
        appointments.states[ONE] = "cancelled"
        ((event,),) = fire(waiting(clock))
        assert event["status"] == "failure_state"
        assert event["message"].startswith(f'Appointment {ONE} is "cancelled", one of failure_states')

    def test_a_failing_server_does_not_end_a_wait_of_two_days(
        self,
        appointments: Appointments,
        clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        down = reply(503, {"statusCode": 503, "message": "down"})
        appointments.answers[ONE] = [down] * 25
        confirm_at(appointments, 26)
        with caplog.at_level("INFO"):
            assert fire(waiting(clock)) == [[reached()]]
        assert "the server answered 503" in logged(caplog, capsys)

    @pytest.mark.parametrize(
        ("status", "name"),
        [(401, "OnliveUnauthorizedError"), (403, "OnliveForbiddenError"), (404, "OnliveNotFoundError")],
    )
    def test_what_reading_again_cannot_mend_ends_it_at_once(
        self, appointments: Appointments, clock: FakeClock, status: int, name: str
    ) -> None:
        appointments.answers[ONE] = [reply(status, {"statusCode": status, "message": "no"})]
        ((event,),) = fire(waiting(clock))
        assert (event["status"], event["error"]) == ("error", name)
        assert event["message"].startswith(f'GET /api/v1/appointments/{ONE}: the server answered {status}: "no"')
        assert len(appointments.reads) == 1

    def test_a_key_that_was_renewed_during_the_wait_does_not_end_it(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def on_read() -> None:
            if len(appointments.reads) == 2:
                appointments.answers[ONE] = [reply(401, {"statusCode": 401, "message": "no such key"})]
                monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(appointments))
            elif len(appointments.reads) == 3:
                appointments.states[ONE] = "confirmed"

        appointments.on_read = on_read
        assert fire(waiting(clock)) == [[reached()]]
        keys = [request.header("Authorization").partition(",")[0] for request in appointments.requests]
        assert keys[0] == keys[1] != keys[2]

    def test_at_its_deadline_it_looks_once_more_and_tells_what_it_saw(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        deadline = clock.time() + 600
        ((event,),) = fire(waiting(clock, poke_interval=3600.0, deadline=deadline))
        assert event == {"status": "timeout", "message": f'Appointment {ONE} is "pending"; waiting for "confirmed"'}
        assert max(appointments.reads_of(ONE)) == pytest.approx(deadline, abs=1)

    def test_a_confirmation_that_the_last_look_sees_is_no_timeout(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        appointments.states[ONE] = "confirmed"
        assert fire(waiting(clock, deadline=clock.time() - DAY)) == [[reached()]]

    def test_a_restart_keeps_the_deadline(self, appointments: Appointments, clock: FakeClock) -> None:
        before = waiting(clock, deadline=clock.time() + 600)
        clock.move(500)
        _, arguments = before.serialize()
        after = AppointmentWaitTrigger(**json.loads(json.dumps(arguments)))
        ((event,),) = fire(after)
        assert event["status"] == "timeout"
        assert clock.time() == pytest.approx(before.deadline, abs=1)

    def test_a_connection_that_only_the_workers_have_is_named(
        self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ((event,),) = fire(waiting(clock, onlive_conn_id="onlive_of_the_workers"))
        assert (event["status"], event["error"]) == ("error", "OnliveConfigError")
        assert event["message"].startswith(
            "onlive_conn_id: 'onlive_of_the_workers' is not a Connection that the triggerer"
        )

    def test_a_connection_that_airflow_does_not_find_for_a_while_does_not_end_it(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        appointments.states[ONE] = "confirmed"

        async def run() -> Any:
            event = asyncio.ensure_future(fired(waiting(clock, onlive_conn_id="onlive_away").run(), 1))
            while len(clock.waits) < 3 and not event.done():
                await asyncio.sleep(0.001)
            monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_AWAY", connection_to(appointments))
            return await event

        assert asyncio.run(run()) == [reached()]

    def test_a_connection_that_cannot_be_used_ends_it(self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", '{"conn_type": "onlive", "login": "AKID"}')
        ((event,),) = fire(waiting(clock))
        assert (event["error"], event["message"].partition(";")[0]) == ("OnliveConfigError", "password: is empty")


class TestManyInOneLoop:
    def test_they_share_their_connections_and_close_them_with_the_last(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        numbers = range(40)

        def on_read() -> None:
            counts = Counter(record_id for _, record_id in list(appointments.reads))
            appointments.states |= {record_id: "confirmed" for record_id, count in counts.items() if count >= 2}

        appointments.on_read = on_read

        complaints: list[Any] = []

        async def run() -> list[list[Any]]:
            # aiohttp tells the loop of a session that nobody has closed.
            asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
            events = await asyncio.gather(*(fired(waiting(clock, number).run(), 1) for number in numbers))
            gc.collect()
            return events

        events = asyncio.run(run())
        assert events == [[reached(number)] for number in numbers]
        assert appointments.connections <= 8
        assert reads._shared == {}
        assert complaints == []

    def test_they_keep_to_the_budget_and_each_gets_its_turn(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(appointments, reads_per_minute=10))
        numbers = range(24)
        seen: list[list[int]] = []

        def on_read() -> None:
            counts = Counter(record_id for _, record_id in list(appointments.reads))
            if len(appointments.reads) > 96 and not seen:
                seen.append([counts[uuid(number)] for number in numbers])
                appointments.states |= {uuid(number): "confirmed" for number in numbers}

        appointments.on_read = on_read
        events = fire(*(waiting(clock, number, poke_interval=5.0) for number in numbers))
        assert events == [[reached(number)] for number in numbers]
        times = [at for at, _ in appointments.reads]
        busiest = max(sum(begin <= at < begin + 60 for at in times) for begin in times)
        assert busiest <= 10
        ((fewest, most),) = [(min(counts), max(counts)) for counts in seen]
        assert most - fewest <= 2

    def test_those_whose_last_look_would_come_late_end_before_airflow_ends_them(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(appointments, reads_per_minute=5))
        deadline = clock.time() + 600
        late: list[float] = []

        async def one(number: int) -> dict[str, Any]:
            ((event),) = await fired(waiting(clock, number, deadline=deadline).run(), 1)
            late.append(clock.time() - deadline)
            return dict(event)

        async def run() -> list[dict[str, Any]]:
            return await asyncio.gather(*(one(number) for number in range(60)))

        events = asyncio.run(run())
        assert {event["message"].partition("; ")[0] for event in events} == {
            f'Appointment {uuid(number)} is "pending"' for number in range(60)
        }
        assert 0 <= min(late) <= max(late) < 300

    def test_those_that_wait_for_the_same_appointment_share_its_reads(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        confirm_at(appointments, 10)
        assert fire(*(waiting(clock) for _ in range(20))) == [[reached()]] * 20
        # Each makes its first look within a minute of its own; from then on one read a minute is enough for all.
        assert len(appointments.reads) == 10
        first, *_, last = appointments.reads_of(ONE)
        assert last - first >= 4 * 60

    def test_a_task_of_the_same_key_waits_behind_no_more_than_the_reads_under_way(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from onlive_provider.client.budget.scope import open_budgets
        from onlive_provider.hooks.onlive import OnliveHook

        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(appointments, reads_per_minute=10))
        budget = open_budgets(OnliveHook().get_settings()).reads
        most = 0

        def on_read() -> None:
            nonlocal most
            most = max(most, budget.usage(clock.monotonic).waiting)
            if len(appointments.reads) > 48:
                appointments.states |= {uuid(number): "confirmed" for number in range(24)}

        appointments.on_read = on_read
        fire(*(waiting(clock, number, poke_interval=5.0) for number in range(24)))
        assert 0 < most <= 8

    def test_one_that_is_cancelled_while_it_reads_leaves_the_others_their_read(
        self, appointments: Appointments, clock: FakeClock
    ) -> None:
        confirm_at(appointments, 3)

        async def run() -> Any:
            tasks = [asyncio.create_task(fired(waiting(clock).run(), 1)) for _ in range(3)]
            loop = asyncio.get_running_loop()
            confirming = appointments.on_read

            def on_read() -> None:
                confirming()
                if len(appointments.reads) == 1:
                    loop.call_soon_threadsafe(tasks[0].cancel)

            appointments.on_read = on_read
            return await asyncio.gather(*tasks, return_exceptions=True)

        first, *others = asyncio.run(run())
        assert isinstance(first, asyncio.CancelledError) or first == [reached()]
        assert others == [[reached()]] * 2
        assert reads._shared == {}

    def test_other_connections_have_their_own(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", connection_to(appointments))
        confirm_at(appointments, 4)
        assert fire(waiting(clock), waiting(clock, onlive_conn_id="other")) == [[reached()]] * 2
        keys = {request.header("Authorization").partition(",")[0] for request in appointments.requests}
        assert len(keys) == 2
