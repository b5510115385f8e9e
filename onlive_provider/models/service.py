"""What may be changed in a booking service."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard

from pydantic import JsonValue

from onlive_provider.models.json_values import array_of, free_object, read_items
from onlive_provider.models.patch import Reads, Shape, Update
from onlive_provider.models.reading import Findings, Place
from onlive_provider.models.times import read_instant, read_local_date
from onlive_provider.models.values import (
    one_of,
    positive,
    read_calendar_id,
    read_flag,
    read_link,
    read_record_id,
    read_text,
    zero_or_more,
)

if TYPE_CHECKING:
    from datetime import datetime


class DateRange(Shape):
    """A period in which a service can be booked, in UTC.

    :param startDate: first instant, sent in UTC. Required.
    :param endDate: last instant, sent in UTC; after the first. Required.
    """

    noun = "a date range"

    startDate: Annotated[str, Reads(read_instant)]
    endDate: Annotated[str, Reads(read_instant)]

    if TYPE_CHECKING:

        def __init__(self, *, startDate: datetime | str, endDate: datetime | str) -> None: ...

    @classmethod
    def _broken_rules(cls, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        start, end = values.get("startDate"), values.get("endDate")
        if start is not None and end is not None and end <= start:
            yield "endDate", f"{end} is not after the startDate, {start}; accepted: a later time"


def _read_day_pair(value: object, place: Place) -> list[str]:
    """Read a first and a last local day."""
    days, findings = read_items(read_local_date, value, place)
    findings.finish()
    pair = list(days.values())
    if len(pair) != 2 or pair[0] > pair[1]:
        raise place.refused(value, 'two days, the first not after the last: ["YYYY-MM-DD", "YYYY-MM-DD"]')
    return pair


class RestrictionDates(Shape):
    """Days that differ from a calendar's usual ones.

    :param include: pairs of a first and a last local day, ``YYYY-MM-DD``, that are bookable.
    :param exclude: pairs of a first and a last local day, ``YYYY-MM-DD``, that are not.
    """

    noun = "a calendar's restrictionDates"

    include: Annotated[list[list[str]] | None, Reads(array_of(_read_day_pair))] = None
    exclude: Annotated[list[list[str]] | None, Reads(array_of(_read_day_pair))] = None


class ServiceCalendar(Shape):
    """A calendar of a service: the API reference, Update Booking Service, Calendar Object Structure.

    :param calendarId: id of the calendar; matches its external id and is sent as given. Required.
    :param active: whether it is available for scheduling. Required.
    :param type: ``agent`` or ``asset``. Required.
    :param restrictionDates: the calendar's own date restrictions.
    """

    noun = "a calendar"

    calendarId: Annotated[str, Reads(read_calendar_id)]
    active: Annotated[bool, Reads(read_flag)]
    type: Annotated[str, Reads(one_of("agent", "asset"))]
    restrictionDates: Annotated[RestrictionDates | None, Reads(RestrictionDates.read)] = None


def _read_date_ranges(value: object, place: Place) -> list[DateRange]:
    """Read date ranges in any order and return them by their start. Two may touch and not overlap."""
    ranges, findings = read_items(DateRange.read, value, place)
    by_start = sorted(ranges.items(), key=lambda item: (item[1].startDate, item[1].endDate))
    latest: tuple[int, DateRange] | None = None
    for position, current in by_start:
        if latest is not None and current.startDate < latest[1].endDate:
            first, second = sorted((latest[0], position))
            findings.add(second, place.index(second).error(_overlap(ranges[first], ranges[second], first)))
        if latest is None or current.endDate > latest[1].endDate:
            latest = position, current
    findings.finish()
    return [current for _, current in by_start]


def _overlap(first: DateRange, second: DateRange, first_position: int) -> str:
    return (
        f"{second.startDate} to {second.endDate} overlaps dateRanges[{first_position}], "
        f"{first.startDate} to {first.endDate}; accepted: ranges that at most touch"
    )


class ServiceUpdate(Update):
    """A partial update of a booking service: the API reference, Update Booking Service, Updatable Fields.

    ``image``, ``userGroupId`` and ``typeId`` stand in that page's request example. Every field may be ``None``, which
    clears it.

    :param name: name.
    :param duration: duration of an appointment in minutes; greater than 0.
    :param timeBetween: buffer between appointments in minutes; 0 or more.
    :param minTimeToSchedule: how many days ahead a booking must be made; 0 or more.
    :param maxTimeToSchedule: how many days ahead a booking can be made; 0 or more, and above ``minTimeToSchedule``.
    :param incrementTime: step between the starts of slots in minutes; greater than 0, at most ``duration``.
    :param extraFields: additional details, free-form JSON.
    :param deniedMultipleAppointment: whether a second booking is denied.
    :param active: whether the service is available.
    :param allowOverlapping: whether appointments may overlap.
    :param hasICall: whether the service has video calls.
    :param image: http or https URL of a picture.
    :param userGroupId: UUID of the user group.
    :param typeId: UUID of the service type.
    :param dateRanges: when the service can be booked, in UTC; replaces the whole list, sent by start.
    :param calendars: the calendars; replaces the whole list.
    """

    noun = "a service update"

    name: Annotated[str | None, Reads(read_text)] = None
    duration: Annotated[int | float | None, Reads(positive("minutes"))] = None
    timeBetween: Annotated[int | float | None, Reads(zero_or_more("minutes"))] = None
    minTimeToSchedule: Annotated[int | float | None, Reads(zero_or_more("days"))] = None
    maxTimeToSchedule: Annotated[int | float | None, Reads(zero_or_more("days"))] = None
    incrementTime: Annotated[int | float | None, Reads(positive("minutes"))] = None
    extraFields: Annotated[dict[str, JsonValue] | None, Reads(free_object())] = None
    deniedMultipleAppointment: Annotated[bool | None, Reads(read_flag)] = None
    active: Annotated[bool | None, Reads(read_flag)] = None
    allowOverlapping: Annotated[bool | None, Reads(read_flag)] = None
    hasICall: Annotated[bool | None, Reads(read_flag)] = None
    image: Annotated[str | None, Reads(read_link)] = None
    userGroupId: Annotated[str | None, Reads(read_record_id)] = None
    typeId: Annotated[str | None, Reads(read_record_id)] = None
    dateRanges: Annotated[list[DateRange] | None, Reads(_read_date_ranges)] = None
    calendars: Annotated[list[ServiceCalendar] | None, Reads(array_of(ServiceCalendar.read))] = None

    @classmethod
    def _broken_rules(cls, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return _broken_scheduling_rules(values, values)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _broken_scheduling_rules(patch: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name the fields of the patch that break a rule with another field of the record, and the rule."""
    for first, second, holds, rule in _SCHEDULING_RULES:
        changed = [field for field in (first, second) if field in patch]
        one, other = record.get(first), record.get(second)
        if changed and _is_number(one) and _is_number(other) and not holds(one, other):
            source = " (one of them is what the service holds)" if len(changed) == 1 else ""
            yield changed[0], f"{first} would be {one} and {second} {other}{source}; accepted: {rule}"


_SCHEDULING_RULES: tuple[tuple[str, str, Callable[[float, float], bool], str], ...] = (
    ("incrementTime", "duration", operator.le, "incrementTime less than or equal to duration"),
    ("maxTimeToSchedule", "minTimeToSchedule", operator.gt, "maxTimeToSchedule greater than minTimeToSchedule"),
)


def check_against_current(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Check the rules between two fields of which the patch may hold one and the service the other.

    A rule is left to the server where one of its values is unknown, and where the patch touches neither.

    :param patch: the fields to be sent.
    :param current: the service as it was read.
    :raises OnlivePayloadError: ``incrementTime`` would exceed ``duration``, or ``maxTimeToSchedule`` would not exceed
        ``minTimeToSchedule``.
    """
    findings = Findings()
    for field, message in _broken_scheduling_rules(patch, {**current, **patch}):
        findings.add(field, Place().key(field).error(message))
    findings.finish()
