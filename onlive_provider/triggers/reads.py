"""The reads of all triggers in one event loop: one client for a Connection, one read for all who wait for a record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from onlive_provider.client.aio import AsyncOnliveClient, WaitingClock
from onlive_provider.client.settings import Settings
from onlive_provider.client.steps import Flow
from onlive_provider.errors import OnliveError
from onlive_provider.models.fields import APPOINTMENT
from onlive_provider.models.wait import needed

CONNECTIONS = 8
"""Reads that are under way or wait for their turn in the budget. A task with the same key waits behind no more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one read found: an appointment or an error.

    :param at: when it was over, in seconds of the client's monotonic clock.
    :param appointment: what a wait needs of it.
    """

    at: float
    appointment: dict[str, Any] | None = None
    error: OnliveError | None = None


class AppointmentReads:
    """The reads of one appointment. Whoever asks while another one reads gets that one's answer."""

    def __init__(self, client: AsyncOnliveClient, appointment_id: str) -> None:
        self._client = client
        self._id = appointment_id
        self._reading = asyncio.Lock()
        self._last: Look | None = None

    async def look(self, newer_than: float, until: float) -> Look | None:
        """Return the last look if it is newer than this, or else read.

        :param newer_than: seconds of the client's monotonic clock.
        :param until: seconds since the epoch; no read begins later.
        :return: ``None`` if the turn to read came too late.
        """
        async with self._reading:
            if self._last is None or self._last.at <= newer_than:
                look = await self._read(until)
                if look is None:
                    return None
                self._last = look
            return self._last

    async def _read(self, until: float) -> Look | None:
        flows = self._client.flows
        try:
            record = await self._client.run(self._reading_until(until))
        except OnliveError as error:
            # Its frames hold the answer, and this outlives the read.
            return Look(flows.clock.monotonic(), error=error.with_traceback(None))
        return None if record is None else Look(flows.clock.monotonic(), needed(record))

    def _reading_until(self, until: float) -> Flow[dict[str, Any] | None]:
        """A flow begins when its turn comes, which may be long after it was asked for."""
        flows = self._client.flows
        if flows.clock.time() > until:
            return None
        return (yield from flows.read(APPOINTMENT, self._id))


class SharedReads:
    """All reads with one Connection's settings in one event loop."""

    def __init__(self, client: AsyncOnliveClient) -> None:
        self.client = client
        self.users = 0
        self._appointments: WeakValueDictionary[str, AppointmentReads] = WeakValueDictionary()

    def of(self, appointment_id: str) -> AppointmentReads:
        """Return the reads of an appointment, which all who hold them share."""
        reads = self._appointments.get(appointment_id)
        if reads is None:
            reads = self._appointments[appointment_id] = AppointmentReads(self.client, appointment_id)
        return reads


_shared: dict[tuple[asyncio.AbstractEventLoop, Settings], SharedReads] = {}


@asynccontextmanager
async def shared_reads(settings: Settings, clock: WaitingClock | None) -> AsyncIterator[SharedReads]:
    """Give the reads that all in this event loop share who have the same settings. The last one closes the client.

    :param clock: of the client, if this is the first one.
    :raises OnliveConfigError: the environment's proxy or CA bundle cannot be used; or OnliveTlsError.
    """
    key = asyncio.get_running_loop(), settings
    if key not in _shared:
        client = AsyncOnliveClient(settings, connections=CONNECTIONS, clock=clock)
        await client.__aenter__()
        _shared[key] = SharedReads(client)
    shared = _shared[key]
    shared.users += 1
    try:
        yield shared
    finally:
        shared.users -= 1
        if not shared.users:
            del _shared[key]
            await shared.client.__aexit__(None, None, None)
