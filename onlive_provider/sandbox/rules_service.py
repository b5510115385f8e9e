"""What may become of a service: the validation rules of the API reference, Update Booking Service."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import pairwise
from typing import Any

from onlive_provider.sandbox import fields
from onlive_provider.sandbox.clock import parse_day, parse_instant, to_text
from onlive_provider.sandbox.errors import ApiError, FieldErrors, validation_failed
from onlive_provider.sandbox.rules_slot import minutes, takes_slot


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
    own_calendars: Collection[str],
    upcoming: Iterable[dict[str, Any]],
) -> None:
    """Check the change against what is stored.

    :param own_calendars: ids of the calendars that belong to the organization.
    :param upcoming: the service's appointments that have not begun, cancelled ones too.
    :raises ApiError: 400 when two values do not fit together, 422 when a rule about other records is broken.
    """
    errors: FieldErrors = []
    if after["incrementTime"] > after["duration"]:
        errors.append(("incrementTime", "must be less than or equal to duration"))
    if after["maxTimeToSchedule"] <= after["minTimeToSchedule"]:
        errors.append(("maxTimeToSchedule", "must be greater than minTimeToSchedule"))
    if errors:
        raise invalid(errors)
    if after["calendars"] != before["calendars"]:
        errors.extend(
            (f"calendars[{index}].calendarId", "Calendar must belong to your organization")
            for index, calendar in enumerate(after["calendars"] or ())
            if calendar["calendarId"].lower() not in own_calendars
        )
    if after["duration"] < before["duration"] and any(
        takes_slot(appointment) and minutes(appointment) > after["duration"] for appointment in upcoming
    ):
        errors.append(("duration", "Cannot reduce duration of existing appointments"))
    if errors:
        raise validation_failed(errors)


def invalid(errors: FieldErrors) -> ApiError:
    """Refuse malformed input (the API reference, Update Booking Service: 400)."""
    return ApiError(400, "Invalid input", errors)


def is_available(service: dict[str, Any], first: datetime | None, last: datetime | None) -> bool:
    """Tell whether a service can be booked at any time between two instants; without date ranges it always can.

    :param first: None for no lower bound.
    :param last: None for no upper bound.
    """
    ranges = service.get("dateRanges")
    if not ranges:
        return True
    return any(
        (last is None or each["startDate"] <= to_text(last)) and (first is None or each["endDate"] >= to_text(first))
        for each in ranges
    )


def _date_ranges(field: str, value: Any, errors: FieldErrors) -> Any:
    def date_range(where: str, item: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        known = len(errors)
        stored = dict(item)
        for key in ("startDate", "endDate"):
            instant = parse_instant(item.get(key))
            if instant is None:
                errors.append((f"{where}.{key}", "Must be valid ISO 8601 format, with Z or an offset"))
            else:
                stored[key] = to_text(instant)
        if len(errors) == known and stored["endDate"] <= stored["startDate"]:
            errors.append((f"{where}.endDate", "End date must be after start date"))
        return stored

    known = len(errors)
    ranges = fields.objects(field, value, errors, date_range)
    if len(errors) == known:
        ordered = sorted(ranges, key=lambda each: str(each["startDate"]))
        if any(later["startDate"] < earlier["endDate"] for earlier, later in pairwise(ordered)):
            errors.append((field, "No overlapping ranges allowed"))
    return ranges


def _calendars(field: str, value: Any, errors: FieldErrors) -> Any:
    seen: set[str] = set()

    def calendar(where: str, item: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        calendar_id = item.get("calendarId")
        fields.filled_text(f"{where}.calendarId", calendar_id, errors)
        if isinstance(calendar_id, str):
            if calendar_id.lower() in seen:
                errors.append((f"{where}.calendarId", "Duplicate calendar"))
            seen.add(calendar_id.lower())
        fields.boolean(f"{where}.active", item.get("active"), errors)
        if item.get("type") not in ("agent", "asset"):
            errors.append((f"{where}.type", 'Must be either "agent" or "asset"'))
        if item.get("restrictionDates") is not None:
            _restriction_dates(f"{where}.restrictionDates", item["restrictionDates"], errors)
        return item

    return fields.objects(field, value, errors, calendar)


def _restriction_dates(field: str, value: Any, errors: FieldErrors) -> None:
    if not isinstance(value, dict):
        errors.append((field, "must be an object"))
        return
    for key, pairs in value.items():
        where = f"{field}.{key}"
        if key not in ("include", "exclude"):
            errors.append((where, 'must be "include" or "exclude"'))
        elif pairs is not None and not isinstance(pairs, list):
            errors.append((where, "must be an array"))
        else:
            for index, pair in enumerate(pairs or ()):
                if not _is_pair_of_days(pair):
                    errors.append((f"{where}[{index}]", "must be two dates, first and last day"))


def _is_pair_of_days(pair: object) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    first, last = parse_day(pair[0]), parse_day(pair[1])
    return first is not None and last is not None and first <= last


CHECKS: dict[str, fields.Check] = {
    "name": fields.filled_text,
    "duration": fields.positive,
    "timeBetween": fields.not_negative,
    "minTimeToSchedule": fields.not_negative,
    "maxTimeToSchedule": fields.not_negative,
    "incrementTime": fields.positive,
    "extraFields": fields.optional(fields.json_object),
    "deniedMultipleAppointment": fields.boolean,
    "active": fields.boolean,
    "allowOverlapping": fields.boolean,
    "hasICall": fields.boolean,
    "dateRanges": fields.optional(_date_ranges),
    "calendars": fields.optional(_calendars),
    "image": fields.optional(fields.text),
    "userGroupId": fields.optional(fields.uuid),
    "typeId": fields.optional(fields.uuid),
}
"""The updatable fields of the API reference, Update Booking Service; the last three are in its example only."""
