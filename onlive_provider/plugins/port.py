"""A way around a fault of Airflow 3.3: its Test button is red for a right Connection that has no port.

The button posts port 0 where the stored Connection has none. Airflow takes that for another address than the stored
one, will not test it with the stored credentials, and answers 400. No server listens on port 0, so it can stand for
nothing but "no port". Only tests of Onlive's own Connections are read that way; whatever else is asked of the API
server passes untouched, and nothing that is stored changes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from onlive_provider.connection.fields import CONN_TYPE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PATH = "/api/v2/connections/test"
_MOST = 2**20
"""Bytes of a request that is looked into; a Connection takes a few hundred."""


class NoPortMiddleware:
    """ASGI middleware that reads port 0, in the test of a Connection of this provider, as no port.

    :param app: the application behind it.
    """

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith(_PATH):
            await self._app(scope, receive, send)
            return
        came: list[Message] = []
        size = 0
        while not came or (came[-1].get("more_body") and size <= _MOST):
            came.append(await receive())
            size += len(came[-1].get("body", b""))
        whole = came[-1]["type"] == "http.request" and not came[-1].get("more_body")
        if whole and (body := without_port(b"".join(each.get("body", b"") for each in came))):
            came = [{"type": "http.request", "body": body, "more_body": False}]
            length = (b"content-length", str(len(body)).encode())
            scope = {**scope, "headers": [*(each for each in scope["headers"] if each[0] != length[0]), length]}

        async def again() -> Message:
            return came.pop(0) if came else await receive()

        await self._app(scope, again, send)


def without_port(body: bytes) -> bytes | None:
    """Return what is posted instead, or None if it is to stay as it is."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or given.get("conn_type") != CONN_TYPE or given.get("port") != 0:
        return None
    return json.dumps({**given, "port": None}).encode()
