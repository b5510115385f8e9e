"""Makes the faults of a script: an ASGI application around the sandbox's own, and a connection that it can close."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from onlive_provider.sandbox.faults import NO_FAULT, Fault, FaultScript
from onlive_provider.sandbox.store import Kind

FAULT = "onlive.fault"
"""Where a request's scope holds the fault that it meets."""

_CONNECTION = "onlive.connection"
_RECORD = re.compile(r"/api/v1/(appointments|services)/([^/]+)")
_NO_BODY = (204, 205, 304)


class FaultInjection:
    """Hands each request on to the application, and spoils what comes back.

    :param another_record: gives the JSON body of another record of the same kind and organization, or None.
    """

    def __init__(
        self, app: ASGIApp, script: FaultScript, another_record: Callable[[Kind, str], dict[str, Any] | None]
    ) -> None:
        self._app = app
        self._script = script
        self._another_record = another_record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        fault = self._script.next(scope["method"], scope["path"])
        start, body = await self._own_answer({**scope, FAULT: fault}, receive)
        self._script.forget(scope["method"], scope["path"], start["status"])
        if not fault.meets(start["status"]):
            fault = NO_FAULT
        if fault.answer == "another_record" and start["status"] == 200:
            body = self._body_of_another(scope["path"], body)
        status, headers, body = _spoiled(fault, start, body)
        connection: FaultyConnection = scope[_CONNECTION]
        if fault.delay and await connection.is_gone(receive, fault.delay):
            return
        if fault.answer == "silence":
            await connection.is_gone(receive)
            return
        if fault.answer != "close":
            is_cut = fault.truncate is not None and fault.truncate < len(body)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            sent = body[: fault.truncate] if is_cut else body
            await send({"type": "http.response.body", "body": sent, "more_body": is_cut})
            if not is_cut:
                return
        connection.transport.close()
        await connection.is_gone(receive)

    async def _own_answer(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        start, *rest = messages
        return start, b"".join(message.get("body", b"") for message in rest)

    def _body_of_another(self, path: str, body: bytes) -> bytes:
        found = _RECORD.fullmatch(path)
        kind: Kind = "services" if found and found[1] == "services" else "appointments"
        other = self._another_record(kind, found[2]) if found else None
        return body if other is None else json.dumps(other).encode()


def _spoiled(fault: Fault, start: Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    status = fault.status or start["status"]
    headers = {name.lower(): value for name, value in start["headers"]}
    if fault.body is not None:
        body = fault.body
    elif fault.status is not None and fault.status != start["status"]:
        body = json.dumps({"statusCode": fault.status, "message": "A fault of the sandbox's script"}).encode()
    for name, text in (fault.headers or {}).items():
        headers[name.lower().encode()] = text.encode()
    headers[b"content-length"] = str(len(body)).encode()
    if status in _NO_BODY:
        body = b""
        headers = {name: value for name, value in headers.items() if not name.startswith(b"content-")}
    return status, list(headers.items()), body


class FaultyConnection(H11Protocol):
    """uvicorn's connection, told to the application, which may close it."""

    _is_kept = False
    _is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin, and put this connection into the scope of each of its requests."""
        super().connection_made(transport)
        app = self.app

        async def with_connection(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, _CONNECTION: self}, receive, send)

        self.app = with_connection

    def shutdown(self) -> None:
        """End at once when a fault keeps the connection: a server that stops waits for no silence."""
        self._is_ending = True
        if self._is_kept:
            self.transport.close()
        else:
            super().shutdown()

    async def is_gone(self, receive: Receive, seconds: float | None = None) -> bool:
        """Keep the connection until the client or the server has closed it, or the seconds are over."""
        self._is_kept = True
        if self._is_ending:
            self.transport.close()
        try:
            async with asyncio.timeout(seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        finally:
            self._is_kept = False
        return True
