"""Numbers of things in words, for logs, errors and plans."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number of things, e.g. ``1 service`` or ``1,200 services``.

    :param noun: singular, of those that take an ``s``.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
