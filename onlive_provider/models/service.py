"""What may be changed in a booking service."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models import fields
from onlive_provider.models.items import Item
from onlive_provider.models.json_values import ArrayOf, FreeObject, keeping, read_given_array
from onlive_provider.models.patch import Update
from onlive_provider.models.sentences import Loc, Refusal, Refused
from onlive_provider.models.types import (
    CalendarId,
    CalendarType,
    Day,
    Flag,
    Instant,
    LeadDays,
    Link,
    Minutes,
    PauseMinutes,
    RecordId,
    Text,
    later_than,
)

if TYPE_CHECKING:
    from datetime import datetime


class DateRange(Item):
    """A period in which a service can be booked: the API reference, Update Booking Service, Request Example."""

    noun = "a date range"
    rows = fields.DATE_RANGE

    startDate: Instant = Field(description="First instant, sent in UTC.")
    endDate: Annotated[Instant, later_than("startDate")] = Field(
        description="Last instant, sent in UTC; after the first."
    )

    if TYPE_CHECKING:

        def __init__(self, *, startDate: datetime | str, endDate: datetime | str) -> None: ...


def _read_day_pair(value: object, read: ValidatorFunctionWrapHandler) -> list[str]:
    pair: list[str] = read(read_given_array(value))
    if len(pair) != 2 or pair[0] > pair[1]:
        raise Refused(value, 'two days, the first not after the last: ["YYYY-MM-DD", "YYYY-MM-DD"]')
    return pair


_DayPair = Annotated[
    list[Day],
    WrapValidator(_read_day_pair),
    WithJsonSchema({"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 2, "maxItems": 2}),
]


class RestrictionDates(Item):
    """Days that differ from a calendar's usual ones: the API reference, Calendar Object Structure."""

    noun = "a calendar's restrictionDates"
    rows = fields.RESTRICTION_DATES

    include: ArrayOf[_DayPair] | None = Field(
        None, description="Pairs of a first and a last local day that are bookable."
    )
    exclude: ArrayOf[_DayPair] | None = Field(
        None, description="Pairs of a first and a last local day that are not bookable."
    )


class ServiceCalendar(Item):
    """A calendar of a service: the API reference, Update Booking Service, Calendar Object Structure."""

    noun = "a calendar"
    rows = fields.CALENDAR

    calendarId: CalendarId = Field(description="Id of the calendar; matches its external id and is sent as given.")
    active: Flag = Field(description="Whether it is available for scheduling.")
    type: CalendarType = Field(description="Whose calendar it is: an agent's or an asset's.")
    restrictionDates: RestrictionDates | None = Field(None, description="The calendar's own date restrictions.")


def _overlaps(ranges: Mapping[int, DateRange]) -> Iterator[tuple[Loc, Refusal]]:
    latest: tuple[int, DateRange] | None = None
    for place, current in sorted(ranges.items(), key=lambda item: (item[1].startDate, item[1].endDate)):
        if latest is not None and current.startDate < latest[1].endDate:
            first, second = sorted((latest[0], place))
            yield (second,), _overlap(ranges[first], ranges[second], first)
        if latest is None or current.endDate > latest[1].endDate:
            latest = place, current


def _overlap(first: DateRange, second: DateRange, first_place: int) -> Refusal:
    return Refusal(
        f"{second.startDate} to {second.endDate} overlaps dateRanges[{first_place}], "
        f"{first.startDate} to {first.endDate}; accepted: ranges that at most touch"
    )


def _by_start(ranges: list[DateRange]) -> list[DateRange]:
    return sorted(ranges, key=lambda each: (each.startDate, each.endDate))


class ServiceUpdate(Update):
    """A partial update of a booking service: the API reference, Update Booking Service, Updatable Fields.

    ``image``, ``userGroupId`` and ``typeId`` stand in that page's request example. Every field may be ``None``, which
    clears it.
    """

    noun = "a service update"
    rows = fields.SERVICE.fields

    name: Text | None = Field(None, description="Name.")
    duration: Minutes | None = Field(None, description="Duration of an appointment in minutes; greater than 0.")
    timeBetween: PauseMinutes | None = Field(None, description="Buffer between appointments in minutes; 0 or more.")
    minTimeToSchedule: LeadDays | None = Field(
        None, description="How many days ahead a booking must be made; 0 or more."
    )
    maxTimeToSchedule: LeadDays | None = Field(
        None,
        description="How many days ahead a booking can be made; 0 or more, and above `minTimeToSchedule`.",
    )
    incrementTime: Minutes | None = Field(
        None,
        description="Step between the starts of slots in minutes; greater than 0, at most `duration`.",
    )
    extraFields: FreeObject | None = Field(None, description="Additional details, free-form JSON.")
    deniedMultipleAppointment: Flag | None = Field(None, description="Whether a second booking is denied.")
    active: Flag | None = Field(None, description="Whether the service is available.")
    allowOverlapping: Flag | None = Field(None, description="Whether appointments may overlap.")
    hasICall: Flag | None = Field(None, description="Whether the service has video calls.")
    image: Link | None = Field(None, description="Address of a picture: a URL, a path, a `data:` URL, or empty.")
    userGroupId: RecordId | None = Field(None, description="UUID of the user group.")
    typeId: RecordId | None = Field(None, description="UUID of the service type.")
    dateRanges: Annotated[list[DateRange], keeping(_overlaps), AfterValidator(_by_start)] | None = Field(
        None, description="When the service can be booked, in UTC; replaces the whole list, sent by start."
    )
    calendars: ArrayOf[ServiceCalendar] | None = Field(None, description="The calendars; replaces the whole list.")

    @field_validator("incrementTime", "maxTimeToSchedule")
    @classmethod
    def _keeps_scheduling_rules(cls, value: float | None, info: ValidationInfo) -> float | None:
        members = {**info.data, str(info.field_name): value}
        for name, message in _broken_scheduling_rules(members, members):
            if name == info.field_name:
                raise Refusal(message)
        return value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _broken_scheduling_rules(patch: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each field of the patch that breaks a rule with another field of the record, and the rule."""
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
    """Check the rules between two fields, one of which may be in the patch and the other in the service.

    A rule is left to the server if one of its values is unknown, or if the patch touches neither.

    :param patch: the fields to be sent.
    :param current: the service as it was read.
    :raises OnlivePayloadError: ``incrementTime`` would exceed ``duration``, or ``maxTimeToSchedule`` would not exceed
        ``minTimeToSchedule``.
    """
    broken = _broken_scheduling_rules(patch, {**current, **patch})
    if errors := [FieldError(name, message) for name, message in broken]:
        raise OnlivePayloadError(errors)
