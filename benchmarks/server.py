"""The server of the benchmark: one canned appointment under every id, and a count of the calls for each.

It runs in a process of its own: ``python -m benchmarks.server TOTAL ALLOWED MINUTE PORT PENDING`` prints its port,
serves until its standard input ends, and prints what it counted as JSON. Keep-alive, no signature check, nothing
stored: a write is answered with the record as written, and the next read of it with the record as before.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from array import array
from collections import deque
from types import TracebackType
from typing import Any

from benchmarks.data import PATH, RECORD

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID_LENGTH = 36
_WRITTEN_AT = "2026-01-10T00:00:00.000Z"
_BEFORE, _AFTER = json.dumps(RECORD).encode().split(b'"id": ""', 1)
_AFTER_PENDING = _AFTER.replace(b'"state": "confirmed"', b'"state": "pending"')


def _answer(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
    return head % (status, more, len(body)) + body


class Counts:
    """What was called, and whether a write is still allowed.

    :param total: how many records there are.
    :param allowed: writes in any minute; 0 refuses none.
    :param minute: seconds.
    :param pending: the reads of a record that find it pending; later ones find it confirmed.
    """

    def __init__(self, total: int, allowed: int, minute: float = 60.0, pending: int = 0) -> None:
        self.reads = array("I", bytes(4 * total))
        self.writes = array("I", bytes(4 * total))
        self.refused = 0
        self.write_times: list[float] = []
        self._allowed = allowed
        self._minute = minute
        self.retry_after = max(1, round(minute / 12))
        self._pending = pending
        self._recent: deque[float] = deque(maxlen=allowed)
        self._most = 0
        self._window: deque[float] = deque()
        self._most_reads = 0
        self._reads_window: deque[float] = deque()

    def read(self, index: int, now: float) -> bool:
        """Count a read, and return whether it finds the record confirmed."""
        self.reads[index] += 1
        if self._pending:
            self._reads_window.append(now)
            while now - self._reads_window[0] >= self._minute:
                self._reads_window.popleft()
            self._most_reads = max(self._most_reads, len(self._reads_window))
        return self.reads[index] > self._pending

    def write(self, index: int, now: float) -> bool:
        """Count a write, or refuse it."""
        if self._allowed:
            if len(self._recent) == self._allowed and now - self._recent[0] < self._minute:
                self.refused += 1
                return False
            self._recent.append(now)
            self.write_times.append(now)
            self._window.append(now)
            while now - self._window[0] >= self._minute:
                self._window.popleft()
            self._most = max(self._most, len(self._window))
        self.writes[index] += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the counts; times only where writes are limited."""
        return {
            "reads": sum(self.reads),
            "writes": sum(self.writes),
            "read": sum(map(bool, self.reads)),
            "written": sum(map(bool, self.writes)),
            "written_twice": sum(count > 1 for count in self.writes),
            "refused": self.refused,
            "most_writes_in_60_s": self._most,
            "most_reads_in_60_s": self._most_reads,
            "write_times": self.write_times,
        }


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        data = self._rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            is_read = data.startswith(b"GET")
            found = None if is_read else _LENGTH.search(data, 0, end)
            begin_body = end + 4
            end_body = begin_body + (int(found[1]) if found else 0)
            if len(data) < end_body:
                break
            at = len("GET ") + len(PATH)
            record_id = data[at : at + _ID_LENGTH]
            self._transport.write(self._serve(is_read, record_id, data[begin_body:end_body]))
            data = data[end_body:]
        self._rest = data

    def _serve(self, is_read: bool, record_id: bytes, body: bytes) -> bytes:
        index = int(record_id[-12:], 16)
        if is_read:
            after = _AFTER if self._counts.read(index, time.monotonic()) else _AFTER_PENDING
            return _answer(b"200 OK", b'%b"id": "%b"%b' % (_BEFORE, record_id, after))
        if not self._counts.write(index, time.monotonic()):
            refusal = b'{"statusCode": 429, "message": "Too many requests"}'
            return _answer(b"429 Too Many Requests", refusal, b"Retry-After: %d\r\n" % self._counts.retry_after)
        record = {**RECORD, "id": record_id.decode(), **json.loads(body), "updatedAt": _WRITTEN_AT}
        return _answer(b"200 OK", json.dumps(record).encode())


async def _serve(counts: Counts, port: int) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)
    server = await loop.create_server(lambda: Connection(counts), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()
    server.close()


class Server:
    """The server's process; use it in a ``with`` block. ``counts`` is there when the block is left.

    :param total: how many records there are.
    :param allowed: writes in any minute; 0 refuses none.
    :param minute: seconds; a shorter one makes a measurement shorter.
    :param port: where it listens; 0 is any that is free.
    :param pending: the reads of a record that find it pending; reads are timed only where this is given.
    """

    def __init__(self, total: int, allowed: int = 0, minute: float = 60.0, port: int = 0, pending: int = 0) -> None:
        self.url = ""
        self.counts: dict[str, Any] = {}
        self._arguments = [str(total), str(allowed), str(minute), str(port), str(pending)]

    def __enter__(self) -> Server:
        command = [sys.executable, "-m", "benchmarks.server", *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.counts = json.loads(self._process.communicate()[0])


if __name__ == "__main__":
    calls = Counts(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[5]))
    asyncio.run(_serve(calls, int(sys.argv[4])))
    print(json.dumps(calls.as_json()))
