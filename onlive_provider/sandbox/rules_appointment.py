"""What may become of an appointment: the validation rules of the API reference, Update Appointment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from email_validator import EmailNotValidError, validate_email

from onlive_provider.sandbox import fields
from onlive_provider.sandbox.clock import parse_instant, to_text
from onlive_provider.sandbox.errors import ApiError, FieldErrors, validation_failed
from onlive_provider.sandbox.rules_slot import broken_rules, minutes, span, takes_slot

MAXIMUM_GUESTS = 10
"""The reference names a maximum without a number; this one is the sandbox's."""

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
    is_taken: Callable[[], bool],
    now: datetime,
) -> None:
    """Check the change against what is stored: the record, its service, and the calendars' other appointments.

    :param is_taken: tells whether another appointment holds the new time in one of its calendars.
    :raises ApiError: 400, 409 or 422, in this order: what is malformed, what breaks a rule, what is taken.
    """
    start, end = span(after)
    if end <= start:
        raise invalid([("end", "End time must be after start time")])
    if span(before)[0] <= now:
        raise validation_failed([("start", "Cannot modify past appointments")])
    if len(after["guests"] or ()) > MAXIMUM_GUESTS:
        raise validation_failed([("guests", "Maximum number of guests exceeded")])
    is_moved = span(before) != (start, end)
    if is_moved:
        _check_new_time(before, after, service, now)
    if not takes_slot(after) or (takes_slot(before) and not is_moved):
        return
    if not (service and service["allowOverlapping"]) and is_taken():
        raise ApiError(409, "Scheduling conflict", [("time", "Selected time slot is no longer available")])


def _check_new_time(
    before: dict[str, Any], after: dict[str, Any], service: dict[str, Any] | None, now: datetime
) -> None:
    if span(after)[0] <= now:
        raise validation_failed([("start", "Cannot be moved into the past")])
    errors: FieldErrors = []
    if service is not None:
        if minutes(after) not in (service["duration"], minutes(before)):
            errors.append(("end", "Must respect service duration"))
        if takes_slot(after):
            errors.extend(broken_rules(after, service, now))
    if errors:
        raise validation_failed(errors)


def invalid(errors: FieldErrors) -> ApiError:
    """Refuse malformed input (the API reference, Update Appointment: 400)."""
    return ApiError(400, "Invalid input data", errors)


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
    if "." not in address.rpartition("@")[2]:
        return False
    try:
        # Under .com, because the library refuses names for private networks and tests (.local, .test), which the API
        # reference does not rule out.
        validate_email(f"{address}.com", check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _reminders(field: str, value: Any, errors: FieldErrors) -> Any:
    def reminder(where: str, item: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        fields.not_negative(f"{where}.time", item.get("time"), errors)
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
