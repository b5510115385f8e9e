"""The closed set of placeholders of a signing profile: what each stands for, and how it is filled in.

This is the one definition: profiles are checked against it, signatures are filled from it, and the documentation's
table is written from it.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from operator import attrgetter
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

Group = Literal["request", "time", "body", "stage", "secret"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One second in every way in which it is written; all are the second of the timestamp header."""

    date: bytes
    day: bytes
    day_dashed: bytes
    iso_time: bytes
    iso_time_ms: bytes
    unix_seconds: bytes
    unix_ms: bytes
    http_date: bytes


@lru_cache(maxsize=16)
def moment(second: int) -> Moment:
    """Return a second of the epoch in every way in which it is written."""
    utc = time.gmtime(second)
    iso = time.strftime("%Y-%m-%dT%H:%M:%S", utc)
    # Not strftime's %a and %b, which are the machine's language.
    weekday, month = _WEEKDAYS[utc.tm_wday], _MONTHS[utc.tm_mon - 1]
    return Moment(
        date=time.strftime("%Y%m%dT%H%M%SZ", utc).encode(),
        day=time.strftime("%Y%m%d", utc).encode(),
        day_dashed=iso[:10].encode(),
        iso_time=f"{iso}Z".encode(),
        iso_time_ms=f"{iso}.000Z".encode(),
        unix_seconds=str(second).encode(),
        unix_ms=str(second * 1000).encode(),
        http_date=f"{weekday}, {utc.tm_mday:02} {month} {utc.tm_year} {iso[11:]} GMT".encode(),
    )


def second_of(date: str) -> int:
    """Return the second of the epoch that a timestamp header's value names.

    :raises ValueError: it is not ``YYYYMMDDTHHmmssZ``.
    """
    return calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class SignedParts:
    """What a signature is made of: one attempt's request, its time, and the stage that was computed before.

    Its repr shows nothing but method and path: the body may hold guests' data.

    :param url: the whole address as it is sent; its query must be canonical already (sorted, percent-encoded).
    :param body: the exact bytes of the body, empty when there is none.
    :param second: the second of the epoch in the timestamp header.
    :param hash_name: the profile's hash.
    """

    __slots__ = (
        "access_key_id",
        "body",
        "canonical_request_hash",
        "hash_name",
        "host",
        "method",
        "moment",
        "path",
        "query",
        "url",
    )

    def __init__(self, method: str, url: str, body: bytes, second: int, access_key_id: str, hash_name: str) -> None:
        self.method, self.url, self.body = method.encode(), url.encode(), body
        self.access_key_id, self.hash_name = access_key_id.encode(), hash_name
        self.moment = moment(second)
        address, _, self.query = self.url.partition(b"?")
        self.host, slash, path = address.partition(b"://")[2].partition(b"/")
        self.path = slash + path
        self.canonical_request_hash = b""

    def __repr__(self) -> str:
        return f"SignedParts({self.method.decode()} {self.path.decode()})"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder.

    :param group: ``time`` ones prove that a recorded request cannot be replayed for ever; ``secret`` ones stand only
        in the first line of the signing key.
    :param meaning: for the documentation.
    :param fill: gives its bytes for one request; a ``secret`` one is given the secret instead.
    """

    name: str
    group: Group
    meaning: str
    fill: Callable[[SignedParts], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretForm:
    """One way to write the secret as the bytes of a key.

    :param fill: raises :class:`ValueError` for a secret that is not in this form.
    """

    name: str
    meaning: str
    fill: Callable[[bytes], bytes] = field(repr=False)


def _encoded(text: bytes) -> bytes:
    return quote(text, safe="").encode()


def _path_query(parts: SignedParts) -> bytes:
    return parts.path + b"?" + parts.query if parts.query else parts.path


def _host_name(parts: SignedParts) -> bytes:
    name, colon, port = parts.host.rpartition(b":")
    return name if colon and port.isdigit() else parts.host


def _body_hash(algorithm: str, encode: Callable[[bytes], bytes], empty: bool, parts: SignedParts) -> bytes:
    """Return the body's hash as text.

    :param algorithm: empty for the profile's own.
    :param empty: whether no body has no hash, instead of the hash of nothing.
    """
    if empty and not parts.body:
        return b""
    return encode(hashlib.new(algorithm or parts.hash_name, parts.body, usedforsecurity=False).digest())


def _body_hashes() -> list[Placeholder]:
    made = []
    for name, algorithm, said in (
        ("sha256", "sha256", "SHA-256"),
        ("md5", "md5", "MD5"),
        ("hash", "", "hash with `signature_hash`"),
    ):
        for suffix, encode, encoding in (
            ("", binascii.hexlify, "lower-case hex"),
            ("_base64", base64.b64encode, "base64"),
        ):
            text = f"the body's {said} in {encoding}"
            for end, empty, nothing in (("", False, "of nothing"), ("_or_empty", True, "empty")):
                made.append(
                    Placeholder(
                        f"body_{name}{suffix}{end}",
                        "body",
                        f"{text}; {nothing} when there is no body",
                        partial(_body_hash, algorithm, encode, empty),
                    )
                )
    return made


def _body_sha256(parts: SignedParts) -> bytes:
    # Every call of the default profile needs this one: the general form costs twice the time.
    return hashlib.sha256(parts.body).hexdigest().encode()


_ALL = (
    Placeholder("method", "request", "`GET` or `PUT`", attrgetter("method")),
    Placeholder("method_lower", "request", "`get` or `put`", lambda parts: parts.method.lower()),
    Placeholder("path", "request", "`/api/v1/appointments/1610...`", attrgetter("path")),
    Placeholder(
        "path_encoded",
        "request",
        "the same, percent-encoded with its slashes: `%2Fapi%2Fv1...`",
        lambda parts: _encoded(parts.path),
    ),
    Placeholder(
        "query",
        "request",
        "`limit=1&page=2`: sorted, percent-encoded; empty when there is none",
        attrgetter("query"),
    ),
    Placeholder("query_encoded", "request", "the same, percent-encoded once more", lambda parts: _encoded(parts.query)),
    Placeholder(
        "query_decoded", "request", "the same, sorted and not encoded", lambda parts: unquote_to_bytes(parts.query)
    ),
    Placeholder(
        "path_query",
        "request",
        "the path, and `?` and the query when there is one",
        _path_query,
    ),
    Placeholder(
        "path_query_encoded",
        "request",
        "the same, percent-encoded with its slashes",
        lambda parts: _encoded(_path_query(parts)),
    ),
    Placeholder("url", "request", "the whole address: scheme, host, path, query", attrgetter("url")),
    Placeholder("url_encoded", "request", "the same, percent-encoded", lambda parts: _encoded(parts.url)),
    Placeholder(
        "host",
        "request",
        "host, and the port if it is not the scheme's own",
        attrgetter("host"),
    ),
    Placeholder("host_name", "request", "host, without a port", _host_name),
    Placeholder("access_key_id", "request", "the Access Key ID", attrgetter("access_key_id")),
    Placeholder("date", "time", "the timestamp header's value, `20250526T143022Z`", attrgetter("moment.date")),
    Placeholder("iso_time", "time", "`2025-05-26T14:30:22Z`", attrgetter("moment.iso_time")),
    Placeholder("iso_time_ms", "time", "`2025-05-26T14:30:22.000Z`", attrgetter("moment.iso_time_ms")),
    Placeholder("unix_seconds", "time", "`1748269822`", attrgetter("moment.unix_seconds")),
    Placeholder("unix_ms", "time", "`1748269822000`", attrgetter("moment.unix_ms")),
    Placeholder("http_date", "time", "`Mon, 26 May 2025 14:30:22 GMT`", attrgetter("moment.http_date")),
    # A day is no time: what is signed with nothing but the day can be replayed until midnight.
    Placeholder("day", "request", "the timestamp's day in UTC, `20250526`", attrgetter("moment.day")),
    Placeholder("day_dashed", "request", "the same, `2025-05-26`", attrgetter("moment.day_dashed")),
    Placeholder("body", "body", "the body's bytes; empty when there is no body", attrgetter("body")),
    Placeholder("body_base64", "body", "the same in base64", lambda parts: base64.b64encode(parts.body)),
    Placeholder("body_length", "body", "how many bytes the body has", lambda parts: str(len(parts.body)).encode()),
    *_body_hashes(),
    Placeholder(
        "canonical_request_hash",
        "stage",
        "the hash of `canonical_request` with `signature_hash`, in lower-case hex; only in `string_to_sign`",
        attrgetter("canonical_request_hash"),
    ),
)
PLACEHOLDERS = {each.name: each for each in _ALL}
PLACEHOLDERS["body_sha256"] = replace(PLACEHOLDERS["body_sha256"], fill=_body_sha256)

SECRET_FORMS = {
    each.name: each
    for each in (
        SecretForm("secret", "the Secret Access Key as it is", lambda secret: secret),
        SecretForm(
            "secret_from_base64",
            "the bytes that it is the base64 of",
            lambda secret: base64.b64decode(secret, validate=True),
        ),
        SecretForm("secret_from_hex", "the bytes that it is the hex of", binascii.unhexlify),
        SecretForm("secret_base64", "its base64", base64.b64encode),
        SecretForm(
            "secret_sha256", "its SHA-256 in lower-case hex", lambda secret: hashlib.sha256(secret).hexdigest().encode()
        ),
    )
}

KEY_PLACEHOLDERS = (
    *(each.name for each in PLACEHOLDERS.values() if each.group == "time"),
    *("day", "day_dashed", "host", "host_name", "access_key_id"),
)
"""What the further lines of a signing key may hold: nothing that differs from one call of a second to the next."""
