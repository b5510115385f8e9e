"""Wording that messages share: counts with their nouns, and the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 service`` or ``1,200 services``.

    :param noun: a singular whose plural ends in ``s``.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(given: str, names: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the name that is closest to what was given, in whatever case, if one is close.

    :param likeness: how close, from 0 to 1 (the same).
    """
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(given.lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[close[0]] if close else None


def did_you_mean(given: str, names: Iterable[str]) -> str:
    """Return ``did you mean "name"?`` for the name closest to what was given, or an empty string."""
    name = nearest(given, names)
    return f'did you mean "{name}"?' if name else ""


def suggest(given: str, names: Iterable[str]) -> str:
    """Return ``did you mean "name"?`` for the name closest to what was given, or else ``accepted:`` and all names."""
    names = list(names)
    return did_you_mean(given, names) or f"accepted: {', '.join(names)}"
