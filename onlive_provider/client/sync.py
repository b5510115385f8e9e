"""The client for threads: the flows on connections that an event loop in a thread of its own looks after."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from onlive_provider.client.budget.scope import open_budgets
from onlive_provider.client.flows import Flows
from onlive_provider.client.listing import ServiceListing
from onlive_provider.client.patience import Clock
from onlive_provider.client.protocol import Answer, Call, Failure
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.steps import Flow, Note, Send, Wait
from onlive_provider.client.transport import Transport
from onlive_provider.client.updates import Update, Updated, update
from onlive_provider.models.fields import APPOINTMENT, SERVICE

T = TypeVar("T")
log = logging.getLogger(__name__)


class SleepingClock(Clock):
    """The machine's clock, and a thread's sleep."""

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)


class OnliveClient:
    """The Onlive API for one Connection: signed, paced and retried calls. Close it, or use it in a ``with`` block.

    :param settings: how to reach the API.
    :param clock: where the time comes from and how a thread waits.
    :param random: evenly distributed in [0, 1), for the jitter of a back-off.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: SleepingClock | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock or SleepingClock()
        self._flows = Flows(settings, open_budgets(settings), self._clock, random)
        self._connections = _Connections(Transport(settings))
        self._close = weakref.finalize(self, self._connections.close)

    def __repr__(self) -> str:
        return f"OnliveClient({self._settings.base_url})"

    def __enter__(self) -> OnliveClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """Scheme, host and optional port of the API."""
        return self._settings.base_url

    def close(self) -> None:
        """Close the connections, and end their thread."""
        self._close()

    def get_appointment(self, appointment_id: str) -> dict[str, Any]:
        """Return an appointment as the API answers it. One read.

        :raises OnliveNotFoundError: there is none with this id.
        """
        return self._run(self._flows.read(APPOINTMENT, appointment_id))

    def get_service(self, service_id: str) -> dict[str, Any]:
        """Return a service as the API answers it. One read.

        :raises OnliveNotFoundError: there is none with this id.
        """
        return self._run(self._flows.read(SERVICE, service_id))

    def put_appointment(self, appointment_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Send a patch as it is and return the API's answer. One write, and it notifies the guests.

        :param patch: plain JSON with the API's field names, times in UTC.
        """
        return self._run(self._flows.write(APPOINTMENT, appointment_id, patch, None))

    def put_service(self, service_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Send a patch as it is and return the API's answer. One write.

        :param patch: plain JSON with the API's field names, times in UTC.
        """
        return self._run(self._flows.write(SERVICE, service_id, patch, None))

    def update(self, wanted: Update) -> Updated:
        """Read, compare, and send only what changes. One read, and one write if anything differs."""
        return self._run(update(self._flows, wanted))

    def iter_services(self, **filters: str) -> Iterator[dict[str, Any]]:
        """Yield every service of the organization, page by page. One read per 20 services.

        :param filters: the list's documented filters: ``userGroupId``, ``search`` (in the name), ``typeId``, ``name``
            (exact), ``startDate`` and ``endDate`` (by availability).
        :raises OnlivePayloadError: a filter that the API does not document.
        """
        listing = ServiceListing(filters)
        while (query := listing.next_query()) is not None:
            yield from listing.read(self._run(self._flows.page(SERVICE, query)))

    def probe(self) -> None:
        """Make one signed, read-only call.

        :raises OnliveError: the Connection does not work.
        """
        self._run(self._flows.probe())

    def attempt(self, call: Call, profile: SigningProfile) -> Answer | Failure:
        """Make a call once, within the budget, signed with a profile that need not be the Connection's.

        :return: what came back, a refusal too: nothing is raised and nothing is sent again.
        """
        return self._run(self._flows.attempt(call, profile))

    def _run(self, flow: Flow[T]) -> T:
        outcome: Answer | Failure | None = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            outcome = None
            if isinstance(step, Send):
                outcome = self._connections.exchange(step)
            elif isinstance(step, Wait):
                log.info("%s; waiting %.1f s", step.why, step.seconds)
                self._clock.sleep(step.seconds)
            elif isinstance(step, Note):
                for line in step.lines():
                    log.info("%s", line)


class _Connections:
    """A transport and its event loop. Both begin with the first exchange, and anew in a forked process."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._lock = threading.Lock()

    def exchange(self, send: Send) -> Answer | Failure:
        """Make an exchange, and wait for its end."""
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop = self._open()
        return _wait_for(self._transport.exchange(send), self._loop)

    def close(self) -> None:
        """Close the connections, and end the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None and self._process == os.getpid():
            _wait_for(self._end(loop), loop)

    def _open(self) -> asyncio.AbstractEventLoop:
        self._transport.open()
        loop = asyncio.new_event_loop()
        self._process = os.getpid()
        threading.Thread(target=_run, args=(loop,), name="onlive", daemon=True).start()
        return loop

    async def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await self._transport.close()
        finally:
            loop.call_soon(loop.stop)  # The loop ends its round before it stops, and this coroutine's end is in it.


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _wait_for(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    under_way = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return under_way.result()
    except BaseException:  # An interrupt, such as Airflow's time-out: nobody waits for the answer any more.
        under_way.cancel()
        raise
