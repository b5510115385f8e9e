"""What may become of an appointment: the validation rules of the API reference, Update Appointment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from email_validator import EmailNotValidError, validate_email

from onlive_provider.sandbox import fields
from onlive_provider.sandbox.clock import parse_day, parse_instant, to_text
from onlive_provider.sandbox.errors import ApiError, FieldErrors, validation_failed

MAXIMUM_GUESTS = 10
"""The reference names a maximum without a number; this one is the sandbox's."""

CANCELLED = "cancelled"
"""The state of an appointment that takes no slot in its calendars."""

UNREADABLE = ("agentComment", "classification")
"""Fields that can be written and are in no answer."""


def check_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """Check what the payload alone can show, and give the fields as they are stored.

    :raises ApiError: 400 with every problem.
    """
    errors: FieldErrors = []
    checked = fields.check_fields(payload, CHECKS, errors)
    if errors:
        raise invalid(errors)
    return checked


def check_change(
    before: dict[str, Any],
    after: dict[str, Any],
    service: dict[str, Any] | None,
    neighbours: Iterable[dict[str, Any]],
    now: datetime,
) -> None:
    """Check the change against what is stored: the record, its service, and the calendars' other appointments.

    :param neighbours: appointments that share a calendar with this one and overlap its new time.
    :raises ApiError: 400, 409 or 422, in this order: what is malformed, what breaks a rule, what is taken.
    """
    start, end = _span(after)
    if end <= start:
        raise invalid([("end", "End time must be after start time")])
    if _span(before)[0] <= now:
        raise validation_failed([("start", "Cannot modify past appointments")])
    if len(after.get("guests") or ()) > MAXIMUM_GUESTS:
        raise validation_failed([("guests", "Maximum number of guests exceeded")])
    if _span(before) == (start, end):
        return
    if start <= now:
        raise validation_failed([("start", "Cannot be moved into the past")])
    if service is not None:
        _check_service_rules(before, after, service, now)
        if service["allowOverlapping"]:
            return
    if any(True for _ in neighbours):
        raise ApiError(409, "Scheduling conflict", [("time", "Selected time slot is no longer available")])


def invalid(errors: FieldErrors) -> ApiError:
    """Refuse malformed input (the API reference, Update Appointment: 400)."""
    return ApiError(400, "Invalid input data", errors)


def _span(appointment: dict[str, Any]) -> tuple[datetime, datetime]:
    start, end = parse_instant(appointment["start"]), parse_instant(appointment["end"])
    assert start is not None
    assert end is not None
    return start, end


def _check_service_rules(before: dict[str, Any], after: dict[str, Any], service: dict[str, Any], now: datetime) -> None:
    errors: FieldErrors = []
    start, end = _span(after)
    old_start, old_end = _span(before)
    minutes = (end - start) / timedelta(minutes=1)
    if minutes != service["duration"] and end - start != old_end - old_start:
        errors.append(("end", "Must respect service duration"))
    if not service["active"]:
        errors.append(("start", "Service is not active"))
    ranges = service.get("dateRanges")
    if ranges and not any(_is_inside(start, end, each) for each in ranges):
        errors.append(("start", "Must be within the service's date ranges"))
    days_ahead = (start - now) / timedelta(days=1)
    if days_ahead < service["minTimeToSchedule"]:
        errors.append(("start", "Must respect the service's minTimeToSchedule"))
    if days_ahead > service["maxTimeToSchedule"]:
        errors.append(("start", "Must respect the service's maxTimeToSchedule"))
    for calendar in service.get("calendars") or ():
        if calendar["calendarId"] in (after.get("calendarIds") or ()) and not _is_open(calendar, start):
            errors.append(("start", "Calendar is not available on this day"))
            break
    if errors:
        raise validation_failed(errors)


def _is_inside(start: datetime, end: datetime, date_range: dict[str, Any]) -> bool:
    first, last = parse_instant(date_range["startDate"]), parse_instant(date_range["endDate"])
    return first is not None and last is not None and first <= start and end <= last


def _is_open(calendar: dict[str, Any], start: datetime) -> bool:
    """Tell whether a service's calendar takes appointments on a day (UTC), by its restrictionDates."""
    if not calendar["active"]:
        return False
    restrictions = calendar.get("restrictionDates") or {}
    include, exclude = restrictions.get("include"), restrictions.get("exclude")
    if include and not any(_holds(pair, start) for pair in include):
        return False
    return not any(_holds(pair, start) for pair in exclude or ())


def _holds(pair: list[str], start: datetime) -> bool:
    first, last = parse_day(pair[0]), parse_day(pair[1])
    return first is not None and last is not None and first <= start < last + timedelta(days=1)


def instant(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept an ISO 8601 date and time, and store it in UTC."""
    parsed = parse_instant(value)
    if parsed is None:
        errors.append((field, "must be a valid ISO 8601 date and time with Z or an offset"))
        return value
    return to_text(parsed)


def _guests(field: str, value: Any, errors: FieldErrors) -> Any:
    seen: set[str] = set()

    def guest(where: str, item: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        address = item.get("email")
        if not isinstance(address, str) or not _is_email(address):
            errors.append((f"{where}.email", "must be a valid email address"))
        elif address.casefold() in seen:
            errors.append((f"{where}.email", "Duplicate email address"))
        else:
            seen.add(address.casefold())
        if item.get("extraFields") is not None:
            fields.json_object(f"{where}.extraFields", item["extraFields"], errors)
        return item

    return fields.objects(field, value, errors, guest)


def _is_email(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _reminders(field: str, value: Any, errors: FieldErrors) -> Any:
    def reminder(where: str, item: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        fields.positive(f"{where}.time", item.get("time"), errors)
        fields.filled_text(f"{where}.unit", item.get("unit"), errors)
        return item

    return fields.objects(field, value, errors, reminder)


def _event(field: str, value: Any, errors: FieldErrors) -> Any:
    fields.json_object(field, value, errors)
    if isinstance(value, dict):
        for key in ("iCallUrl", "room"):
            if value.get(key) is not None:
                fields.text(f"{field}.{key}", value[key], errors)
    return value


CHECKS: dict[str, fields.Check] = {
    "title": fields.optional(fields.text),
    "description": fields.optional(fields.text),
    "start": instant,
    "end": instant,
    "guests": fields.optional(_guests),
    "reminders": fields.optional(_reminders),
    "extraFields": fields.optional(fields.json_object),
    "lang": fields.optional(fields.text),
    "classification": fields.optional(fields.text),
    "event": fields.optional(_event),
    "state": fields.optional(fields.text),
    "agentComment": fields.optional(fields.text),
}
"""The updatable fields of the API reference, Update Appointment."""
