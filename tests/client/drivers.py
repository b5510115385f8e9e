"""Both drivers behind the same blocking calls, so that one suite says what is promised of either."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from onlive_provider.client.aio import AsyncOnliveClient
from onlive_provider.client.listing import ServiceListing
from onlive_provider.client.settings import Settings
from onlive_provider.client.steps import Flow, Step
from onlive_provider.client.sync import OnliveClient
from onlive_provider.client.updates import Update, Updated
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from tests.loopback import FakeClock

T = TypeVar("T")
log = logging.getLogger(__name__)


class BlockingAsyncClient:
    """``AsyncOnliveClient`` with the calls of ``OnliveClient``: its event loop runs in a thread of its own."""

    def __init__(
        self, settings: Settings, *, clock: FakeClock | None = None, random: Callable[[], float] = lambda: 0.5
    ) -> None:
        self._client = AsyncOnliveClient(settings, connections=2, clock=clock, random=random)
        self._flows = self._client.flows
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._wait_for(self._client.__aenter__())
        except BaseException:
            self._stop()
            raise

    def __repr__(self) -> str:
        return repr(self._client)

    def __enter__(self) -> BlockingAsyncClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._wait_for(self._client.__aexit__(None, None, None))
        self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def get_appointment(self, appointment_id: str) -> dict[str, Any]:
        return self._run(self._flows.read(APPOINTMENT, appointment_id))

    def get_service(self, service_id: str) -> dict[str, Any]:
        return self._run(self._flows.read(SERVICE, service_id))

    def put_appointment(self, appointment_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        return self._run(self._flows.write(APPOINTMENT, appointment_id, patch, None))

    def put_service(self, service_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        return self._run(self._flows.write(SERVICE, service_id, patch, None))

    def update(self, wanted: Update) -> Updated:
        return self._wait_for(self._client.update(wanted, _hear))

    def iter_services(self, **filters: str) -> Iterator[dict[str, Any]]:
        listing = ServiceListing(filters)
        while (query := listing.next_query()) is not None:
            yield from listing.read(self._run(self._flows.page(SERVICE, query)))

    def probe(self) -> None:
        self._run(self._flows.probe())

    def _run(self, flow: Flow[T]) -> T:
        return self._wait_for(self._client.run(flow, _hear))

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def _hear(step: Step) -> None:
    log.info("%s", step)


DRIVERS: dict[str, type[OnliveClient] | type[BlockingAsyncClient]] = {
    "threads": OnliveClient,
    "event loop": BlockingAsyncClient,
}
_chosen = ["threads"]


@contextlib.contextmanager
def chosen(driver: str) -> Iterator[None]:
    """Make :func:`connect` open clients of this driver."""
    before = _chosen[0]
    _chosen[0] = driver
    try:
        yield
    finally:
        _chosen[0] = before


def connect(settings: Settings, **more: Any) -> Any:
    """Return a client of the driver that the test runs over."""
    return DRIVERS[_chosen[0]](settings, **more)
