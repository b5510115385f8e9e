"""Signatures that somebody else computed, and which stage of ours differs from them first.

A file holds one vector, an object, or a list of them; ``docs/connect.md`` documents its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from onlive_provider.client import signing
from onlive_provider.client.placeholders import SignedParts, second_of
from onlive_provider.client.protocol import canonical_query
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import DATE_HEADER, Credentials, SigningProfile
from onlive_provider.connection.fields import SIGNING_FIELDS
from onlive_provider.errors import OnliveConfigError

REQUIRED = ("method", "url", "date", "signature")
OPTIONAL = (
    *("name", "source", "headers", "body", "access_key_id", "secret_access_key", "extra"),
    *("canonical_request", "string_to_sign", "signing_key"),
)

_AUTHORIZATION = re.compile(r"ONLIVESITE Credential:([^,]+), Signature=(\S+)")
_EXCERPT = 30


class VectorsError(Exception):
    """A file of vectors cannot be used; the message is a sentence that names the vector and the field."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A request and the signature that somebody else computed for it.

    :param expected: the signature, and the stages before it as far as they are known.
    """

    name: str
    method: str
    url: str
    date: str
    body: bytes = field(repr=False)
    credentials: Credentials
    profile: SigningProfile
    expected: Mapping[str, str] = field(repr=False)


def read_vectors(path: Path, find: Callable[[], Settings]) -> list[Vector]:
    """Read a file of vectors.

    :param find: looks up the Connection that gives what a vector leaves out: the access key and the profile.
    :raises VectorsError: the file, or a field of a vector, cannot be used.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise VectorsError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise VectorsError(f"{path}: is not JSON: {error}") from None
    items = content if isinstance(content, list) else [content]
    if not items or not all(isinstance(item, dict) for item in items):
        raise VectorsError(f"{path}: is not a JSON object, nor a list of them")
    settings: list[Settings] = []

    def connection() -> Settings:
        if not settings:
            settings.append(find())
        return settings[0]

    return [_read(f"{path}: vector {number}", item, connection) for number, item in enumerate(items, 1)]


def _read(where: str, item: Mapping[str, Any], connection: Callable[[], Settings]) -> Vector:
    for name in item:
        if name not in REQUIRED + OPTIONAL:
            raise VectorsError(f"{where}: {name} is not a field; accepted are {', '.join(REQUIRED + OPTIONAL)}")
    values = {**_from_headers(where, item.get("headers", {})), **item}
    for name, value in values.items():
        kind = dict if name in ("headers", "extra") else str
        if not isinstance(value, kind):
            raise VectorsError(f"{where}: {name} is not {'an object' if kind is dict else 'text'}")
    missing = [name for name in REQUIRED if not values.get(name)]
    if missing:
        raise VectorsError(f"{where}: {missing[0]} is missing")
    try:
        second_of(values["date"])
    except ValueError:
        raise VectorsError(f"{where}: date is not of the form 20250526T143022Z") from None
    credentials = Credentials(
        values.get("access_key_id") or connection().credentials.access_key_id,
        values.get("secret_access_key") or connection().credentials.secret_access_key,
    )
    stages = ("canonical_request", "string_to_sign", "signing_key", "signature")
    return Vector(
        values.get("name") or where.rpartition(": ")[2],
        values["method"],
        _as_sent(values["url"]),
        values["date"],
        values.get("body", "").encode(),
        credentials,
        _profile(where, values, connection),
        {name: values[name] for name in stages if name in values},
    )


def _from_headers(where: str, headers: Any) -> dict[str, str]:
    """Return what the headers of a request say: its date, and the Authorization's two parts."""
    if not isinstance(headers, dict):
        raise VectorsError(f"{where}: headers is not an object")
    found = {}
    for name, value in headers.items():
        if name.lower() == DATE_HEADER:
            found["date"] = value
        if name.lower() == "authorization":
            parts = _AUTHORIZATION.fullmatch(str(value))
            if parts is None:
                raise VectorsError(f"{where}: Authorization is not ONLIVESITE Credential:..., Signature=...")
            found["access_key_id"], found["signature"] = parts.groups()
    return found


def _profile(where: str, values: Mapping[str, Any], connection: Callable[[], Settings]) -> SigningProfile:
    if "extra" not in values:
        return connection().profile
    given = {name: value for name, value in values["extra"].items() if name in SIGNING_FIELDS and value}
    if not all(isinstance(value, str) for value in given.values()):
        raise VectorsError(f"{where}: the signing settings in extra are text")
    try:
        return SigningProfile(**given)
    except OnliveConfigError as error:
        raise VectorsError(f"{where}: {error}") from None


def _as_sent(url: str) -> str:
    """Return an address with its query in the order in which the client sends it."""
    address, _, query = url.partition("?")
    canonical = canonical_query(parse_qsl(query, keep_blank_values=True))
    return f"{address}?{canonical}" if canonical else address


def first_difference(vector: Vector) -> str | None:
    """Compute a signature stage by stage and say in a sentence which one differs first, or ``None``.

    :raises OnliveConfigError: the secret is not in the form that the profile takes it for.
    """
    profile, expected, secret = vector.profile, vector.expected, vector.credentials.secret_access_key
    parts = SignedParts(
        vector.method,
        vector.url,
        vector.body,
        second_of(vector.date),
        vector.credentials.access_key_id,
        profile.signature_hash,
    )
    request = signing.canonical_request(profile, parts).decode(errors="replace") if profile.canonical_request else ""
    if "canonical_request" in expected and expected["canonical_request"] != request:
        if not request:
            return "the canonical request differs: the profile has none (extra.canonical_request)"
        return f"the canonical request differs: {_where(expected['canonical_request'], request, secret)}"
    text = signing.string_to_sign(profile, parts)
    if "string_to_sign" in expected and expected["string_to_sign"].encode() != text:
        shown = text.decode(errors="replace")
        return f"the string to sign differs: {_where(expected['string_to_sign'], shown, secret)}"
    key = signing.signing_key(profile, secret, parts)
    if "signing_key" in expected and expected["signing_key"].lower() != key.hex():
        return "the key differs (neither is shown): compare extra.signing_key, extra.signature_hash and the secret"
    ours, theirs = signing.signature(profile, key, text), expected["signature"]
    return None if ours == theirs else f"the signature differs: {_why(ours, theirs, expected)}"


def _why(ours: str, theirs: str, expected: Mapping[str, str]) -> str:
    if len(ours) != len(theirs):
        return (
            f"the vector's has {len(theirs)} characters, ours {len(ours)}; compare extra.signature_hash and "
            "extra.signature_encoding"
        )
    unknown = [name for name in ("canonical_request", "string_to_sign", "signing_key") if name not in expected]
    if unknown:
        return f"add {', '.join(unknown)} to the vector, as far as the vendor's script shows them, to see which stage"
    return "all stages before it agree; compare extra.signature_hash and extra.signature_encoding"


def _where(theirs: str, ours: str, secret: str) -> str:
    """Return the first line in which two texts differ, shortened round the place, without the secret."""
    theirs, ours = (text.replace(secret, "***") for text in (theirs, ours))
    pairs = zip((*theirs.split("\n"), None), (*ours.split("\n"), None), strict=False)
    number, (line, own) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    if line is None or own is None:
        more, rest = ("the profile's", own) if line is None else ("the vector's", line)
        return f"line {number} is only in {more}: {_shortened(rest or '', 0)}"
    same = next((at for at, (a, b) in enumerate(zip(line, own, strict=False)) if a != b), min(len(line), len(own)))
    return f"line {number}: the vector has {_shortened(line, same)}, the profile makes {_shortened(own, same)}"


def _shortened(line: str, at: int) -> str:
    begin, end = max(0, at - _EXCERPT), at + _EXCERPT
    before, after = "..." if begin else "", "..." if end < len(line) else ""
    return json.dumps(f"{before}{line[begin:end]}{after}", ensure_ascii=False)
