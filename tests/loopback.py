"""A real server on a free loopback port that keeps every request's raw bytes and answers from a script.

::

    with LoopbackServer(reply(503), RESET, reply(200, {"id": "1"})) as server:
        ...                             # call server.url
    assert server.requests[0].body == b'{"title":"x"}'

An answer is one of

* ``bytes``, written as they are; the connection stays open (``reply(...)`` makes whole answers);
* ``Cut(bytes)``, written as they are, then the connection is closed (``CLOSE`` writes none);
* ``RESET``: the connection is reset once the request was read;
* ``SILENCE``: nothing ever comes;
* a callable, which is given the request and returns one of the above.

A request beyond the script gets ``server.otherwise``, at first a status that no client retries.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from onlive_provider.client.aio import WaitingClock
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.sync import SleepingClock

NOON = 1_741_521_600.0
"""2025-03-09T12:00:00Z, in seconds since the epoch: where a ``FakeClock`` begins."""
SECRET = "s3cr3t/Key+never=shown"
ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"
OTHER_ID = "f329fe97-452f-4d12-aef0-f526a74569cc"

_key_numbers = itertools.count(1)


class _Special(Enum):
    RESET = "reset"
    SILENCE = "silence"


RESET = _Special.RESET
SILENCE = _Special.SILENCE


class Cut(NamedTuple):
    """Write these bytes and close the connection."""

    raw: bytes


CLOSE = Cut(b"")


@dataclass(frozen=True)
class Recorded:
    """One request as it came in.

    :param raw: every byte: request line, headers, empty line, body.
    :param headers: in the order they came, names as they were spelled.
    """

    raw: bytes
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def filters(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.query).items()}

    def json(self) -> Any:
        return json.loads(self.body)


Answer = bytes | Cut | _Special | Callable[[Recorded], Any]


def reply(
    status: int = 200,
    document: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """Return a whole answer: a JSON document, or any body.

    :param headers: beside Content-Type and Content-Length; one of these replaces them.
    """
    content = json.dumps(document).encode() if body is None else body
    merged = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in merged.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + content


class LoopbackServer:
    """The server; use it in a ``with`` block.

    :param script: the answers, in order.
    :param tls: makes it an https server.
    """

    def __init__(self, *script: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Recorded] = []
        self.connections = 0
        self.otherwise: Answer = reply(418, {"statusCode": 418, "message": "beyond the script"})
        self._script = list(script)
        self._tls = tls
        self._lock = threading.Lock()
        self._closed = threading.Condition(self._lock)
        self._over = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"

    def answer(self, *answers: Answer) -> None:
        """Add answers to the end of the script."""
        with self._lock:
            self._script.extend(answers)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def all_closed(self, *, within: float) -> bool:
        """Wait until no client holds a connection any more, and return whether that came to pass.

        :param within: seconds.
        """
        with self._closed:
            return self._closed.wait_for(lambda: not self._open, within)

    @property
    def writes(self) -> list[Recorded]:
        return [request for request in self.requests if request.method == "PUT"]

    def __enter__(self) -> LoopbackServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _close(connection)
        for thread in self._threads:
            thread.join(5)
        if self._failures:
            raise self._failures[0]

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream)) is not None and self._give(connection, request):
                    pass
        except OSError:
            pass  # The client went away, or refused the certificate: its test asserts on what it saw.
        except BaseException as failure:
            self._failures.append(failure)
        finally:
            with self._closed:
                self._open.discard(connection)
                self._closed.notify_all()

    def _give(self, connection: socket.socket, request: Recorded) -> bool:
        """Answer one request and return whether the connection stays open."""
        with self._lock:
            self.requests.append(request)
            answer = self._script.pop(0) if self._script else self.otherwise
        while callable(answer):
            answer = answer(request)
        if answer is SILENCE:
            self._over.wait(10)
        elif answer is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.sendall(answer.raw if isinstance(answer, Cut) else answer)
        return isinstance(answer, bytes)


def _read(stream: Any) -> Recorded | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    first, *rest = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in rest))
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    body = stream.read(length)
    return Recorded(head + body, method, target, headers, body)


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class FakeClock(SleepingClock, WaitingClock):
    """A clock that stands still until somebody waits, and then moves by the wait.

    Tasks of one event loop wait side by side: it moves to the moment at which the first of them wakes up, once nobody
    has looked at it for some milliseconds: calls that are under way have been answered then.
    ``waits`` lists every wait; ``jump`` is a person, or NTP, setting the machine's clock.
    """

    def __init__(self, now: float = NOON) -> None:
        self.waits: list[float] = []
        self._elapsed = 0.0
        self._epoch = now
        self._wakes: list[float] = []
        self._looked = 0

    def time(self) -> float:
        return self._epoch + self._elapsed

    def monotonic(self) -> float:
        self._looked += 1
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.move(seconds)

    async def wait(self, seconds: float) -> None:
        began, wakes = self._elapsed, self._elapsed + seconds
        self._wakes.append(wakes)
        try:
            if seconds == 0.0:
                self.sleep(seconds)
            while self._elapsed < wakes:
                looked = self._looked
                await asyncio.sleep(0.005)
                if looked == self._looked and wakes == min(self._wakes) and self._elapsed < wakes:
                    left = seconds - (self._elapsed - began)
                    # Of long waits a rounding may be left, too little to be added.
                    self.sleep(left if self._elapsed + left >= wakes else wakes - self._elapsed)
        finally:
            self._wakes.remove(wakes)

    def move(self, seconds: float) -> None:
        self._elapsed += seconds

    def jump(self, seconds: float) -> None:
        self._epoch += seconds


def at(now: float) -> Callable[[], float]:
    """Return a clock that stands still."""
    return lambda: now


def fresh_credentials() -> Credentials:
    """Return an access key that no other test has, and so a budget of its own."""
    return Credentials(f"AKID{next(_key_numbers)}", SECRET)


def settings_for(server: LoopbackServer, **changes: Any) -> Settings:
    """Return settings that lead to a server: a fresh access key, patience for real faults, none for silence."""
    return Settings(**{"credentials": fresh_credentials(), "base_url": server.url, "timeout": 5.0, **changes})
