"""Whether an appointment may take a slot: its service's rules, its calendars' days, and the other appointments."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from onlive_provider.sandbox.clock import local_day, parse_day, parse_instant, zone_of
from onlive_provider.sandbox.errors import FieldErrors

CANCELLED = "cancelled"
"""The state of an appointment that takes no slot in its calendars."""


def takes_slot(appointment: dict[str, Any]) -> bool:
    """Tell whether an appointment occupies its time in its calendars; a cancelled or deleted one does not."""
    return appointment["state"] != CANCELLED and appointment["deletedAt"] is None


def span(appointment: dict[str, Any]) -> tuple[datetime, datetime]:
    """Give a stored appointment's start and end."""
    start, end = parse_instant(appointment["start"]), parse_instant(appointment["end"])
    assert start is not None
    assert end is not None
    return start, end


def minutes(appointment: dict[str, Any]) -> float:
    """Give a stored appointment's length."""
    start, end = span(appointment)
    return (end - start) / timedelta(minutes=1)


def broken_rules(appointment: dict[str, Any], service: dict[str, Any], now: datetime) -> FieldErrors:
    """List what a service and its calendars have against an appointment's new time.

    Calendar days are those of the service's time zone.
    """
    errors: FieldErrors = []
    start, end = span(appointment)
    if not service["active"]:
        errors.append(("start", "Service is not active"))
    ranges = service["dateRanges"]
    if ranges and not any(_is_inside(start, end, each) for each in ranges):
        errors.append(("start", "Must be within the service's date ranges"))
    days_ahead = (start - now) / timedelta(days=1)
    if days_ahead < service["minTimeToSchedule"]:
        errors.append(("start", "Must respect the service's minTimeToSchedule"))
    if days_ahead > service["maxTimeToSchedule"]:
        errors.append(("start", "Must respect the service's maxTimeToSchedule"))
    day = local_day(start, zone_of(service))
    calendars = {each["calendarId"].lower(): each for each in service["calendars"] or ()}
    booked = appointment["calendarIds"] or ()
    if any(each not in calendars for each in booked):
        errors.append(("start", "Calendar is not one of the service's calendars"))
    if any(each in calendars and not _is_open(calendars[each], day) for each in booked):
        errors.append(("start", "Calendar is not available on this day"))
    return errors


def _is_inside(start: datetime, end: datetime, date_range: dict[str, Any]) -> bool:
    first, last = parse_instant(date_range["startDate"]), parse_instant(date_range["endDate"])
    return first is not None and last is not None and first <= start and end <= last


def _is_open(calendar: dict[str, Any], day: date) -> bool:
    """Tell whether a service's calendar takes appointments on a day, by its restrictionDates."""
    if not calendar["active"]:
        return False
    restrictions = calendar.get("restrictionDates") or {}
    include, exclude = restrictions.get("include"), restrictions.get("exclude")
    if include and not any(_holds(pair, day) for pair in include):
        return False
    return not any(_holds(pair, day) for pair in exclude or ())


def _holds(pair: list[str], day: date) -> bool:
    first, last = parse_day(pair[0]), parse_day(pair[1])
    return first is not None and last is not None and first <= day <= last
