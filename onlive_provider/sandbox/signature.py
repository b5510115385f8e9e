"""Checks a request's signature with the sandbox's own few lines, independent of the client that makes it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from onlive_provider.sandbox.errors import unauthorized
from onlive_provider.sandbox.signature_profile import SignatureProfile

WINDOW = timedelta(minutes=15)
"""How far a request's date may be from the server's clock."""

_AUTHORIZATION = re.compile(r"ONLIVESITE Credential:([!-+\--~]+), Signature=([0-9A-Za-z+/=]+)")
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
    profile: SignatureProfile,
) -> str:
    """Return the access key id that signed the request; raise the API's 401 when anything about it does not hold.

    :param path: the path exactly as it was sent.
    :param query: the query exactly as it was sent, without the question mark.
    :param headers: the request's headers, looked up in lower case.
    :param now: the server's time; the request's date may be 15 minutes off.
    :param secret_of: gives an access key id's secret, or None when there is no such key.
    :param profile: what is signed and how.
    """
    authorization = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    date = _read_date(headers.get("x-onlive-site-date", ""))
    if authorization is None or date is None or abs(now - date) > WINDOW:
        raise unauthorized()
    access_key_id, signature = authorization.groups()
    secret = secret_of(access_key_id)
    if secret is None:
        raise unauthorized()
    expected = profile.signature(
        method=method,
        path=path.decode("utf-8", "surrogateescape"),
        query=canonical_query(query),
        host=headers.get("host", ""),
        body=body,
        date=date,
        access_key_id=access_key_id,
        secret=secret,
    )
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


def _read_date(date: str) -> datetime | None:
    if _DATE.fullmatch(date) is None:
        return None
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
