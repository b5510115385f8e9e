"""Checks a request's signature with the sandbox's own few lines, independent of the client that makes it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from onlive_provider.sandbox.errors import unauthorized

WINDOW = timedelta(minutes=15)
"""How far a request's date may be from the server's clock."""

_AUTHORIZATION = re.compile(r"ONLIVESITE Credential:([!-+\--~]+), Signature=([0-9a-f]{64})")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def verify(
    *,
    method: str,
    path: bytes,
    query: bytes,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    secret_of: Callable[[str], str | None],
) -> str:
    """Return the access key id that signed the request; raise the API's 401 when anything about it does not hold.

    :param path: the path exactly as it was sent.
    :param query: the query exactly as it was sent, without the question mark.
    :param headers: the request's headers, looked up in lower case.
    :param now: the server's time; the request's date may be 15 minutes off.
    :param secret_of: gives an access key id's secret, or None when there is no such key.
    """
    authorization = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    date = headers.get("x-onlive-site-date", "")
    if authorization is None or not _is_within_window(date, now):
        raise unauthorized()
    access_key_id, signature = authorization.groups()
    secret = secret_of(access_key_id)
    if secret is None:
        raise unauthorized()
    signed = "\n".join(
        [
            method,
            path.decode("latin-1"),
            canonical_query(query),
            f"x-onlive-site-date:{date}",
            hashlib.sha256(body).hexdigest(),
        ]
    )
    expected = hmac.new(secret.encode(), signed.encode("latin-1"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise unauthorized()
    return access_key_id


def canonical_query(query: bytes) -> str:
    """Write a query sorted and percent-encoded, so that equal queries have one spelling."""
    pairs = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_encode(name), _encode(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encode(part: bytes) -> str:
    return quote(unquote_to_bytes(part.replace(b"+", b" ")), safe="-_.~")


def _is_within_window(date: str, now: datetime) -> bool:
    if _DATE.fullmatch(date) is None:
        return False
    try:
        sent = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - sent) <= WINDOW
