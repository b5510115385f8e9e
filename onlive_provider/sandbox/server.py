"""A running sandbox: the application on a loopback port, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import uvicorn

from onlive_provider.sandbox.api import readable
from onlive_provider.sandbox.app import create_app
from onlive_provider.sandbox.brand import build_brand
from onlive_provider.sandbox.clock import Clock, clock_from, system_clock, to_text
from onlive_provider.sandbox.fault_injection import FaultInjection, FaultyConnection
from onlive_provider.sandbox.faults import FaultScript, check_faults
from onlive_provider.sandbox.limits import CallLimits
from onlive_provider.sandbox.normalization import normalize_store
from onlive_provider.sandbox.seed import SeedError, read_seed
from onlive_provider.sandbox.signature_profile import SignatureProfile
from onlive_provider.sandbox.store import Kind, Store

HOST = "127.0.0.1"


class Sandbox:
    """A local Onlive API, listening from ``__enter__`` (or :meth:`start`) to ``__exit__`` (or :meth:`stop`).

    :param data: SQLite file that keeps everything between runs; None for memory. A missing file is made.
    :param seed_file: JSON file with what the sandbox holds at first; None for the brand it comes with.
    :param port: port on 127.0.0.1; 0 takes a free one.
    :param limits: True refuses more than 1,000 reads or 100 writes per access key and minute with 429; other limits
        are given as such.
    :param clock: the server's time, an aware datetime; None for the machine's.
    :param object_updates: what becomes of the keys of ``extraFields`` and ``event`` that an update does not name:
        ``merge`` keeps them, ``replace`` drops them.
    :param extra: a Connection's extra: its signing profile is what signatures are checked by; None for the default.
    :param now: the server's time when it is made, ISO 8601 with ``Z`` or an offset; from there it runs on as the clock
        does. None for the clock's own time.
    :param normalize: True stores records as a server does that adds members of its own to the items of arrays.
    :param faults: what goes wrong; see the page on the sandbox for the form of a fault.
    :raises ExtraError: the signing profile in the extra cannot be used.
    :raises StartError: ``now`` cannot be used.
    :raises FaultError: the faults cannot be used.
    :raises SeedError: the seed file cannot be used, or the data file holds records already.
    :raises StoreError: the data file cannot be used.
    :raises OSError: the port is taken.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        seed_file: str | Path | None = None,
        port: int = 0,
        limits: bool | CallLimits = False,
        clock: Clock | None = None,
        object_updates: Literal["merge", "replace"] = "merge",
        extra: Mapping[str, Any] | None = None,
        now: str | None = None,
        normalize: bool = False,
        faults: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._extra = dict(extra or {})
        profile = SignatureProfile(self._extra)
        script = FaultScript(check_faults(faults))
        self._clock = clock or system_clock
        if now is not None:
            self._clock = clock_from(now, self._clock)
        self._store = _open_store(data, seed_file, self._clock)
        if normalize:
            normalize_store(self._store)
        organization = self._store.organizations()[0]
        self.organization_id = organization["id"]
        self.access_key_id = organization["accessKeyId"]
        self.secret_access_key = organization["secretAccessKey"]
        try:
            self._socket = _listen(port)
        except OSError:
            self._store.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        app = create_app(
            self._store,
            self._clock,
            limits=limits if isinstance(limits, CallLimits) else CallLimits() if limits else None,
            merge_objects=object_updates == "merge",
            normalize=normalize,
            profile=profile,
        )
        self._server = _Server(
            uvicorn.Config(
                FaultInjection(app, script, self._another_record) if faults else app,
                http=FaultyConnection if faults else "h11",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="onlive-sandbox", daemon=True)

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, and return when requests are answered.

        :raises RuntimeError: it does not listen after 30 seconds.
        """
        self._thread.start()
        if not self._server.listening.wait(timeout=30):
            raise RuntimeError(f"the sandbox did not begin to listen on {self.url}")

    def stop(self) -> None:
        """Stop serving and wait for the thread's end; what was in memory is gone."""
        self._server.finish()
        self._thread.join()
        self._socket.close()
        self._store.close()

    def wait(self) -> None:
        """Wait until the server ends by itself; Ctrl-C interrupts it."""
        # Not Thread.join(): a join that Ctrl-C interrupts takes the thread for ended while it still runs.
        self._ended.wait()

    def now(self) -> str:
        """Give the server's time as the API writes times, so that it can be compared with a record's."""
        return to_text(self._clock())

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ended.set()

    def connection_json(self) -> str:
        """Give the Airflow Connection to this sandbox, as the value of ``AIRFLOW_CONN_ONLIVE_DEFAULT``."""
        connection: dict[str, Any] = {
            "conn_type": "onlive",
            "login": self.access_key_id,
            "password": self.secret_access_key,
            "host": self.url,
        }
        if self._extra:
            connection["extra"] = self._extra
        return json.dumps(connection)

    def records(self, kind: Kind) -> list[dict[str, Any]]:
        """Read all records of the Connection's organization, with the fields that the API does not answer.

        :param kind: ``appointments`` or ``services``.
        """
        return self._store.records(kind, self.organization_id)

    def foreign_records(self, kind: Kind) -> list[dict[str, Any]]:
        """Read all records of the other organizations: those that the API answers with 403.

        :param kind: ``appointments`` or ``services``.
        """
        return [
            record
            for organization in self._store.organizations()
            if organization["id"] != self.organization_id
            for record in self._store.records(kind, organization["id"])
        ]

    def record(self, kind: Kind, record_id: str) -> dict[str, Any]:
        """Read one record of any organization, with the fields that the API does not answer.

        :param kind: ``appointments`` or ``services``.
        :raises KeyError: there is no such record.
        """
        record = self._store.record(kind, record_id)
        if record is None:
            raise KeyError(f"{kind}: {record_id}")
        return record

    def _another_record(self, kind: Kind, record_id: str) -> dict[str, Any] | None:
        record = self.record(kind, record_id)
        others = self._store.records(kind, record["organizationId"])
        return next((readable(other) for other in others if other["id"] != record["id"]), None)

    def notifications(self) -> list[dict[str, Any]]:
        """Read every notification that writes sent, oldest first."""
        return self._store.log("notifications")

    def calls(self) -> list[dict[str, Any]]:
        """Read every call of the API, refused ones too, oldest first; not those of the sandbox's own endpoints."""
        return self._store.log("calls")


class _Server(uvicorn.Server):
    """uvicorn, telling another thread when it listens and stopping at once when told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self._finish = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.listening.set()
        await self._finish.wait()

    def finish(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._finish.set)


def _open_store(data: str | Path | None, seed_file: str | Path | None, clock: Clock) -> Store:
    store = Store(Path(data) if data else None)
    try:
        if store.is_empty():
            now = clock()
            store.load(read_seed(Path(seed_file), now) if seed_file else build_brand(now))
        elif seed_file:
            raise SeedError(f"{data}: holds records already; remove it, or leave the seed file out")
    except BaseException:  # Ctrl-C while a long seed file is read too: the file is not to stay locked.
        store.close()
        raise
    return store


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
