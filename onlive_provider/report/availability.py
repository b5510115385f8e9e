"""When a service is open before and after an update: its date ranges, or the days of its calendars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.times import read_local_date
from onlive_provider.report.outcomes import Outcome
from onlive_provider.seasons.date_ranges import Span, cut, read_spans
from onlive_provider.seasons.restriction_days import is_active
from onlive_provider.seasons.target import TARGET_FIELDS

MAX_RANGES = 120
"""The most ranges of one service that are compared: one with thousands must not hold up a run."""


@dataclass(frozen=True, slots=True)
class Availability:
    """When a service is open before and after, or some of its calendars where they differ.

    :param before: by their start; ``None`` where the report does not say.
    :param after: as ``before``.
    :param closed_before: the parts of ``before`` that the calendars exclude.
    :param closed_after: the parts of ``after`` that the calendars exclude.
    :param calendars: ids of the calendars that have these days; empty when all active ones have them.
    """

    before: list[Span] | None
    after: list[Span] | None
    closed_before: list[Span] = field(default_factory=list)
    closed_after: list[Span] = field(default_factory=list)
    calendars: list[str] = field(default_factory=list)


def availability_of(outcome: Outcome, target: str) -> list[Availability]:
    """Return when an outcome's service is open: no item, one, or one for each set of calendars with the same days.

    :param target: ``dateRanges``, or ``restrictionDates`` for the days that active calendars include.
    """
    name = TARGET_FIELDS[target]
    if name not in outcome.before and name not in outcome.after:
        return []
    before, after = outcome.before.get(name), outcome.after.get(name)
    if outcome.outcome == "unchanged":
        before, after = outcome.before.get(name, after), outcome.after.get(name, before)
    if target == "dateRanges":
        return [Availability(_read_ranges(before), _read_ranges(after))]
    return _of_calendars(before, after)


def as_days(first_day: str, last_day: str) -> dict[str, str]:
    """Return local days as a UTC range, so that they are compared and drawn as plain days, in no time zone."""
    return {"startDate": f"{first_day}T00:00:00.000Z", "endDate": f"{last_day}T23:59:59.000Z"}


def _of_calendars(before: Any, after: Any) -> list[Availability]:
    """Return one item for each set of active calendars with the same days. Calendars are matched by position."""
    if not (isinstance(before, list) and isinstance(after, list) and len(before) == len(after)):
        return [Availability(None, None)]
    found: list[tuple[Availability, list[str]]] = []
    for old, new in zip(before, after, strict=True):
        if not (is_active(old) or is_active(new)):
            continue
        availability = _of_calendar(old, new)
        ids = next((ids for other, ids in found if other == availability), None)
        if ids is None:
            found.append((availability, ids := []))
        ids.append(str(new.get("calendarId")) if isinstance(new, Mapping) else "")
    if len(found) == 1:
        return [found[0][0]]
    return [
        Availability(each.before, each.after, each.closed_before, each.closed_after, calendars=ids)
        for each, ids in found
    ]


def _of_calendar(before: Any, after: Any) -> Availability:
    old, new = _read_days(before, "include"), _read_days(after, "include")
    return Availability(
        old,
        new,
        closed_before=_common(_read_days(before, "exclude") or [], old or []),
        closed_after=_common(_read_days(after, "exclude") or [], new or []),
    )


def _read_ranges(ranges: Any) -> list[Span] | None:
    try:
        return _by_start(read_spans(ranges)) if isinstance(ranges, list) else None
    except OnlivePayloadError:
        return None


def _read_days(calendar: Any, name: str) -> list[Span] | None:
    """Return the days that a calendar includes or excludes; an empty list if it names none."""
    dates = calendar.get("restrictionDates") if isinstance(calendar, Mapping) else ()
    pairs = dates.get(name) if isinstance(dates, Mapping) else dates
    if pairs is None:
        return []
    if not isinstance(pairs, list):
        return None
    try:
        days = [[read_local_date(day) for day in pair] for pair in pairs]
        return _by_start(read_spans(as_days(first, last) for first, last in days))
    except (OnlivePayloadError, TypeError, ValueError):
        return None


def _by_start(spans: list[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: span.start)


def _common(spans: list[Span], others: list[Span]) -> list[Span]:
    spans, others = spans[:MAX_RANGES], others[:MAX_RANGES]
    return cut(spans, cut(spans, others))
