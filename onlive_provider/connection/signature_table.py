r"""The signing profiles that ``onlive check --find-signature`` tries, as data: the likeliest first.

Every choice has a price, the lower the likelier; a profile's price is the sum of its choices'. All that cost no more
than ``MOST`` are tried in the order of their price. In all texts ``\n`` is a newline, as in a Connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from onlive_provider.client.placeholders import PLACEHOLDERS
from onlive_provider.client.signing import DEFAULT_SIGNING_KEY, SigningProfile

Table = tuple[tuple[int, str], ...]
"""Choices with their prices."""

MOST = 3

_N = r"\n"

LIKELY_ORDERS = (
    (0, "method path query header body"),
    (0, "method path query date body"),
    (0, "date method path_query body"),
    (1, "method path_query date body"),
    (1, "date method path query body"),
    (1, "method date path query body"),
    (1, "method path date body"),
    (1, "date method path body"),
    (1, "method path_query header body"),
    (2, "method path date query body"),
    (2, "method date path_query body"),
    (2, "method date path body"),
    (2, "method path query body date"),
    (2, "method path_query body date"),
    (2, "method path body date"),
    (2, "method host path query date body"),
    (2, "access_key_id date method path_query body"),
    (2, "access_key_id date method path query body"),
    (2, "access_key_id method path query date body"),
    (2, "method path query host header body"),
    (2, "method path query body header"),
    (3, "method host path query header body"),
    (3, "host method path query date body"),
    (3, "method path query access_key_id date body"),
    (3, "date access_key_id method path_query body"),
    (3, "access_key_id date method path body"),
    (3, "access_key_id method path_query date body"),
    (3, "method path_query access_key_id date body"),
    (3, "method path query date access_key_id body"),
    (3, "path_query date body"),
    (3, "date path_query body"),
    (3, "access_key_id date body"),
    (3, "date access_key_id body"),
    (3, "date body"),
    (3, "date"),
    (3, "method url date body"),
    (3, "date method url body"),
    (3, "url date body"),
)
"""The parts of a string to sign of one stage, in their order."""

SCHEMES = (
    (0, "{unix_seconds}{method}{path_query}{body}"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nhost;x-onlive-site-date\nBODY"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\nBODY"),
    (2, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n\nx-onlive-site-date\nBODY"),
    (1, r"{method}\n{path_query}\n{date};{host};{body_sha256_base64}"),
    (2, "{access_key_id}{date}{method}{path_query}BODY"),
    (2, r"{method_lower}\n{path}\n{query}\n{date}\nBODY"),
    (2, r"{unix_seconds}\n{method}\n{path_query}\nBODY"),
    (2, "{method}:{path_query}:{date}:BODY"),
    (2, r"ONLIVESITE-HMAC-SHA256\n{date}\n{method}\n{path}\n{query}\nBODY"),
    (2, r"(request-target): {method_lower} {path_query}\nhost: {host}\nx-onlive-site-date: {date}"),
)
"""Strings to sign of one stage that are no list of parts: as other vendors write them."""

ORDERS = (
    SCHEMES
    + LIKELY_ORDERS
    + tuple(
        (3, " ".join(order))
        for parts in ("method path query date body", "method path_query date body", "method path date body")
        for order in permutations(parts.split())
    )
)

SEPARATORS = ((0, _N), (1, ""), (1, "|"), (2, "&"), (2, ":"), (3, "."), (3, ","), (3, ";"), (3, " "), (3, "/"))

BODIES = (
    (0, "{body_sha256}"),
    (1, "{body}"),
    (1, "{body_hash}"),
    (2, ""),
    (2, "{body_sha256_base64}"),
    (3, "{body_md5}"),
    (3, "{body_md5_base64}"),
)
"""The forms of the body that a read tells apart; what only a write tells apart stands in ``BODY_FORMS``."""

HASHED_BODIES = ((0, "{body_hash}"), (0, "{body_sha256}"), (1, "{body}"))
"""The same for a canonical request."""

TIMES = ((0, "{date}"), (2, "{unix_seconds}"), (3, "{iso_time}"), (3, "{unix_ms}"), (3, "{http_date}"))
ENCODINGS = ((0, "hex"), (1, "base64"))
HASHES = ((0, "sha256"), (1, "sha512"), (2, "sha1"))
FRAMES = (
    (0, "STRING"),
    (3, r"STRING\n"),
    (3, r"ONLIVESITE\nSTRING"),
    (3, r"ONLIVESITE-HMAC-SHA256\nSTRING"),
    (3, r"{access_key_id}\nSTRING"),
)
"""What stands before and after the parts."""

KEYS = (
    (0, "{secret}"),
    (2, r"{secret}\n{day}"),
    (2, "{secret_from_base64}"),
    (2, r"ONLIVESITE{secret}\n{day}"),
    (2, r"ONLIVESITE{secret}\n{day}\nonlivesite_request"),
    (3, r"{secret}\n{date}"),
    (3, r"{secret}\n{day}\nonlivesite_request"),
    (3, "ONLIVESITE{secret}"),
    (3, r"ONLIVE{secret}\n{day}"),
    (3, r"ONLIVE{secret}\n{day}\nonlive_request"),
    (3, r"{secret}\n{day}\nonlive_request"),
    (3, r"{secret}\n{day_dashed}"),
    (3, r"AWS4{secret}\n{day}"),
    (3, r"AWS4{secret}\n{day}\naws4_request"),
    (3, "{secret_from_hex}"),
    (3, "{secret_sha256}"),
    (3, "{secret_base64}"),
    (3, r"ONLIVESITE4{secret}\n{day}\nonlivesite4_request"),
    (3, r"{secret}\n{access_key_id}"),
)

CANONICAL_REQUESTS = (
    (0, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nhost;x-onlive-site-date\nBODY"),
    (0, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n\nx-onlive-site-date\nBODY"),
    (0, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\nBODY"),
    (0, r"{method}\n{path}\n{query}\nBODY"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\nBODY"),
    (1, r"{method}\n{path}\n{query}\n{date}\nBODY"),
    (1, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n\nBODY"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nBODY"),
    (1, r"{method}\n{path_query}\nBODY"),
    (2, r"{method}\n{path}\n{query}\nhost:{host}\n\nhost\nBODY"),
    (2, r"{method}\n{path_query}\n{date}\nBODY"),
    (2, r"{method}\n{path_query}\nx-onlive-site-date:{date}\nBODY"),
    (2, r"{method}\n{path}\nBODY"),
    (2, r"{method}\n{path}\n{query}\n{host}\n{date}\nBODY"),
)
STRINGS_TO_SIGN = (
    (0, r"ALGORITHM\n{date}\n{canonical_request_hash}"),
    (0, r"{date}\n{canonical_request_hash}"),
    (1, r"ALGORITHM\n{date}\n{day}\n{canonical_request_hash}"),
    (1, r"ALGORITHM\n{date}\n{day}/onlivesite_request\n{canonical_request_hash}"),
    (1, "{canonical_request_hash}"),
    (1, r"x-onlive-site-date:{date}\n{canonical_request_hash}"),
    (2, r"ALGORITHM\n{date}\n{access_key_id}\n{canonical_request_hash}"),
    (2, r"ALGORITHM\n{date}\n{day}/onlive_request\n{canonical_request_hash}"),
    (2, r"ALGORITHM\n{date}\n{day}/aws4_request\n{canonical_request_hash}"),
    (2, r"ALGORITHM\n{canonical_request_hash}"),
    (2, r"{access_key_id}\n{date}\n{canonical_request_hash}"),
    (3, "{date}{canonical_request_hash}"),
)
ALGORITHMS = (
    (0, "ONLIVESITE-HMAC-HASH"),
    (1, "ONLIVESITE"),
    (1, "HMAC-HASH"),
    (1, "AWS4-HMAC-HASH"),
    (2, "ONLIVE-HMAC-HASH"),
    (2, "ONLIVESITE4-HMAC-HASH"),
    (2, "ONLIVESITE1-HMAC-HASH"),
)
TWO_STAGES = 1
"""What the second stage costs: no more, for the vendor calls its signature similar to AWS's, which has two."""

BODY_FORMS = (
    "{body_sha256}",
    "{body}",
    "",
    "{body_sha256_or_empty}",
    "{body_hash}",
    "{body_hash_or_empty}",
    "{body_sha256_base64}",
    "{body_sha256_base64_or_empty}",
    "{body_md5}",
    "{body_md5_or_empty}",
    "{body_md5_base64}",
    "{body_md5_base64_or_empty}",
    "{body_hash_base64}",
    "{body_hash_base64_or_empty}",
    "{body_base64}",
    "{body_length}",
    hashlib.sha256().hexdigest(),
)
"""Every form of the body, the likeliest first; the last is that of a server that never hashes it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One profile to try.

    :param family: in words, for the count of what was tried.
    """

    profile: SigningProfile
    family: str


def candidates() -> Iterator[Candidate]:
    """Yield every profile to try, the likeliest first; some sign a read alike."""
    priced = [*_one_stage(), *_two_stages()]
    for _, found in sorted(priced, key=lambda each: each[0]):
        yield found


def _one_stage() -> Iterator[tuple[int, Candidate]]:
    tables = (ORDERS, SEPARATORS, BODIES, TIMES, FRAMES, KEYS, HASHES, ENCODINGS)
    for price, (order, separator, body, time, frame, key, hash_name, encoding) in _choices(tables, MOST):
        if "{" not in order:
            text = _joined(
                order.split(), separator, {"header": f"x-onlive-site-date:{time}", "date": time, "body": body}
            )
        elif separator == _N and time == "{date}" and (body == "{body_sha256}" or "BODY" in order):
            text = order.replace("BODY", body)
        else:
            continue
        profile = SigningProfile(frame.replace("STRING", text), "", key, hash_name, encoding)
        yield price, Candidate(profile, _family("one stage", profile))


def _joined(parts: Sequence[str], separator: str, forms: Mapping[str, str]) -> str:
    texts = [forms.get(name, f"{{{name}}}") for name in parts]
    return separator.join(text for text in texts if text)


def _two_stages() -> Iterator[tuple[int, Candidate]]:
    tables = (CANONICAL_REQUESTS, STRINGS_TO_SIGN, ALGORITHMS, HASHED_BODIES, KEYS, HASHES, ENCODINGS)
    for price, (request, string, algorithm, body, key, hash_name, encoding) in _choices(tables, MOST - TWO_STAGES):
        if "{date}" not in request + string or ("ALGORITHM" not in string and algorithm != ALGORITHMS[0][1]):
            continue
        text = string.replace("ALGORITHM", algorithm.replace("HASH", hash_name.upper()))
        profile = SigningProfile(text, request.replace("BODY", body), key, hash_name, encoding)
        yield price + TWO_STAGES, Candidate(profile, _family("two stages", profile))


def _choices(tables: Sequence[Table], most: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield one choice of each table and their price together, as far as that is not more than ``most``."""
    if not tables:
        yield 0, ()
        return
    for price, value in tables[0]:
        if price <= most:
            for others, values in _choices(tables[1:], most - price):
                yield price + others, (value, *values)


def _family(stages: str, profile: SigningProfile) -> str:
    key = "the secret as the key" if profile.signing_key == DEFAULT_SIGNING_KEY else "another key"
    return f"{stages}, {key}, {profile.signature_hash}, {profile.signature_encoding}"


def body_variants(profile: SigningProfile) -> Iterator[SigningProfile]:
    """Yield profiles that differ from one in the body's part only."""
    setting = "canonical_request" if profile.canonical_request else "string_to_sign"
    template: str = getattr(profile, setting)
    signed = [name for name in PLACEHOLDERS if f"{{{name}}}" in template and PLACEHOLDERS[name].group == "body"]
    for form in BODY_FORMS:
        changed = template
        for name in signed:
            changed = changed.replace(f"{{{name}}}", form)
        if not signed:
            changed = template + form
        yield SigningProfile(**{**_settings(profile), setting: changed})


def _settings(profile: SigningProfile) -> dict[str, str]:
    names = ("string_to_sign", "canonical_request", "signing_key", "signature_hash", "signature_encoding")
    return {name: getattr(profile, name) for name in names}


def differences(profile: SigningProfile) -> dict[str, str]:
    """Return the settings of a profile that are not the default's: what a Connection's extra must hold."""
    default = _settings(SigningProfile())
    return {name: value for name, value in _settings(profile).items() if value != default[name]}
