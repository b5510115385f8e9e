"""The settings of a client, checked when they are set."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from onlive_provider.client.budget.server import RedisServer
from onlive_provider.client.signing import Credentials, SigningProfile, check_secret
from onlive_provider.errors import OnliveConfigError
from onlive_provider.models.comparison import ObjectUpdates

DEFAULT_BASE_URL = "https://openapi.onlive.site"
BudgetScope = Literal["host", "cluster", "process"]

_HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the API, and how long to keep trying.

    :param credentials: the access key.
    :param base_url: scheme, host and optional port; nothing else.
    :param profile: how requests are signed.
    :param timeout: seconds to wait for a connection, and then for each part of an answer. A call that is not over after
        twice as many is given up.
    :param max_attempts: how often one call may be sent, the first time included.
    :param max_elapsed: seconds after which a call is not sent again; waits for the budget do not count.
    :param reads_per_minute: budget of GET calls (the vendor's limits page: 1,000 per access key).
    :param writes_per_minute: budget of PUT calls (the vendor's limits page: 100 per access key).
    :param verify: whether the server's certificate is checked.
    :param allow_http: whether plain http may leave this machine; to loopback it always may.
    :param object_updates: ``merge`` when the server keeps the keys of an object that an update does not name,
        ``replace`` when it drops them. The vendor does not say which.
    :param budget_scope: who shares the two budgets: all processes of this machine and user, all machines (in Redis),
        or the threads of this process.
    :param budget_conn_id: names the Connection of that Redis; only the hook, which looks it up, reads it.
    :param budget_redis: that Redis; only the scope ``cluster`` needs it.
    :param report_base_url: where a web server shows the store of the reports; no call goes there, only a link.
    :raises OnliveConfigError: naming the setting that cannot be used.
    """

    credentials: Credentials
    base_url: str = DEFAULT_BASE_URL
    profile: SigningProfile = field(default_factory=SigningProfile)
    timeout: float = 30.0
    max_attempts: int = 5
    max_elapsed: float = 120.0
    reads_per_minute: int = 1000
    writes_per_minute: int = 100
    verify: bool = True
    allow_http: bool = False
    object_updates: ObjectUpdates = "merge"
    budget_scope: BudgetScope = "host"
    budget_conn_id: str = "redis_default"
    budget_redis: RedisServer | None = field(default=None, repr=False)
    report_base_url: str = ""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if not self.credentials.access_key_id:
            raise OnliveConfigError("login", "is empty; it holds the Access Key ID")
        if not self.credentials.secret_access_key:
            raise OnliveConfigError("password", "is empty; it holds the Secret Access Key")
        check_secret(self.profile, self.credentials.secret_access_key)
        if not self.credentials.access_key_id.isascii() or not self.credentials.access_key_id.isprintable():
            raise OnliveConfigError("login", "has characters that are not allowed in an HTTP header")
        if any(character in self.credentials.access_key_id for character in " ,"):
            raise OnliveConfigError("login", "holds a space or a comma; the Access Key ID has none")
        object.__setattr__(self, "base_url", _checked_base_url(self.base_url, self.allow_http))
        for name, least in (("timeout", 0.1), ("max_elapsed", 0.0)):
            value = getattr(self, name)
            if not math.isfinite(value) or value < least:
                raise OnliveConfigError(f"extra.{name}", f"{value} is not a number of seconds of at least {least:g}")
        for name in ("max_attempts", "reads_per_minute", "writes_per_minute"):
            value = getattr(self, name)
            if value < 1:
                raise OnliveConfigError(f"extra.{name}", f"{value} is not a whole number of at least 1")
        if self.object_updates not in ("merge", "replace"):
            raise OnliveConfigError("extra.object_updates", f"{self.object_updates!r} is not merge or replace")
        if self.budget_scope not in ("host", "cluster", "process"):
            raise OnliveConfigError("extra.budget_scope", f"{self.budget_scope!r} is not host, cluster or process")
        if self.budget_scope == "cluster" and self.budget_redis is None:
            raise OnliveConfigError("extra.budget_scope", "is cluster, and no Redis is known")
        object.__setattr__(self, "report_base_url", _checked_report_url(self.report_base_url))


def _checked_base_url(base_url: str, allow_http: bool) -> str:
    example = f"accepted is scheme, host and optional port, such as {DEFAULT_BASE_URL}"
    if "@" in base_url:
        raise OnliveConfigError("host", f"holds credentials, which belong in login and password; {example}")
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise OnliveConfigError("host", f"not a URL ({error}); {example}") from None
    if parts.scheme not in ("http", "https"):
        raise OnliveConfigError("host", f"{base_url!r} does not begin with https:// (or http://); {example}")
    host = parts.hostname or ""
    if not is_host(host):
        raise OnliveConfigError("host", f"{base_url!r} names no usable host; {example}")
    if parts.path not in ("", "/") or parts.query or parts.fragment or port == 0:
        raise OnliveConfigError("host", f"{base_url!r} holds more than that; {example}")
    if parts.scheme == "http" and not (allow_http or is_loopback(host)):
        raise OnliveConfigError(
            "host",
            f"{base_url!r} is plain http to another machine, which would show guests' data to the network; "
            "use https, or set allow_http in the extra if the network is yours",
        )
    name = f"[{host}]" if ":" in host else host
    is_default_port = port in (None, 443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{name}{'' if is_default_port else f':{port}'}"


def _checked_report_url(url: str) -> str:
    """Return the address that links to reports begin with, without a slash at its end; ``""`` means none."""
    if not url:
        return ""
    example = "accepted is an address of http or https, such as https://reports.example.com/onlive"
    if "@" in url:
        raise OnliveConfigError("extra.report_base_url", f"holds credentials, which every link would show; {example}")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise OnliveConfigError("extra.report_base_url", f"is not a URL ({error}); {example}") from None
    if parts.scheme not in ("http", "https") or not is_host(host):
        raise OnliveConfigError("extra.report_base_url", f"{url!r} does not begin with https:// and a host; {example}")
    if parts.query or parts.fragment or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise OnliveConfigError(
            "extra.report_base_url",
            f"holds a query, a fragment or a blank; a report's path follows it; {example}",
        )
    return url.rstrip("/")


def is_host(host: str) -> bool:
    """Whether a text in lower case can be a host name or an IP address."""
    return bool(_HOST_NAME.fullmatch(host)) or _is_ip_address(host)


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    return host == "localhost" or (_is_ip_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
