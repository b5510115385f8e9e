from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.triggers.appointment import AppointmentStateTrigger
from tests.loopback import SECRET, FakeClock, reply
from tests.operators.conftest import connection_to
from tests.triggers.conftest import ONE, UPDATED_AT, Appointments, fire, fired, logged


class Store:
    """An asset's state store, as Airflow 3.3 gives it to a trigger."""

    def __init__(self, *, fails: bool = False) -> None:
        self.kept: dict[str, Any] = {}
        self.history: list[Any] = []
        self.fails = fails

    async def aget(self, key: str, default: Any = None) -> Any:
        if self.fails:
            raise ConnectionError("away")
        return self.kept.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        if self.fails:
            raise ConnectionError("away")
        assert value is not None
        self.kept[key] = value
        self.history.append(value)


def watching(store: Store | None = None, **more: Any) -> AppointmentStateTrigger:
    trigger = AppointmentStateTrigger(**{"appointment_id": ONE} | more)
    trigger.asset_state_store = store
    return trigger


def say(server: Appointments, *states: str) -> None:
    """Let the appointment be in these states, one a read, and in the last one from then on."""

    def on_read() -> None:
        server.states[ONE] = states[min(len(server.reads), len(states)) - 1]

    server.on_read = on_read


def confirmed(state: str = "confirmed") -> dict[str, Any]:
    return {"id": ONE, "state": state, "updatedAt": UPDATED_AT}


class TestTheTriggerThatStartsDags:
    def test_it_fires_at_each_entry_and_never_twice_for_the_same_one(self, appointments: Appointments) -> None:
        say(appointments, "pending", "confirmed", "confirmed", "confirmed", "pending", "confirmed")
        assert fire(watching(), times=2) == [[confirmed(), confirmed()]]
        assert len(appointments.reads) == 6

    def test_going_from_one_of_the_states_to_another_is_an_entry(self, appointments: Appointments) -> None:
        say(appointments, "confirmed", "confirmed", "done")
        assert fire(watching(states=("confirmed", "done")), times=2) == [[confirmed(), confirmed("done")]]

    def test_an_appointment_that_is_confirmed_already_fires_once(self, appointments: Appointments) -> None:
        say(appointments, "confirmed", "confirmed", "confirmed", "pending", "confirmed")
        assert fire(watching(), times=2) == [[confirmed(), confirmed()]]
        assert len(appointments.reads) == 5

    def test_after_a_restart_it_fires_nothing_twice_where_airflow_keeps_the_state(
        self, appointments: Appointments
    ) -> None:
        store = Store()
        say(appointments, "confirmed", "confirmed", "pending", "confirmed")

        async def until_kept() -> list[Any]:
            events = watching(store).run()
            payloads = [(await anext(events)).payload]
            following = asyncio.ensure_future(anext(events))
            while not store.kept:
                await asyncio.sleep(0)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            return payloads

        assert asyncio.run(until_kept()) == [confirmed()]
        before = len(appointments.reads)
        assert before < 3
        assert fire(watching(store)) == [[confirmed()]]
        assert len(appointments.reads) == 4

    def test_an_event_that_was_lost_with_the_triggerer_is_fired_again(self, appointments: Appointments) -> None:
        store = Store()
        appointments.states[ONE] = "confirmed"
        assert fire(watching(store)) == [[confirmed()]]
        assert store.kept == {}
        assert fire(watching(store)) == [[confirmed()]]

    def test_it_goes_on_without_a_state_store_that_cannot_be_used(
        self, appointments: Appointments, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        say(appointments, "confirmed", "pending", "confirmed")
        assert fire(watching(Store(fails=True)), times=2) == [[confirmed(), confirmed()]]
        assert "state store cannot be used (ConnectionError)" in logged(caplog, capsys)

    def test_a_state_that_could_not_be_kept_is_kept_at_the_next_look(self, appointments: Appointments) -> None:
        store = Store(fails=True)
        say(appointments, "confirmed", "confirmed", "confirmed", "pending", "confirmed")

        saying = appointments.on_read

        def on_read() -> None:
            saying()
            store.fails = len(appointments.reads) < 3

        appointments.on_read = on_read
        assert fire(watching(store), times=2) == [[confirmed(), confirmed()]]
        assert store.history == ["confirmed", "pending"]

    def test_an_error_that_nobody_foresaw_is_logged_without_its_text_and_does_not_end_it(
        self,
        appointments: Appointments,
        clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        denials = iter([PermissionError(SECRET)])  # As a secrets backend raises one that denies access.
        look_up = BaseHook.get_connection

        def denied_once(conn_id: str) -> Any:
            for denial in denials:
                raise denial
            return look_up(conn_id)

        monkeypatch.setattr(BaseHook, "get_connection", staticmethod(denied_once))
        appointments.states[ONE] = "confirmed"
        assert fire(watching()) == [[confirmed()]]
        log = logged(caplog, capsys)
        assert "The watch met an error (PermissionError). It is tried again in 60 s." in log
        assert SECRET not in log

    @pytest.mark.parametrize("status", [401, 403, 404, 503])
    def test_no_answer_ends_it(self, appointments: Appointments, clock: FakeClock, status: int) -> None:
        appointments.answers[ONE] = [reply(status, {"statusCode": status, "message": "no"})] * 12
        appointments.states[ONE] = "confirmed"
        begin = clock.time()
        assert fire(watching(poke_interval=600.0)) == [[confirmed()]]
        assert clock.time() - begin > 600

    def test_a_connection_that_appears_later_is_used(
        self, appointments: Appointments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        appointments.states[ONE] = "confirmed"

        async def run() -> Any:
            events = asyncio.ensure_future(fired(watching(onlive_conn_id="onlive_later").run(), 1))
            while not clock.waits:
                await asyncio.sleep(0.01)
            monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_LATER", connection_to(appointments))
            return await events

        assert asyncio.run(run()) == [confirmed()]

    def test_what_is_stored_of_it_makes_the_same_one_again(self) -> None:
        where, arguments = watching(states=("confirmed", "done"), poke_interval=300).serialize()
        assert where == "onlive_provider.triggers.appointment.AppointmentStateTrigger"
        again = AppointmentStateTrigger(**json.loads(json.dumps(arguments)))
        assert again.serialize() == (where, arguments)
        assert arguments["states"] == ["confirmed", "done"]

    def test_what_cannot_be_used_is_refused_before_it_is_stored(self) -> None:
        wrong = watching(appointment_id="1", states="confirmed", poke_interval=0)
        with pytest.raises(OnlivePayloadError) as caught:
            wrong.serialize()
        assert [error.field for error in caught.value.errors] == ["appointment_id", "states", "poke_interval"]

    @pytest.mark.parametrize("interval", [timedelta(minutes=5), 0, -1, "60", None, True, nan, inf])
    def test_an_interval_that_is_no_number_of_seconds_is_refused(self, interval: Any) -> None:
        with pytest.raises(OnlivePayloadError, match=r"poke_interval: got .*; accepted: a number of seconds"):
            watching(poke_interval=interval).serialize()

    def test_it_can_be_an_assets_watcher_where_airflow_has_them(self) -> None:
        try:
            from airflow.sdk import Asset, AssetWatcher
        except ImportError:
            pytest.skip("Airflow has no watchers before 3.0")
        Asset("onlive-demo", watchers=[AssetWatcher(name="confirmed", trigger=watching())])
