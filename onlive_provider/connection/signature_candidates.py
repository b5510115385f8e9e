"""Makes the profiles to try from the table: every mixture that is likely enough, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from onlive_provider.client.placeholders import PLACEHOLDERS
from onlive_provider.client.signing import DEFAULT_SIGNING_KEY, SigningProfile
from onlive_provider.connection import signature_table as table


@dataclass(frozen=True, slots=True)
class Candidate:
    """One profile to try.

    :param family: in words, for the count of what was tried.
    """

    profile: SigningProfile
    family: str


def candidates() -> Iterator[Candidate]:
    """Yield every profile to try, the likeliest first; some sign a read alike."""
    priced = [*_one_stage(), *_two_stages(), *_similar_to_aws()]
    for _, found in sorted(priced, key=lambda each: each[0]):
        yield found


def _one_stage() -> Iterator[tuple[int, Candidate]]:
    tables = (
        table.ORDERS,
        table.SEPARATORS,
        table.BODIES,
        table.TIMES,
        table.FRAMES,
        table.KEYS,
        table.HASHES,
        table.ENCODINGS,
    )
    for price, (order, separator, body, time, frame, key, hash_name, encoding) in _choices(tables, table.MOST):
        if "{" not in order:
            text = _joined(
                order.split(), separator, {"header": f"x-onlive-site-date:{time}", "date": time, "body": body}
            )
        elif separator == table.NEWLINE and time == "{date}" and (body == "{body_sha256}" or "BODY" in order):
            text = order.replace("BODY", body)
        else:
            continue
        profile = SigningProfile(frame.replace("STRING", text), "", key, hash_name, encoding)
        yield price, Candidate(profile, _family("one stage", profile))


def _joined(parts: Sequence[str], separator: str, forms: Mapping[str, str]) -> str:
    texts = [forms.get(name, f"{{{name}}}") for name in parts]
    return separator.join(text for text in texts if text)


def _two_stages() -> Iterator[tuple[int, Candidate]]:
    tables = (
        table.CANONICAL_REQUESTS,
        table.STRINGS_TO_SIGN,
        table.ALGORITHMS,
        table.HASHED_BODIES,
        table.KEYS,
        table.HASHES,
        table.ENCODINGS,
    )
    for price, (request, string, algorithm, body, key, hash_name, encoding) in _choices(
        tables, table.MOST - table.TWO_STAGES
    ):
        if "{date}" not in request + string or ("ALGORITHM" not in string and algorithm != table.ALGORITHMS[0][1]):
            continue
        text = string.replace("ALGORITHM", algorithm.replace("HASH", hash_name.upper()))
        profile = SigningProfile(text, request.replace("BODY", body), key, hash_name, encoding)
        yield price + table.TWO_STAGES, Candidate(profile, _family("two stages", profile))


def _similar_to_aws() -> Iterator[tuple[int, Candidate]]:
    """Yield AWS's scheme under other names: one brand in the algorithm, the scope and the key."""
    requests = [request for price, request in table.CANONICAL_REQUESTS if price == 0]
    for brand, scope, key, request in product(table.BRANDS, table.SCOPES, table.DERIVED_KEYS, requests):
        text = rf"BRAND-HMAC-SHA256\n{{date}}\n{scope}{{canonical_request_hash}}"
        string, derived = (
            each.replace("BRAND", brand).replace("REQUEST", f"{brand.lower()}_request") for each in (text, key)
        )
        profile = SigningProfile(string, request.replace("BODY", "{body_sha256}"), derived)
        yield table.SIMILAR_TO_AWS, Candidate(profile, _family("two stages", profile))


def _choices(tables: Sequence[table.Table], most: int) -> Iterator[tuple[int, tuple[str, ...]]]:
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
    for form in table.BODY_FORMS:
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
