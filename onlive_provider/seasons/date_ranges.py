"""Arithmetic of date ranges: add, remove, replace and expire ranges in the list that a service holds.

The list is the service's ``dateRanges`` as the API answered it: objects with ``startDate`` and ``endDate``, in any
order, times in any ISO 8601 spelling with an offset. The results are lists of the same form, ordered by their start.

- Both ends belong to a range, as in the API reference, Update Booking Service, Request Example, where a range ends at
  ``23:59:59.000`` and the next one may start at ``00:00:00.000``.
- Two ranges touch if at most one second lies between the end of one and the start of the other.
- A range that does not change is returned exactly as it was given, with members that this provider does not know. A
  range that is joined or cut is a new one: it keeps the spelling of each end that stays, and has no other members.
- Ranges of the list that overlap are joined, because the API refuses them. Ranges that only touch are left alone.
- An end that is ``null`` or absent is refused: the API reference has no open-ended ranges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.sentences import Refusal, Refused, parse
from onlive_provider.models.times import read_instant

if TYPE_CHECKING:
    from onlive_provider.models.service import DateRange

ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A date range whose ends can be compared.

    :param start: first instant.
    :param end: last instant, after the first.
    :param content: the range as the API spells it.
    """

    start: datetime
    end: datetime
    content: Mapping[str, Any]

    def touches(self, other: Span) -> bool:
        """Whether the two overlap, or at most one second lies between them."""
        return self.start - other.end <= ONE_SECOND and other.start - self.end <= ONE_SECOND


def add(ranges: Iterable[Mapping[str, Any]], *added: DateRange) -> list[dict[str, Any]]:
    """Return the ranges and the added ones, each joined with what it overlaps or touches.

    An added range changes nothing if every second of it is there already, even spread over several ranges.

    :param ranges: the service's date ranges.
    :raises OnlivePayloadError: naming everything in ``ranges`` that is not a date range.
    """
    return _written(_joined(_apart(read_spans(ranges)), added))


def remove(ranges: Iterable[Mapping[str, Any]], *removed: DateRange) -> list[dict[str, Any]]:
    """Return the ranges without the removed ones.

    A cut range ends one second before a removed one and goes on one second after it, so that adding what was removed
    joins the parts again. A part of a single instant is dropped: the API takes no range that ends where it starts.

    :param ranges: the service's date ranges.
    :raises OnlivePayloadError: naming everything in ``ranges`` that is not a date range.
    """
    return _written(cut(_apart(read_spans(ranges)), map(_span, removed)))


def replace(ranges: Iterable[Mapping[str, Any]], *wanted: DateRange) -> list[dict[str, Any]]:
    """Return the wanted ranges and no others, joined where they overlap or touch.

    :param ranges: the service's date ranges; one that is wanted, to the instant, is kept as it was given.
    :raises OnlivePayloadError: naming everything in ``ranges`` that is not a date range.
    """
    held = {(span.start, span.end): span for span in reversed(_by_start(read_spans(ranges)))}
    return _written(held.get((span.start, span.end), span) for span in _joined([], wanted))


def expire(ranges: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return the ranges that are not past, at their full length: those that end now or later.

    :param ranges: the service's date ranges.
    :param now: the current time, with an offset.
    :raises OnlivePayloadError: naming everything in ``ranges`` that is not a date range; ``now`` has no offset.
    """
    current = parse(_moment, now, "now", shown=False)
    return _written(_apart(span for span in read_spans(ranges) if span.end >= current))


def read_spans(ranges: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return a service's date ranges, in the order in which they were given.

    Digits below the millisecond are not compared.

    :raises OnlivePayloadError: naming every end that is no time, and every range that does not end after its start.
    """
    errors: list[FieldError] = []
    spans: list[Span] = []
    for position, content in enumerate(ranges):
        place = f"dateRanges[{position}]"
        if not isinstance(content, Mapping):
            errors.append(FieldError(place, Refused(content, "an object (dict)").sentence(shown=True)))
            continue
        ends: list[datetime] = []
        for name in ("startDate", "endDate"):
            try:
                ends.append(_moment(content.get(name)))
            except Refusal as refusal:
                errors.append(FieldError(f"{place}.{name}", refusal.sentence(shown=True)))
        if len(ends) == 2 and ends[0] < ends[1]:
            spans.append(Span(ends[0], ends[1], content))
        elif len(ends) == 2:
            message = f"{content['endDate']} is not after the startDate, {content['startDate']}; accepted: a later time"
            errors.append(FieldError(f"{place}.endDate", message))
    if errors:
        raise OnlivePayloadError(errors)
    return spans


def cut(spans: list[Span], holes: Iterable[Span]) -> list[Span]:
    """Return the spans without the holes, as :func:`remove` does."""
    for hole in holes:
        spans = [part for span in spans for part in _parts(span, hole)]
    return spans


def _parts(span: Span, hole: Span) -> list[Span]:
    if span.end < hole.start or hole.end < span.start:
        return [span]
    parts = []
    if hole.start - span.start > ONE_SECOND:
        end = hole.start - ONE_SECOND
        parts.append(Span(span.start, end, _content(span.content["startDate"], _printed(end))))
    if span.end - hole.end > ONE_SECOND:
        start = hole.end + ONE_SECOND
        parts.append(Span(start, span.end, _content(_printed(start), span.content["endDate"])))
    return parts


def _joined(spans: list[Span], added: Iterable[DateRange]) -> list[Span]:
    """Return the spans, which are ordered, and what is added to them."""
    for new in _by_start(map(_span, added)):
        if not _hold(spans, new):
            near = [span for span in spans if span.touches(new)]
            far = [span for span in spans if not span.touches(new)]
            spans = _by_start([*far, _hull([*near, new])])
    return spans


def _hold(spans: list[Span], wanted: Span) -> bool:
    """Whether the spans, which are ordered, hold every second of another."""
    near = [span for span in spans if span.touches(wanted)]
    return (
        bool(near)
        and near[0].start <= wanted.start
        and near[-1].end >= wanted.end
        and all(left.touches(right) for left, right in pairwise(near))
    )


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans ordered by their start, with overlapping ones joined."""
    apart: list[Span] = []
    for span in _by_start(spans):
        if not apart or span.start >= apart[-1].end:
            apart.append(span)
        elif span.end > apart[-1].end:
            apart[-1] = span if span.start == apart[-1].start else _hull([apart[-1], span])
    return apart


def _hull(spans: list[Span]) -> Span:
    """Return the span from the first start to the last end, both spelled as in the first of the spans that has them."""
    first = min(spans, key=lambda span: span.start)
    last = max(spans, key=lambda span: span.end)
    return Span(first.start, last.end, _content(first.content["startDate"], last.content["endDate"]))


def _by_start(spans: Iterable[Span]) -> list[Span]:
    """Order spans by their start, then by their spelling, so that the order of the input never matters."""
    return sorted(spans, key=lambda span: (span.start, json.dumps(span.content, sort_keys=True, default=str)))


def _span(date_range: DateRange) -> Span:
    content = date_range.model_dump(exclude_unset=True)
    return Span(datetime.fromisoformat(content["startDate"]), datetime.fromisoformat(content["endDate"]), content)


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(read_instant(value))


def _content(start: str, end: str) -> dict[str, str]:
    return {"startDate": start, "endDate": end}


def _printed(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _written(spans: Iterable[Span]) -> list[dict[str, Any]]:
    return [dict(span.content) for span in spans]
