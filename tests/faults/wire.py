"""HTTP as bytes on a socket: a request as it came in, its signature, and the parts of an answer."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

WINDOW = 900.0
"""Seconds by which a signature's time may differ from the server's."""
_AUTHORIZATION = re.compile(r"ONLIVESITE Credential:(\S+), Signature=([0-9a-f]{64})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One request, whole.

    :param raw: every byte.
    """

    raw: bytes
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]


def parse(raw: bytes) -> Request:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert len(headers) == len(lines), f"a header came twice: {lines}"
    return Request(raw, method, target, headers, body)


def refusal(request: Request, key: str, secret: str, now: float) -> str:
    """Return why the default signing profile refuses a request, or an empty text.

    :param now: the server's time in seconds since the epoch.
    """
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    date = request.headers.get("x-onlive-site-date", "")
    if found is None or not date:
        return "no signature"
    right = signature(request.method, request.target, date, request.body, secret)
    if found[1] != key or not hmac.compare_digest(found[2], right):
        return "wrong signature"
    moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    return "wrong time" if abs(moment - now) > WINDOW else ""


def signature(method: str, target: str, date: str, body: bytes, secret: str) -> str:
    """Return the signature of the default profile."""
    parts = urlsplit(target)
    hashed = hashlib.sha256(body).hexdigest()
    signed = f"{method}\n{parts.path}\n{parts.query}\nx-onlive-site-date:{date}\n{hashed}"
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def http_date(moment: float) -> str:
    return formatdate(moment, usegmt=True)


def answer(status: int | str, lines: list[str], body: bytes) -> bytes:
    """Return a whole answer: status, header lines, body."""
    return "\r\n".join([f"HTTP/1.1 {status} Scripted", *lines, "", ""]).encode("latin-1") + body


class Link:
    """One connection, at the server's end.

    :param number: which one, from 1.
    """

    def __init__(self, number: int, connection: socket.socket) -> None:
        self.number = number
        self.requests = 0
        self._socket = connection
        self._buffer = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(20)

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def read_head(self, *, limit: Callable[[bytes], int] | None = None) -> bytes:
        """Return a request's bytes, or fewer where ``limit`` says so; nothing where the client went away.

        :param limit: is given what came so far, at least one byte, and returns how many bytes to read in all.
        """
        while True:
            if limit is not None and self._buffer and len(self._buffer) >= limit(self._buffer):
                cut = self._buffer[: limit(self._buffer)]
                self._buffer = b""
                return cut
            whole = self._whole()
            if whole:
                request, self._buffer = self._buffer[:whole], self._buffer[whole:]
                return request
            data = self._socket.recv(65536)
            if not data:
                return b""
            self._buffer += data

    def _whole(self) -> int:
        """Return the length of the first request in the buffer, or 0 while it is not whole."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return 0
        found = _LENGTH.search(self._buffer[: end + 2])
        whole = end + 4 + (int(found[1]) if found else 0)
        return whole if len(self._buffer) >= whole else 0

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_below_tls(self, data: bytes) -> None:
        """Write bytes that no TLS record holds."""
        with socket.socket(fileno=_duplicate(self._socket)) as plain:
            plain.sendall(data)

    def end_tls(self) -> None:
        """Send ``close_notify`` and wait for no answer to it."""
        assert isinstance(self._socket, ssl.SSLSocket)
        self._socket.settimeout(0)
        with contextlib.suppress(OSError, ssl.SSLError):
            self._socket.unwrap()
        self._socket.settimeout(20)

    def wait_for_the_client(self) -> None:
        """Say nothing until the client goes away."""
        while self._socket.recv(65536):
            pass

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def abort(self) -> None:
        """End the connection from another thread."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


def _duplicate(connection: socket.socket) -> int:
    return os.dup(connection.fileno())
