"""Carries out a run in its own thread, so that a signal to the main thread cannot interrupt a record's update."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType

from onlive_provider.bulk.run import BulkRun
from onlive_provider.client.aio import AsyncOnliveClient, WaitingClock
from onlive_provider.client.settings import Settings

GRACE = 3.0
"""Seconds that records in progress may take to finish after a stop: Airflow kills a task five seconds after asking."""

_LAST_WAIT = 1.0
"""Seconds that a cancelled run may take to end. One that a file system holds up may never end."""


class Background:
    """Starts a :class:`BulkRun` when its block is entered. Leaving the block stops the run and waits for its end.

    :param concurrency: how many records are worked on at once.
    :param clock: see :class:`~onlive_provider.client.aio.AsyncOnliveClient`.
    :param grace: seconds, see :data:`GRACE`.
    """

    def __init__(
        self,
        run: BulkRun,
        settings: Settings,
        *,
        concurrency: int,
        clock: WaitingClock | None = None,
        grace: float = GRACE,
    ) -> None:
        self._run = run
        self._settings = settings
        self._concurrency = concurrency
        self._clock = clock
        self._grace = grace
        self._thread = threading.Thread(target=self._main, name="onlive-bulk", daemon=True)
        # Not the thread's own state: an exception in the middle of `Thread.join`, such as the one that Airflow 2.11
        # raises at SIGTERM, makes Python 3.11 take a running thread for an ended one.
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.stop()
        over = self._over.wait(self._grace)
        if not over and self._loop is not None and self._work is not None:
            with suppress(RuntimeError):  # The loop was closed this moment.
                self._loop.call_soon_threadsafe(self._work.cancel)
            self._over.wait(_LAST_WAIT)

    def wait(self, seconds: float) -> bool:
        """Wait for at most this long, and return whether the run is over.

        :raises BaseException: what ended the run, unless that was the end of its input.
        """
        if not self._over.wait(seconds):
            return False
        if self._error is not None:
            raise self._error
        return True

    def _main(self) -> None:
        try:
            asyncio.run(self._work_with_client())
        except BaseException as error:
            self._error = error
        finally:
            self._over.set()

    async def _work_with_client(self) -> None:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.current_task()
        async with AsyncOnliveClient(self._settings, connections=self._concurrency, clock=self._clock) as client:
            await self._run.work(client)
