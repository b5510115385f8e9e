"""The triggers that wait for an appointment's state: the sensor's, and the one that starts DAGs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers import base
from airflow.triggers.base import BaseTrigger, TriggerEvent

from onlive_provider.connection.fields import DEFAULT_CONN_ID
from onlive_provider.errors import OnliveError

if TYPE_CHECKING:
    from airflow.triggers.base import BaseEventTrigger

    from onlive_provider.models.wait import AppointmentWait
else:
    BaseEventTrigger = getattr(base, "BaseEventTrigger", BaseTrigger)  # Airflow 2.11 has none.

_PLACE = "onlive_provider.triggers.appointment"


class AppointmentWaitTrigger(BaseTrigger):
    """Waits, for a deferred sensor, until an appointment is in one of some states, and fires once.

    Its payload has a ``status``: ``reached`` with the ``appointment`` (``{"id", "state", "updatedAt"}``), or
    ``failure_state``, ``timeout`` or ``error`` with a ``message``; ``error`` also names a class of
    :mod:`onlive_provider.errors`.

    :param appointment_id: UUID of the appointment.
    :param states: the states to wait for.
    :param failure_states: states that end the wait at once.
    :param onlive_conn_id: the Connection, of type ``onlive``. The triggerer looks it up: no secret is stored here.
    :param poke_interval: seconds from one read to the next.
    :param deadline: when the wait is over, in seconds since the epoch: the same after a restart of the triggerer.
    """

    def __init__(
        self,
        *,
        appointment_id: str,
        states: Sequence[str],
        failure_states: Sequence[str],
        onlive_conn_id: str,
        poke_interval: float,
        deadline: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.appointment_id = appointment_id
        self.states = states
        self.failure_states = failure_states
        self.onlive_conn_id = onlive_conn_id
        self.poke_interval = poke_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes this trigger of."""
        return f"{_PLACE}.AppointmentWaitTrigger", {
            "appointment_id": self.appointment_id,
            "states": list(self.states),
            "failure_states": list(self.failure_states),
            "onlive_conn_id": self.onlive_conn_id,
            "poke_interval": self.poke_interval,
            "deadline": self.deadline,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        yield TriggerEvent(await self._event())  # type: ignore[no-untyped-call]

    async def _event(self) -> dict[str, Any]:
        from onlive_provider.models.wait import AppointmentWait, summary
        from onlive_provider.triggers.watch import AppointmentWatch

        wait = AppointmentWait(self.appointment_id, tuple(self.states), tuple(self.failure_states))
        progress = f"Appointment {wait.appointment_id} could not be read; {wait}"
        try:
            async with AppointmentWatch(
                self.onlive_conn_id, wait.appointment_id, self.poke_interval, self.log
            ) as watch:
                while True:
                    found = await watch.look(self.deadline)
                    if found is not None:
                        if wait.is_over(found):
                            return {"status": "reached", "appointment": summary(found)}
                        if failure := wait.failure(found):
                            return {"status": "failure_state", "message": failure}
                        if (now := wait.progress(found)) != progress:
                            progress = now
                            self.log.info("%s", progress)
                    if watch.clock.time() >= self.deadline:
                        return {"status": "timeout", "message": progress}
        except OnliveError as error:
            return {"status": "error", "error": type(error).__name__, "message": str(error)}


class AppointmentStateTrigger(BaseEventTrigger):
    """Fires each time an appointment enters one of some states: the trigger of an ``AssetWatcher`` (Airflow 3.0+).

    ::

        Asset("onlive-demo", watchers=[AssetWatcher(name="confirmed", trigger=AppointmentStateTrigger(
            appointment_id="1610c525-f19a-40d0-8cd1-03daba3d2d98"))])

    Its payload is ``{"id", "state", "updatedAt"}``. It fires again only after the appointment was in another state. One
    that already is in one of the states at the first look fires too. What was seen last is kept in the asset's
    state store (Airflow 3.3+); without one, the first look after a restart of the triggerer counts as the first.

    A failing read never ends it. It is logged, and the appointment is read again after ``poke_interval``.

    :param appointment_id: UUID of the appointment.
    :param states: the states to fire for.
    :param onlive_conn_id: the Connection, of type ``onlive``. The triggerer looks it up: no secret is stored here.
    :param poke_interval: seconds from one read to the next, a number.
    """

    def __init__(
        self,
        *,
        appointment_id: str,
        states: Sequence[str] = ("confirmed",),
        onlive_conn_id: str = DEFAULT_CONN_ID,
        poke_interval: float = 60.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.appointment_id = appointment_id
        self.states = states
        self.onlive_conn_id = onlive_conn_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes this trigger of. Airflow stores it when it has parsed the DAG file.

        :raises OnlivePayloadError: naming every argument that cannot be used; Airflow shows it as an import error.
        """
        wait, interval = self._read_arguments()
        return f"{_PLACE}.AppointmentStateTrigger", {
            "appointment_id": wait.appointment_id,
            "states": list(wait.states),
            "onlive_conn_id": self.onlive_conn_id,
            "poke_interval": interval,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire at each entry into one of the states, for as long as somebody listens."""
        from onlive_provider.models.wait import shown, summary
        from onlive_provider.triggers.last_state import LastState
        from onlive_provider.triggers.watch import AppointmentWatch

        wait, interval = self._read_arguments()
        last = LastState(getattr(self, "asset_state_store", None), wait.appointment_id, self.log)
        seen = await last.recall()
        while True:
            watch = AppointmentWatch(self.onlive_conn_id, wait.appointment_id, interval, self.log)
            try:
                async with watch:
                    while True:
                        found = await watch.look()
                        # Not before: an event that was lost with the triggerer must be fired again.
                        await last.keep(seen)
                        if found is None or found["state"] == seen:
                            continue
                        seen = found["state"]
                        self.log.info("Appointment %s is %s", wait.appointment_id, shown(seen))
                        if wait.is_over(found):
                            yield TriggerEvent(summary(found))  # type: ignore[no-untyped-call]
            except Exception as error:  # No task would fail; and text that is not ours may hold a secret.
                told = error if isinstance(error, OnliveError) else f"The watch met an error ({type(error).__name__})."
                self.log.error("%s It is tried again in %.0f s.", told, interval)
                await watch.clock.wait(interval)

    def _read_arguments(self) -> tuple[AppointmentWait, float]:
        from onlive_provider.hooks.arguments import ArgumentReader
        from onlive_provider.models.sentences import parse
        from onlive_provider.models.wait import read_interval, read_wait

        arguments = ArgumentReader()
        wait = arguments.read(lambda: read_wait(self.appointment_id, self.states))
        interval = arguments.read(lambda: parse(read_interval, self.poke_interval, "poke_interval", shown=True))
        arguments.finish()
        assert wait is not None
        assert interval is not None
        return wait, interval
