"""What ``onlive check --find-signature`` says: the profile to paste, what is unproven, or what was tried in vain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from onlive_provider.client.signing import SigningProfile
from onlive_provider.connection.diagnosis import shown_key
from onlive_provider.connection.fields import SIGNING_FIELDS
from onlive_provider.connection.signature_candidates import differences
from onlive_provider.connection.signature_finder import Search

HOW_TO = "docs/connect.md"


def found(search: Search, profile: SigningProfile) -> Iterator[str]:
    """Yield the lines for a profile that the server accepts for reads."""
    tries = sum(search.tried.values())
    yield f"Found: {search.settings.base_url} accepts this signing profile (try {tries:,})."
    yield from to_paste(search, profile)


def to_paste(search: Search, profile: SigningProfile) -> Iterator[str]:
    """Yield what a Connection's extra must hold for a profile, and what it must not hold any more."""
    wanted, held = differences(profile), differences(search.settings.profile)
    if wanted:
        yield "The signing settings of the Connection's extra, as JSON to paste:"
        yield json.dumps(wanted, indent=2, ensure_ascii=False)
    else:
        yield "It is the default profile: the Connection's extra needs no signing settings."
    spare = [name for name in SIGNING_FIELDS if name in held and name not in wanted]
    if spare:
        yield f"Remove from the extra: {', '.join(spare)}."


def unproven(search: Search) -> Iterator[str]:
    """Yield what reads cannot show."""
    yield (
        "Not proven: how the body of a write is signed, because a read has none. Add --write-probe: it sends a PUT to "
        "an id that no record has, so nothing can be written."
    )
    if search.service_id is not None:
        yield "Not proven: how a query is signed, because the read of one service has none."


def proven(search: Search) -> str:
    """Return the sentence for a body whose signature was accepted."""
    return f"Proven: a PUT with a body is accepted too ({search.writes} tried, to an id that no record has)."


def body_not_found(search: Search) -> str:
    """Return the sentence for a profile that is right for reads only."""
    return (
        f"Reads are accepted with it and writes are not: {search.writes} forms of the body were refused with 401. "
        f"The vendor's page says how the body is signed; {HOW_TO} says how to write it down."
    )


def not_found(search: Search) -> Iterator[str]:
    """Yield the lines for a search in vain, ready to be sent to the vendor's support."""
    settings, total = search.settings, sum(search.tried.values())
    now = datetime.fromtimestamp(search.clock.time(), UTC)
    yield f"None of {total:,} signing profiles is accepted."
    yield (
        "A wrong secret looks the same as a wrong profile: first make sure that the Secret Access Key is complete and "
        f"belongs to this Access Key ID. Then {HOW_TO} says how to write down what the vendor's page says."
    )
    yield "What was tried, for a message to the vendor's support:"
    key = shown_key(settings) or " not shown"
    yield f"  server: {settings.base_url}, access key{key}, until {now:%Y-%m-%d %H:%M} UTC"
    yield f"  answers: {', '.join(f'{count:,} times {status}' for status, count in sorted(search.statuses.items()))}"
    for family, count in sorted(search.tried.items()):
        yield f"  {count:>5,}  {family}"
