"""What the sandbox's tests share: a clock that stands still, a signer of their own, and a caller on a real socket."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from onlive_provider.sandbox.server import Sandbox

NOON = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)


class StandingClock:
    """Shows one instant until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


def sign(method: str, path: str, query: str, body: bytes, date: str, access_key_id: str, secret: str) -> dict[str, str]:
    """Sign with the default profile. The query must be canonical already."""
    lines = [method, path, query, "x-onlive-site-date:" + date, hashlib.sha256(body).hexdigest()]
    signature = hmac.new(secret.encode(), "\n".join(lines).encode(), "sha256").hexdigest()
    return {
        "x-onlive-site-date": date,
        "Authorization": f"ONLIVESITE Credential:{access_key_id}, Signature={signature}",
    }


class Caller:
    """Makes calls to one sandbox over a real socket, signed at the sandbox's time."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def get(self, path: str, query: str = "", **changed: Any) -> Answer:
        return self.call("GET", path, query=query, **changed)

    def put(self, path: str, payload: Any, **changed: Any) -> Answer:
        return self.call("PUT", path, json.dumps(payload).encode(), **changed)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        query: str = "",
        headers: dict[str, str | None] | None = None,
        key: tuple[str, str] | None = None,
    ) -> Answer:
        """Sign a call and make it.

        :param headers: replace the signed headers; None leaves one out.
        :param key: access key id and secret, instead of the sandbox's own.
        """
        date = datetime.fromisoformat(self.sandbox.now()).strftime("%Y%m%dT%H%M%SZ")
        access_key_id, secret = key or (self.sandbox.access_key_id, self.sandbox.secret_access_key)
        sent: dict[str, str | None] = {**sign(method, path, query, body, date, access_key_id, secret)}
        if body:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        return self.send(method, path + ("?" + query if query else ""), body, sent)

    def send(self, method: str, target: str, body: bytes, headers: dict[str, str | None]) -> Answer:
        """Make a call exactly as given."""
        connection = HTTPConnection(urlsplit(self.sandbox.url).netloc, timeout=10)
        try:
            known = {name: value for name, value in headers.items() if value is not None}
            connection.request(method, target, body or None, known)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return Answer(response.status, dict(response.headers), json.loads(content) if is_json else content)


@pytest.fixture(name="sign")
def give_sign() -> Callable[..., dict[str, str]]:
    return sign


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(NOON)


@pytest.fixture
def sandbox(clock: StandingClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


@pytest.fixture
def call_to() -> Callable[[Sandbox], Caller]:
    """Give a caller for a sandbox that the test starts itself."""
    return Caller


@pytest.fixture
def upcoming(sandbox: Sandbox) -> dict[str, Any]:
    """An appointment that has not begun, of a test drive in Madrid."""
    return find_upcoming(sandbox, "Test drive · Madrid")


@pytest.fixture
def service(sandbox: Sandbox) -> dict[str, Any]:
    """The test drive in Madrid."""
    return find_service(sandbox, "Test drive · Madrid")


@pytest.fixture
def upcoming_of(sandbox: Sandbox) -> Callable[[str], dict[str, Any]]:
    """Find a service's first appointment that has not begun, by the service's name."""
    return lambda name: find_upcoming(sandbox, name)


@pytest.fixture
def service_named(sandbox: Sandbox) -> Callable[[str], dict[str, Any]]:
    return lambda name: find_service(sandbox, name)


def find_service(sandbox: Sandbox, name: str) -> dict[str, Any]:
    return next(each for each in sandbox.records("services") if each["name"] == name)


def find_upcoming(sandbox: Sandbox, name: str) -> dict[str, Any]:
    service_id = find_service(sandbox, name)["id"]
    tomorrow = (NOON + timedelta(days=1)).isoformat()
    return next(
        each
        for each in sandbox.records("appointments")
        if each["serviceId"] == service_id and each["start"] > tomorrow and each["state"] != "cancelled"
    )


@pytest.fixture
def seed_file(tmp_path):
    def write(content):
        path = tmp_path / "seed.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write
