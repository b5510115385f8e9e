"""Lets a row wait until its announced write is durable: one flush for all rows that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from math import inf

from onlive_provider.bulk.memory import Memory
from onlive_provider.errors import OnliveReportPlaceError

AGAIN_AFTER = (1.0, 3.0)
"""Seconds after which a store that failed is tried again, before the run is given up."""


class Announcer:
    """Flushes a task's memory for the rows of one run, in another thread. For one event loop.

    While one flush is under way, or the memory's pause lasts, further rows gather for the next.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._current: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._ended = -inf

    def flush(self) -> Awaitable[None] | None:
        """Return what to wait for until everything that was announced before is durable, if anything.

        To wait for it raises :class:`OnliveReportPlaceError` where it cannot be made durable, and
        :class:`OnliveReportTakenError` where a later try has taken over.
        """
        if not self._memory.is_flushed:
            return None
        if self._next is None:
            self._next = asyncio.create_task(self._flush_after(self._current))
        return asyncio.shield(self._next)

    def before_write(self) -> Awaitable[None] | None:
        """Return what to wait for right before a write leaves, if anything.

        :raises OnliveReportTakenError: a later try has taken over.
        """
        return None if self._memory.may_write() else self.flush()

    async def _flush_after(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._ended + self._memory.pause - loop.time()))
        self._current, self._next = self._next, None
        try:
            for pause in (*AGAIN_AFTER, None):
                try:
                    return await asyncio.to_thread(self._memory.flush)
                except OnliveReportPlaceError:
                    if pause is None:
                        raise
                    await asyncio.sleep(pause)
        finally:
            self._ended = loop.time()
