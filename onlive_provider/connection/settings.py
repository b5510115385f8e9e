"""Turns an Airflow Connection into a client's settings, or says which field is wrong."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from typing import TYPE_CHECKING, Any, Protocol

from onlive_provider.connection.fields import EXTRA_FIELDS, SIGNING_FIELDS, ExtraField

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlive_provider.client.settings import Settings

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_EXTRA_BY_NAME = {field.name: field for field in EXTRA_FIELDS}


class ConnectionParts(Protocol):
    """The parts of an Airflow Connection, of whichever version, that are read."""

    @property
    def host(self) -> str | None:
        """The base URL."""

    @property
    def port(self) -> int | None:
        """The base URL's port, if it is not part of the host."""

    @property
    def login(self) -> str | None:
        """The Access Key ID."""

    @property
    def password(self) -> str | None:
        """The Secret Access Key."""

    @property
    def schema(self) -> str | None:
        """Not used here."""

    @property
    def extra(self) -> str | None:
        """A JSON object of settings."""


def read_settings(connection: ConnectionParts, find: Callable[[str], ConnectionParts] | None = None) -> Settings:
    """Return the settings that a Connection holds. ``null`` and ``""`` mean unset.

    :param find: looks another Connection up: the Redis that keeps the budgets of a cluster.
    :raises OnliveConfigError: a field cannot be used. It is named, and no secret is shown.
    """
    from onlive_provider.client.settings import DEFAULT_BASE_URL, Settings
    from onlive_provider.client.signing import Credentials, SigningProfile
    from onlive_provider.errors import OnliveConfigError

    if connection.schema:
        raise OnliveConfigError(
            "schema",
            "is set and not used; the scheme belongs in host, the Base URL, such as "
            f"{DEFAULT_BASE_URL} (in a URI, only ?settings may follow the host)",
        )
    extra = _read_extra(connection.extra)
    profile = {name: extra.pop(name) for name in SIGNING_FIELDS if name in extra}
    if extra.get("budget_scope") == "cluster" and find is not None:
        from onlive_provider.connection.redis_server import find_redis

        extra["budget_redis"] = find_redis(find, extra.get("budget_conn_id"))
    return Settings(
        credentials=Credentials(connection.login or "", connection.password or ""),
        base_url=_base_url((connection.host or "").strip() or DEFAULT_BASE_URL, connection.port or None),
        profile=SigningProfile(**profile),
        **extra,
    )


def _base_url(host: str, port: int | None) -> str:
    """Return the base URL of a host, with or without a scheme, and an optional port."""
    from urllib.parse import urlsplit

    from onlive_provider.errors import OnliveConfigError

    if "://" not in host:
        host = f"https://{_bracketed(host)}"
    if port is None:
        return host
    if not 0 < port < 65536:
        raise OnliveConfigError("port", f"{port} is not a port from 1 to 65535")
    try:
        parts = urlsplit(host)
        own = parts.port
    except ValueError:
        return host  # Settings says what is wrong with it.
    if own not in (None, port):
        raise OnliveConfigError("port", f"{port} differs from the port {own} in host; set it in only one of the two")
    return parts._replace(netloc=f"{parts.netloc.removesuffix(f':{port}')}:{port}").geturl()


def _bracketed(host: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(host)}]"
    except ValueError:
        return host


def _read_extra(text: str | None) -> dict[str, Any]:
    from onlive_provider.errors import OnliveConfigError

    try:
        found = json.loads(text or "{}")
    except ValueError:
        raise OnliveConfigError("extra", "is not JSON; accepted is a JSON object of settings") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise OnliveConfigError("extra", "is not a JSON object; accepted is one such as {} or " + '{"timeout": 10}')
    for name in found:
        if name not in _EXTRA_BY_NAME:
            raise OnliveConfigError(f"extra.{name}", _unknown(name))
    return {
        name: _read_value(_EXTRA_BY_NAME[name], value)
        for name, value in found.items()
        if value is not None and value != ""
    }


def _read_value(field: ExtraField, value: Any) -> float | bool | str:
    """Return a setting in its type. A Connection written as a URI holds text only."""
    from onlive_provider.errors import OnliveConfigError

    read: float | bool | str | None
    match field.kind:
        case "switch":
            read = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
            accepted = "true or false"
        case "seconds" | "count":
            read = _number(value, whole=field.kind == "count")
            if read is not None and not field.least <= read <= field.most:
                read = None
            kind = "number of seconds" if field.kind == "seconds" else "whole number"
            accepted = f"a {kind} from {field.least:g} to {field.most:,}"
        case "choice":
            read = value if value in field.choices else None
            accepted = " or ".join(field.choices)
        case "text":
            read = value if isinstance(value, str) else None
            accepted = "text"
    if read is None:
        raise OnliveConfigError(f"extra.{field.name}", f"{_short(value)} is not {accepted}")
    return read


def _number(value: Any, *, whole: bool) -> float | None:
    """Return a number, as ``int`` if it is whole; ``None`` if the value is not a number."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if value == int(value):
        return int(value)
    return None if whole else value


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _unknown(name: str) -> str:
    from onlive_provider.models.wording import nearest

    close = nearest(name, _EXTRA_BY_NAME)
    hint = f"did you mean {close}? " if close else ""
    return f"is not a setting; {hint}accepted are {', '.join(_EXTRA_BY_NAME)}"
