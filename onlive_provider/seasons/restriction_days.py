"""Arithmetic of the local days that a service's calendars include (``restrictionDates.include``).

The days are pairs of a first and a last local day, ``YYYY-MM-DD``, both of which belong to the pair (the API reference,
Update Booking Service, Calendar Object Structure). A pair that nothing has to change stays as it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.sentences import Refused, parse
from onlive_provider.models.times import read_local_date
from onlive_provider.seasons.target import Mode

Days: TypeAlias = tuple[int, int]
"""The numbers of a first and a last day, as ``date.toordinal`` gives them."""


def change_calendars(calendars: Any, days: Iterable[tuple[date, date]], mode: Mode) -> list[Any]:
    """Return the calendars with the days added to, removed from or put in the place of what active ones include.

    Added days are joined with pairs that overlap them or that begin or end on the next day.

    :param calendars: the service's calendars, as they were read.
    :param days: first and last local days.
    :raises OnlivePayloadError: there is no active calendar, one cannot be read, or one would be left without any day:
        the API reference does not say whether a calendar that includes nothing is always open.
    """
    changed = [(first.toordinal(), last.toordinal()) for first, last in days]
    given = calendars if isinstance(calendars, list) else []
    if not any(is_active(calendar) for calendar in given):
        message = "hold no active calendar, whose restrictionDates could carry the season"
        raise OnlivePayloadError.of("calendars", message)
    return [
        _changed(calendar, _include_of(position), changed, mode) if is_active(calendar) else calendar
        for position, calendar in enumerate(given)
    ]


def days_gained_and_lost(before: Any, after: Any) -> tuple[int, int]:
    """Return how many days at least one calendar includes only after a change, and how many only before it."""
    old, new = _all_included(before), _all_included(after)
    return _count(_cut(new, old)), _count(_cut(old, new))


def included_days(calendars: Any) -> list[tuple[date, date]]:
    """Return the days that at least one active calendar includes, in order, neighbours joined."""
    return [(date.fromordinal(first), date.fromordinal(last)) for first, last in _union(_all_included(calendars))]


def is_active(calendar: Any) -> bool:
    """Whether a calendar of a service, as it was read, is available for scheduling."""
    return isinstance(calendar, Mapping) and calendar.get("active") is True


def _include_of(position: int) -> str:
    return f"calendars[{position}].restrictionDates.include"


def _changed(calendar: dict[str, Any], place: str, days: Sequence[Days], mode: str) -> dict[str, Any]:
    dates = calendar.get("restrictionDates")
    held = _read_pairs(calendar, place)
    if mode == "add":
        pairs = _added(held, days)
    elif mode == "remove":
        pairs = [(part, pair if part == spoken else None) for spoken, pair in held for part in _cut([spoken], days)]
    else:
        spelled = dict(held)
        pairs = [(each, spelled.get(each)) for each in _union(days)]
    if held and not pairs:
        message = "would be left empty, and the API reference does not say whether such a calendar is always open"
        raise OnlivePayloadError.of(place, message)
    include = [pair if pair is not None else _spell(part) for part, pair in sorted(pairs, key=lambda each: each[0])]
    if {part for part, _ in pairs} == {part for part, _ in held}:
        return calendar
    return {**calendar, "restrictionDates": {**(dates or {}), "include": include}}


_Pair: TypeAlias = tuple[Days, Any]
"""A pair as numbers and as the server spelled it; ``None`` for one that is new."""


def _added(held: list[_Pair], days: Iterable[Days]) -> list[_Pair]:
    for new in sorted(days):
        if _cut([new], [each for each, _ in held]):
            near = [each for each, _ in held if each[0] <= new[1] + 1 and new[0] <= each[1] + 1]
            hull = min([new, *near])[0], max(last for _, last in [new, *near])
            held = [*((each, pair) for each, pair in held if each not in near), (hull, None)]
    return held


def _read_pairs(calendar: Mapping[str, Any], place: str) -> list[_Pair]:
    dates = calendar.get("restrictionDates") or {}
    include = dates.get("include") if isinstance(dates, dict) else dates
    pairs = parse(_read_include, [] if include is None else include, place, shown=True)
    return [(parse(_read_pair, pair, f"{place}[{position}]", shown=True), pair) for position, pair in enumerate(pairs)]


def _read_include(include: object) -> list[Any]:
    if not isinstance(include, list):
        raise Refused(include, "an array of pairs of days")
    return include


def _read_pair(pair: object) -> Days:
    if not isinstance(pair, list) or len(pair) != 2:
        raise Refused(pair, "a first and a last day, as YYYY-MM-DD")
    first, last = (date.fromisoformat(read_local_date(day)).toordinal() for day in pair)
    if last < first:
        raise Refused(pair, "a last day that is not before the first")
    return first, last


def _all_included(calendars: Any) -> list[Days]:
    return [
        days
        for position, calendar in enumerate(calendars if isinstance(calendars, list) else ())
        if is_active(calendar)
        for days, _ in _read_pairs(calendar, _include_of(position))
    ]


def _cut(spans: Iterable[Days], holes: Iterable[Days]) -> list[Days]:
    parts = list(spans)
    for first, last in holes:
        parts = [
            part
            for begin, end in parts
            for part in ((begin, min(end, first - 1)), (max(begin, last + 1), end))
            if part[0] <= part[1]
        ]
    return sorted(set(parts))


def _union(spans: Iterable[Days]) -> list[Days]:
    joined: list[Days] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _count(spans: Iterable[Days]) -> int:
    return sum(last - first + 1 for first, last in _union(spans))


def _spell(days: Days) -> list[str]:
    return [date.fromordinal(day).isoformat() for day in days]
