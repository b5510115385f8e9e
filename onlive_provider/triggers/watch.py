"""One trigger's watch over one appointment: it looks, waits, and looks again."""

from __future__ import annotations

import logging
import random
from contextlib import AsyncExitStack
from math import inf
from types import TracebackType
from typing import Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from asgiref.sync import sync_to_async

from onlive_provider.client.aio import WaitingClock
from onlive_provider.client.settings import Settings
from onlive_provider.errors import OnliveConfigError
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.triggers.reads import AppointmentReads, shared_reads

_LATE = 60.0
"""Seconds by which a look may begin too late, where many wait for their turn: Airflow ends a wait soon after that."""
_LOOK_UPS = 5
_LOOK_UP_PAUSE = 15.0
"""Seconds from one look-up of a Connection that is not found to the next. Airflow says "not found" of every Connection
while its server or a secrets backend is away, and after a triggerer's restart all waits look theirs up."""


class AppointmentWatch:
    """Looks at an appointment at an interval. Use it in an ``async with`` block.

    Its first look comes after a random part of the interval, so that those of a thousand triggers that a triggerer
    starts together do not come together.

    :param interval: seconds from one look to the next; a look of another trigger at the same appointment counts.
    :param log: of the trigger.
    :raises OnliveConfigError: the triggerer does not find the Connection, or a field of it cannot be used.
    """

    def __init__(self, onlive_conn_id: str, appointment_id: str, interval: float, log: Any) -> None:
        self._conn_id = onlive_conn_id
        self._id = appointment_id
        self._interval = interval
        self._log: logging.Logger = log
        self._stack = AsyncExitStack()
        self.clock: WaitingClock = OnliveHook.clock or WaitingClock()
        self._settings: Settings
        self._reads: AppointmentReads
        self._seen = self.clock.monotonic()
        self._next = self._seen + random.random() * interval

    async def __aenter__(self) -> AppointmentWatch:
        self._settings = await self._read_settings()
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def look(self, until: float = inf) -> dict[str, Any] | None:
        """Wait for the time of the next look, and return the appointment.

        :param until: seconds since the epoch; the look is not later, unless the budget makes it wait.
        :return: the fields that a wait needs; ``None`` if the read failed for a reason that may pass, or if its turn
            came a minute too late.
        :raises OnliveError: the read failed, and doing it again cannot help.
        """
        pause = min(self._next - self.clock.monotonic(), until - self.clock.time())
        if pause > 0.0:
            await self.clock.wait(pause)
        look = await self._reads.look(self._seen, max(until, self.clock.time()) + _LATE)
        if look is None:
            return None
        self._seen, self._next = look.at, look.at + self._interval
        if look.error is None:
            return look.appointment
        if not look.error.retryable and not (look.error.concerns_all and await self._reconnect()):
            raise look.error
        self._log.warning("%s It is read again in %.0f s.", look.error, self._interval)
        return None

    async def _open(self) -> None:
        shared = await self._stack.enter_async_context(shared_reads(self._settings, self.clock))
        self._reads = shared.of(self._id)

    async def _reconnect(self) -> bool:
        """Look the Connection up again, and return whether it has changed: a key may be renewed during a long wait."""
        settings = await self._read_settings()
        if settings == self._settings:
            return False
        await self._stack.aclose()
        self._settings = settings
        await self._open()
        self._log.info("The Connection %s has changed since this wait began; going on with the new one.", self._conn_id)
        return True

    async def _read_settings(self) -> Settings:
        """Look the Connection up in a thread: on many Airflows it blocks, and so would a Connection to Redis."""
        for left in reversed(range(_LOOK_UPS)):
            try:
                return await sync_to_async(OnliveHook(self._conn_id).get_settings)()
            except AirflowNotFoundException:
                if left:
                    again = "The Connection %s is not found; it is looked up again in %.0f s."
                    self._log.warning(again, self._conn_id, _LOOK_UP_PAUSE)
                    await self.clock.wait(_LOOK_UP_PAUSE)
        raise OnliveConfigError(
            "onlive_conn_id",
            f"{self._conn_id!r} is not a Connection that the triggerer finds; accepted: one that it finds as the "
            "workers do, so no environment variable of the workers alone",
        )
