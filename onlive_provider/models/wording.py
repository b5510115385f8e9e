"""Words that messages share: counts with their nouns, and the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 service`` or ``1,200 services``.

    :param noun: a singular whose plural ends in ``s``.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def suggest(given: str, names: Iterable[str]) -> str:
    """Return ``did you mean "name"?`` for the name closest to what was given, or an empty string."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(given.lower(), by_lower, n=1)
    return f'did you mean "{by_lower[close[0]]}"?' if close else ""
