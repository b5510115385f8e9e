"""A fast loopback server that holds many records and counts what reaches it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, NamedTuple

from onlive_provider.client.settings import Settings
from tests.loopback import fresh_credentials

LONG_AGO = "2025-03-09T19:32:06.669Z"
_DATE = re.compile(rb"x-onlive-site-date: (\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Seen(NamedTuple):
    """One request as it came in.

    :param signed_at: seconds since the epoch, by the clock of whoever sent it.
    """

    method: str
    id: str
    patch: dict[str, Any]
    signed_at: float


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]] | None


def record_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


class ManyRecords:
    """The server; use it in a ``with`` block. Records ``record_id(0)`` to ``record_id(number - 1)`` exist.

    ``before`` and ``after`` are called with each request before and after it is carried out; what they return is the
    answer, unless it is ``None``. ``SILENT`` makes no answer come.
    """

    SILENT = (0, None)

    def __init__(self, number: int, **fields: Any) -> None:
        self.fields = {"title": "as it was", "updatedAt": LONG_AGO, **fields}
        self.number = number
        self.changed: dict[str, dict[str, Any]] = {}
        self.requests: list[Seen] = []
        self.writes: Counter[str] = Counter()
        """Writes that were carried out, by record."""
        self.before: Callable[[Seen], Answer] = lambda seen: None
        self.after: Callable[[Seen], Answer] = lambda seen: None
        self.time: Callable[[], float] = time.time
        """The server's clock, by which ``updatedAt`` is set."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.BaseTransport] = set()

    def __enter__(self) -> ManyRecords:
        self._thread.start()
        serving = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(5)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for connection in self._open:
            connection.abort()  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    @property
    def connections(self) -> int:
        return len(self._open)

    @property
    def reads(self) -> Counter[str]:
        return Counter(seen.id for seen in self.requests if seen.method == "GET")

    def record(self, number: int) -> dict[str, Any]:
        return self._record(record_id(number))

    def settings(self, **changes: Any) -> Settings:
        plenty = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000}
        return Settings(**{"credentials": fresh_credentials(), "base_url": self.url, **plenty, **changes})

    def _record(self, name: str) -> dict[str, Any]:
        return {"id": name, **self.fields, **self.changed.get(name, {})}

    def answer(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        self.requests.append(seen)
        said = self.before(seen)
        if said is None:
            known = int(seen.id[-12:]) < self.number
            if known and seen.method == "PUT":
                self.writes[seen.id] += 1
                patch = {name: value for name, value in seen.patch.items() if name != "agentComment"}
                now = datetime.fromtimestamp(self.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                self.changed[seen.id] = {**self.changed.get(seen.id, {}), **patch, "updatedAt": now}
            said = self.after(seen) or ((200, self._record(seen.id)) if known else (404, {"message": "Not found"}))
        status, document, *headers = said
        return status, document, headers[0] if headers else {}


class _Connection(asyncio.Protocol):
    def __init__(self, server: ManyRecords) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._server._open.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._server._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[: end + 2]
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            method, target, _ = head.split(b" ", 2)
            signed = _DATE.search(head)
            assert signed is not None
            moment = datetime.strptime(signed[1].decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            seen = Seen(method.decode(), target.decode()[-36:], json.loads(body or b"{}"), moment.timestamp())
            status, document, headers = self._server.answer(seen)
            if status:
                self._write(status, document, headers)

    def _write(self, status: int, document: Any, headers: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        told = {"Content-Length": str(len(body)), "Date": formatdate(time.time(), usegmt=True), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._transport.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode() + body)
