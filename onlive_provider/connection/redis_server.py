"""How an Airflow Connection of type ``redis`` becomes the server that keeps the budgets of a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from onlive_provider.client.budget.server import RedisServer
from onlive_provider.connection.fields import EXTRA_FIELDS
from onlive_provider.connection.settings import ConnectionParts
from onlive_provider.errors import OnliveConfigError

CONN_TYPE = "redis"
_TLS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")
_DEFAULT_CONN_ID = next(str(field.default) for field in EXTRA_FIELDS if field.name == "budget_conn_id")


def find_redis(find: Callable[[str], ConnectionParts], conn_id: str | None) -> RedisServer:
    """Look the Connection of a Redis up, and read it as Airflow's provider for Redis does.

    :param find: looks a Connection up.
    :param conn_id: its id; unset means the default.
    :raises OnliveConfigError: it is not there, or cannot be used. No secret is shown.
    """
    conn_id = conn_id or _DEFAULT_CONN_ID
    try:
        connection = find(conn_id)
    except Exception as error:
        # Not the error's own text: about a malformed URI it repeats the URI, with the password in it.
        raise _unusable(conn_id, f"which cannot be looked up ({type(error).__name__})") from None
    kind = getattr(connection, "conn_type", CONN_TYPE)
    if kind != CONN_TYPE:
        raise _unusable(conn_id, f"which is of type {kind}; accepted is one of type {CONN_TYPE}")
    extra = _read_extra(connection, conn_id)
    tls = {"ssl": True, **{name: extra[name] for name in _TLS if name in extra}} if extra.get("ssl") is True else {}
    try:
        db = int(extra.get("db") or 0)
    except (TypeError, ValueError):
        raise _unusable(conn_id, "whose extra.db is not the number of a database") from None
    return RedisServer(
        host=connection.host or "localhost",
        port=connection.port or 6379,
        db=db,
        username=connection.login or None,
        password=connection.password or None,
        tls=tls,
    )


def _read_extra(connection: ConnectionParts, conn_id: str) -> Mapping[str, Any]:
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise _unusable(conn_id, "whose extra is not a JSON object")
    return {name: _switch(value) for name, value in extra.items() if value is not None and value != ""}


def _switch(value: Any) -> Any:
    """Return a switch that a URI holds as text as what it is."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _unusable(conn_id: str, what: str) -> OnliveConfigError:
    return OnliveConfigError("extra.budget_conn_id", f"names the Connection {conn_id!r}, {what}")
