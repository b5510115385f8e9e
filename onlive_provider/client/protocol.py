"""A call as bytes to send, and what came back: pure, so that every transport behaves the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import quote

from onlive_provider import __version__, errors
from onlive_provider.client.signing import Credentials, SigningProfile, sign
from onlive_provider.models.fields import Resource

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Larger answers are refused: no documented answer comes near, and they would fill a worker's memory."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_READ_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API before it is signed.

    :param query: pairs in any order; they are sent in canonical order.
    :param payload: the JSON object of a write.
    :param resource: what it asks for: a record, or a list of them.
    :param record_id: the record's UUID, or ``None`` for a list.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    resource: Resource | None = field(default=None, repr=False)
    record_id: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, resource: Resource, record_id: str) -> Call:
        """Return a call that reads a record.

        :raises OnlivePayloadError: the id is not a UUID.
        """
        return cls("GET", resource.record_path(record_id), resource=resource, record_id=record_id)

    @classmethod
    def write(cls, resource: Resource, record_id: str, payload: Mapping[str, Any]) -> Call:
        """Return a call that writes a record.

        :raises OnlivePayloadError: the id is not a UUID.
        """
        path = resource.record_path(record_id)
        return cls("PUT", path, payload=payload, resource=resource, record_id=record_id)

    @classmethod
    def page(cls, resource: Resource, query: Mapping[str, str]) -> Call:
        """Return a call that reads one page of a list."""
        return cls("GET", resource.path, tuple(query.items()), resource=resource)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_write(self) -> bool:
        """Whether this call changes a record, and so notifies people."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One attempt, signed, byte for byte as it goes out. Its repr shows neither headers nor body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url}, {len(self.body or b'')} bytes)"


@dataclass(frozen=True, repr=False)
class Answer:
    """What came back. Its repr does not show the body, which may hold guests' data.

    :param headers: by name, in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def document(self) -> dict[str, Any] | None:
        """The JSON object of the body, or ``None`` when it holds none (HTML, half a JSON, a list)."""
        try:
            document = _READ_JSON.decode(self.body.decode(json.detect_encoding(self.body), "surrogatepass"))
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class FailureKind(Enum):
    """Why there is no usable answer, by what that means for the request's fate."""

    NOT_SENT = "the server could not be reached"
    TLS = "the TLS handshake failed"
    LOST = "no answer came back"
    TOO_LARGE = "the answer is too large"


@dataclass(frozen=True, slots=True)
class Failure:
    """The transport got no usable answer.

    :param detail: the transport's own words, for people.
    """

    kind: FailureKind
    detail: str


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Percent-encode (RFC 3986, space as ``%20``) and sort by name, then by value."""
    encoded = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def encode_body(payload: Mapping[str, Any]) -> bytes:
    """Return the JSON bytes of a payload: UTF-8, keys in the given order, no spaces.

    :raises OnlivePayloadError: naming each field that JSON cannot hold.
    """
    try:
        return _json_bytes(payload)
    except (TypeError, ValueError):
        accepted = "text, finite numbers, true, false, null, and lists and objects of them"
        unfit = [name for name, value in payload.items() if not _is_json({name: value})]
        raise errors.OnlivePayloadError(
            [errors.FieldError(str(name), f"is not JSON; accepted are {accepted}") for name in unfit]
        ) from None


def _json_bytes(value: object) -> bytes:
    return _JSON.encode(value).encode()


def _is_json(value: object) -> bool:
    try:
        _json_bytes(value)
    except (TypeError, ValueError):
        return False
    return True


def build_request(
    call: Call, *, base_url: str, profile: SigningProfile, credentials: Credentials, now: float
) -> Request:
    """Sign one attempt of a call.

    :param base_url: scheme, host and port, without a trailing slash.
    :param now: seconds since the epoch, by the server's clock as far as it is known.
    """
    query = canonical_query(call.query)
    url = f"{base_url}{call.path}{'?' + query if query else ''}"
    body = None if call.payload is None else encode_body(call.payload)
    # Set here because the transport might spell it differently from what was signed.
    host = base_url.partition("://")[2]
    headers = {"Host": host, "Accept": "application/json", "User-Agent": f"airflow-provider-onlive/{__version__}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    headers |= sign(profile, credentials, method=call.method, url=url, body=body or b"", now=now)
    return Request(call.method, url, headers, body)
