"""A call as bytes to send, and an answer as a dict or an error: pure, so that every transport behaves the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import quote

from onlive_provider import __version__, errors
from onlive_provider.client.signing import Credentials, SigningProfile, sign
from onlive_provider.privacy import without_personal_data

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Larger answers are refused: no documented answer comes near, and they would fill a worker's memory."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_MAX_MESSAGE = 300
_MAX_FIELD_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API before it is signed.

    :param query: pairs in any order; they are sent in canonical order.
    :param payload: the JSON object of a write.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    payload: Mapping[str, Any] | None = field(default=None, repr=False)

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


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back. Its repr does not show the body, which may hold guests' data.

    :param headers: by name, in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

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


def read_object(answer: Answer) -> dict[str, Any] | None:
    """Return the JSON object of a successful answer, or ``None`` when it holds none (HTML, half a JSON, a list)."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _sentence(text: str) -> str:
    """Return a server's sentence on one line, shortened, without guests' data."""
    shown = without_personal_data(text)
    return shown if len(shown) <= _MAX_MESSAGE else f"{shown[:_MAX_MESSAGE]}..."


def read_error(answer: Answer) -> tuple[str, tuple[errors.FieldError, ...]]:
    """Return an error answer's message and first field errors, as far as its form can be read."""
    document = read_object(answer)
    if document is None:
        return "", ()
    message = document.get("message") or document.get("error") or ""
    if isinstance(message, list):
        message = "; ".join(str(part) for part in message)
    listed = document.get("errors")
    if isinstance(listed, dict):
        listed = [{"field": name, "message": text} for name, text in listed.items()]
    found = []
    for item in listed[:_MAX_FIELD_ERRORS] if isinstance(listed, list) else ():
        name, text = (item.get("field"), item.get("message")) if isinstance(item, dict) else ("", item)
        found.append(errors.FieldError(_sentence(str(name or "")), _sentence(str(text or ""))))
    return _sentence(str(message)), tuple(found)


def failure_error(failure: Failure, *, call: Call, attempts: int, elapsed: float) -> errors.OnliveCallError:
    """Return the error of a call that got no usable answer."""
    lost = errors.OnliveUnknownFateError if call.is_write else errors.OnliveNoAnswerError
    kind: type[errors.OnliveCallError] = {
        FailureKind.NOT_SENT: errors.OnliveConnectError,
        FailureKind.TLS: errors.OnliveTlsError,
        FailureKind.LOST: lost,
        FailureKind.TOO_LARGE: errors.OnliveAnswerError,
    }[failure.kind]
    return kind(f"{failure.kind.value}: {failure.detail}", call=str(call), attempts=attempts, elapsed=elapsed)


_BY_STATUS: dict[int, type[errors.OnliveStatusError]] = {
    400: errors.OnliveBadRequestError,
    401: errors.OnliveUnauthorizedError,
    403: errors.OnliveForbiddenError,
    404: errors.OnliveNotFoundError,
    408: errors.OnliveBusyError,
    409: errors.OnliveConflictError,
    422: errors.OnliveValidationError,
    425: errors.OnliveBusyError,
    429: errors.OnliveBusyError,
}


def status_error(
    answer: Answer, *, call: str, attempts: int, elapsed: float, retry_after: float | None, skew: float | None
) -> errors.OnliveCallError:
    """Return the error of an answer that is not a JSON object with status 2xx.

    :param skew: seconds by which the server's clock is ahead, when that is the likely cause of a 401.
    """
    status = answer.status
    if status < 400:
        why = "a redirect, which is not followed" if status >= 300 else "and not with a JSON object"
        return errors.OnliveAnswerError(
            f"the server answered {status}, {why}", call=call, attempts=attempts, elapsed=elapsed
        )
    text, listed = read_error(answer)
    said = f': "{text}"' if text else ""
    fields = f" [{'; '.join(map(str, listed))}]" if listed else ""
    wish = f" and asked to wait {retry_after:.0f} s" if retry_after else ""
    message = f"the server answered {status}{said}{fields}{wish}"
    if skew is not None:
        side = "behind" if skew > 0 else "ahead of"
        return errors.OnliveClockSkewError(
            f"{message}, and this machine's clock is {abs(skew):.0f} s {side} the server's",
            skew=skew,
            status=status,
            server_message=text,
            errors=listed,
            call=call,
            attempts=attempts,
            elapsed=elapsed,
        )
    kind = _BY_STATUS.get(status) or (errors.OnliveServerError if status >= 500 else errors.OnliveRefusedError)
    return kind(
        message,
        status=status,
        server_message=text,
        errors=listed,
        call=call,
        attempts=attempts,
        elapsed=elapsed,
        retry_after=retry_after,
    )
