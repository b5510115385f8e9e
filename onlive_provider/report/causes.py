"""Failures grouped by their cause, so that what a thousand rows have in common is said once."""

from __future__ import annotations

import re
from bisect import insort
from dataclasses import dataclass, field

from onlive_provider.privacy import UUID_PATTERN, without_personal_data
from onlive_provider.report.outcomes import Outcome

MAX_CAUSES = 100
"""Causes that are kept apart; failures with any other are only counted."""
_MAX_NAMED = 3
_MAX_MESSAGE = 300

_FIELDS = re.compile(r"Nothing was sent(?:: |; [\d,]+ values cannot be used:\n  - )")
"""How :class:`~onlive_provider.errors.OnlivePayloadError` begins: what follows says as much."""
_ATTEMPTS = re.compile(r" \(\d+ attempts? in [\d.]+ s\)")
_VARYING = re.compile(
    rf"""{UUID_PATTERN.pattern}|(?<=got str )(?:'[^']*'|"[^"]*")|\d[\d.,:T+Z-]*\d|\d""", re.IGNORECASE
)
"""Ids, given texts, numbers and times: messages that differ in nothing else have one cause."""


@dataclass(slots=True)
class Cause:
    """One cause, and what has it.

    :param error: the error's class, e.g. ``OnliveConflictError``; empty where there is none.
    :param message: the first one's, short, on one line, without guests' data.
    :param number: how many have it.
    """

    error: str
    message: str
    number: int = 0
    _first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, order: int, name: str) -> None:
        """Count one, and keep its name if it is among the first."""
        self.number += 1
        if len(self._first) < _MAX_NAMED or order < self._first[-1][0]:
            insort(self._first, (order, name))
            del self._first[_MAX_NAMED:]

    @property
    def first(self) -> int:
        """The order of the first one."""
        return self._first[0][0]

    @property
    def named(self) -> list[str]:
        """The names of the first ones."""
        return [name for _, name in self._first]

    @property
    def where(self) -> str:
        """The places of the first ones, such as ``rows 20, 40, 60, ...``."""
        nouns, places = zip(*(name.split(" ", 1) for name in self.named), strict=True)
        if len(set(nouns)) > 1:
            told = ", ".join(self.named)
        else:
            told = f"{nouns[0]}{'s' if len(places) > 1 else ''} {', '.join(places)}"
        return f"{told}, ..." if self.number > len(places) else told


class Causes:
    """Failures by cause, in memory that does not grow with their number.

    ``others`` counts the failures whose causes are not kept apart.
    """

    def __init__(self) -> None:
        self.others = 0
        self._causes: dict[tuple[str, str], Cause] = {}

    def __bool__(self) -> bool:
        return bool(self._causes)

    def add(self, message: str, order: int, name: str, *, error: str = "") -> Cause | None:
        """Add what has a cause, and return the cause; ``None`` where it is not kept apart.

        :param order: its place among the others.
        :param name: what it is called, such as ``row 20``.
        """
        shown = without_personal_data(message)
        if len(shown) > _MAX_MESSAGE:
            shown = f"{shown[:_MAX_MESSAGE]}..."
        key = (error, _VARYING.sub("#", shown))
        if key not in self._causes:
            if len(self._causes) == MAX_CAUSES:
                self.others += 1
                return None
            self._causes[key] = Cause(error, shown)
        cause = self._causes[key]
        cause.add(order, name)
        return cause

    def add_failure(self, outcome: Outcome) -> Cause | None:
        """Add a failed row, and return its cause as :meth:`add` does."""
        return self.add(cause_of(outcome), outcome.index, outcome.place, error=outcome.error or "")

    @property
    def repeat(self) -> bool:
        """Whether any cause has more than one failure, so that the causes say more than the failures do."""
        return self.others > 0 or any(each.number > 1 for each in self._causes.values())

    def by_number(self) -> list[Cause]:
        """Return the causes, the most frequent first."""
        return sorted(self._causes.values(), key=lambda each: (-each.number, each.first))


def reasons_in(message: str) -> list[str]:
    """Return what a failure's message says, one item a field, without the words that every such message begins with."""
    found = _FIELDS.match(message)
    return message[found.end() :].split("\n  - ") if found else [message]


def reason_of(outcome: Outcome) -> str:
    """Return why a row failed, without the words that every such failure begins with."""
    return "; ".join(reasons_in(str(outcome.message or "")))


def cause_of(outcome: Outcome) -> str:
    """Return why a row failed, without what concerns this row alone: its id, and how long its calls took."""
    reason = _ATTEMPTS.sub("", reason_of(outcome))
    return reason.replace(outcome.id, "<id>") if outcome.id else reason
