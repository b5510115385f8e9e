"""The sensor that waits for an appointment's state."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from onlive_provider.errors import OnliveError
from onlive_provider.hooks.fail_fast import failing_fast, told_again
from onlive_provider.hooks.onlive import OnliveHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

_GRACE = 300.0
"""Seconds after its timeout at which Airflow itself ends a deferred wait, where no triggerer does."""


class AppointmentStateSensor(BaseSensorOperator):
    """Wait until an appointment is in one of some states, such as ``confirmed``. It reads, and never writes.

    Costs one read every ``poke_interval`` seconds, from the reads a minute that all tasks of the access key share. With
    ``deferrable=True`` it waits in the triggerer and takes no worker slot; there, waits for the same appointment share
    their reads, and all waits of a Connection share their connections.

    A read that fails for a reason that may pass (no answer, 429, 5xx) is logged, and the wait goes on. What doing it
    again cannot mend (401, 403, 404, a Connection that cannot be used) fails the task at once, without a retry. So does
    an appointment in one of ``failure_states``, and a deleted one.

    :param appointment_id: UUID of the appointment. (templated)
    :param states: the states to wait for. The API reference shows ``pending`` and ``confirmed`` and gives no list: any
        other text is taken too, unless it looks like a slip of these. A list, or text that holds one. (templated)
    :param failure_states: states that fail the task at once, such as ``("cancelled",)``. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param deferrable: wait in the triggerer; by default what ``[operators] default_deferrable`` says.
    :param poke_interval: seconds from one read to the next; 60 by default. A thousand waits of 60 seconds use up the
        default budget of 1,000 reads a minute.
    :param timeout: seconds after which the task fails, or is skipped with ``soft_fail``; 7 days by default.
    :param mode: ``poke`` or ``reschedule``, for a sensor that is not deferred.
    :return: ``{"id", "state", "updatedAt"}`` of the appointment.
    :raises OnlivePayloadError: an argument cannot be used; every one is named, and no call was made.
    :raises OnliveStatusError: the API refused; 401, 403 and 404 are not retried by Airflow.
    :raises AirflowFailException: the appointment is in one of ``failure_states``, or was deleted.
    :raises AirflowSensorTimeout: it was in none of ``states`` in time.
    """

    template_fields: Sequence[str] = ("onlive_conn_id", "appointment_id", "states", "failure_states")
    template_ext: Sequence[str] = ()
    ui_color = "#e8f3ef"

    def __init__(
        self,
        *,
        appointment_id: str | XComArg,
        states: Sequence[str] | str | XComArg = ("confirmed",),
        failure_states: Sequence[str] | str | XComArg = (),
        onlive_conn_id: str = OnliveHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.appointment_id = appointment_id
        self.states = states
        self.failure_states = failure_states
        self.onlive_conn_id = onlive_conn_id
        self.deferrable = deferrable

    def poke(self, context: Context) -> PokeReturnValue | bool:
        """Read the appointment once, and return whether it is in one of the states."""
        from onlive_provider.models.wait import needed, read_wait, summary

        with failing_fast():
            wait = read_wait(self.appointment_id, self.states, self.failure_states)
        hook = OnliveHook(self.onlive_conn_id)
        with hook.get_conn():
            try:
                found = needed(hook.get_appointment(wait.appointment_id))
            except OnliveError as error:
                if not error.retryable:
                    raise
                self.log.warning("%s The wait goes on.", error)
                return False
        if wait.is_over(found):
            return PokeReturnValue(is_done=True, xcom_value=summary(found))
        if failure := wait.failure(found):
            raise AirflowFailException(failure)
        self.log.info("%s", wait.progress(found))
        return False

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Wait here, or look once and go on waiting in the triggerer."""
        if not self.deferrable:
            done: dict[str, Any] | None = super().execute(context)
            return done
        deadline = _clock().time() + self.timeout
        with self._skipping_softly():
            found = self.poke(context)
        if isinstance(found, PokeReturnValue):
            result: dict[str, Any] | None = found.xcom_value
            return result
        from onlive_provider.models.wait import read_wait
        from onlive_provider.triggers.appointment import AppointmentWaitTrigger

        wait = read_wait(self.appointment_id, self.states, self.failure_states)
        self.defer(
            trigger=AppointmentWaitTrigger(
                appointment_id=wait.appointment_id,
                states=wait.states,
                failure_states=wait.failure_states,
                onlive_conn_id=self.onlive_conn_id,
                poke_interval=self.poke_interval,
                deadline=deadline,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout + _GRACE),
        )
        return None

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Return what the trigger found, or fail with its sentence.

        :raises ValueError: the event is not of this sensor's trigger.
        """
        told = event if isinstance(event, dict) else {}
        with self._skipping_softly(), failing_fast():
            match told:
                case {"status": "reached", "appointment": {"id": _, "state": _, "updatedAt": _} as found}:
                    self.log.info("Appointment %s is %s.", found["id"], found["state"])
                    return dict(found)
                case {"status": "failure_state", "message": str(message)}:
                    raise AirflowFailException(message)
                case {"status": "timeout", "message": str(message)}:
                    raise AirflowSensorTimeout(f"Timed out after {self.timeout:.0f} s. {message}")
                case {"status": "error", "error": str(name), "message": str(message)}:
                    raise told_again(name, message)
        raise ValueError(f"status: {told.get('status')!r} is not an event of this sensor's trigger; clear the task")

    @contextmanager
    def _skipping_softly(self) -> Iterator[None]:
        """Skip the task instead of failing it, where the author asked for that: as Airflow does for a poke."""
        try:
            yield
        except (AirflowFailException, AirflowSensorTimeout) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipped, as configured: {error}") from error
            raise


def _clock() -> Any:
    return OnliveHook.clock or time
