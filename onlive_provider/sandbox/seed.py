"""Reads what a sandbox holds at first from a JSON file, and says which record and field cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from onlive_provider.sandbox import fields, rules_appointment, rules_service
from onlive_provider.sandbox.clock import parse_instant
from onlive_provider.sandbox.errors import ApiError, FieldErrors
from onlive_provider.sandbox.records import whole_appointment, whole_service
from onlive_provider.sandbox.rules_slot import takes_slot
from onlive_provider.sandbox.seed_dates import ACCEPTED, dated_appointment, dated_service

_ORGANIZATION = ("id", "name", "accessKeyId", "secretAccessKey", "calendars", "services", "appointments")

MAXIMUM_ERRORS = 20


class SeedError(Exception):
    """A seed file cannot be used; the message names the file and the problems in it, at most twenty."""


def read_seed(path: Path, now: datetime) -> dict[str, Any]:
    """Read a seed file and complete its records.

    :param now: becomes createdAt and updatedAt of records that do not say.
    :raises SeedError: the file cannot be read, is not JSON, or holds a record that cannot be used.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except OSError as error:
        raise SeedError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SeedError(f"{path}: is not JSON: {error}") from error
    errors: FieldErrors = []
    seed = complete_seed(content, now, errors)
    if errors:
        lines = [f"  - {where}: {what}" for where, what in errors[:MAXIMUM_ERRORS]]
        if len(errors) > MAXIMUM_ERRORS:
            lines.append(f"  and {len(errors) - MAXIMUM_ERRORS} more")
        raise SeedError("\n".join([f"{path}: cannot be used:", *lines]))
    return seed


def complete_seed(content: object, now: datetime, errors: FieldErrors) -> dict[str, Any]:
    """Check a seed's content and give its organizations with whole records.

    :param errors: the list that problems are added to; with any, the result is of no use.
    """
    organizations = content.get("organizations") if isinstance(content, dict) else None
    if not isinstance(organizations, list) or not organizations:
        errors.append(("organizations", "must be an array with at least one organization"))
        return {}
    seen = _Unique(errors)

    def organization(where: str, item: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        return _organization(where, item, now, seen, errors)

    return {"organizations": fields.objects("organizations", organizations, errors, organization)}


class _Unique:
    """Notes ids and access keys that occur twice."""

    def __init__(self, errors: FieldErrors) -> None:
        self._errors = errors
        self._seen: set[tuple[str, str]] = set()

    def add(self, kind: str, where: str, value: str) -> None:
        if (kind, value) in self._seen:
            self._errors.append((where, "occurs twice"))
        self._seen.add((kind, value))


def _organization(
    where: str, item: dict[str, Any], now: datetime, seen: _Unique, errors: FieldErrors
) -> dict[str, Any]:
    for name in item:
        if name not in _ORGANIZATION:
            errors.append((f"{where}.{name}", f"is not one of {', '.join(_ORGANIZATION)}"))
    organization_id = _record_id("organization", where, item, seen, errors)
    for name in ("name", "accessKeyId", "secretAccessKey"):
        fields.filled_text(f"{where}.{name}", item.get(name), errors)
    access_key_id = str(item.get("accessKeyId"))
    if "," in access_key_id or not access_key_id.isascii() or " " in access_key_id:
        errors.append((f"{where}.accessKeyId", "must be ASCII without spaces and commas"))
    seen.add("access key", f"{where}.accessKeyId", access_key_id)
    calendars: dict[str, dict[str, Any]] = {}
    services: dict[str, dict[str, Any]] = {}

    def calendar(where: str, given: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        calendar_id = _record_id("calendar", where, given, seen, errors)
        fields.filled_text(f"{where}.name", given.get("name"), errors)
        if given.get("type") not in ("agent", "asset"):
            errors.append((f"{where}.type", 'Must be either "agent" or "asset"'))
        calendars[calendar_id] = {**given, "id": calendar_id}
        return calendars[calendar_id]

    def service(where: str, given: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        service_id = _record_id("services", where, given, seen, errors)
        checked = _checked(where, dated_service(given, now), _SERVICE, errors)
        fields.filled_text(f"{where}.name", given.get("name"), errors)
        whole = whole_service({**checked, "id": service_id}, organization_id, now)
        if any(problem.startswith(where) for problem, _ in errors):
            whole["calendars"] = None
        else:
            _note(where, errors, lambda: rules_service.check_change({**whole, "calendars": None}, whole, calendars, ()))
        services[service_id] = whole
        return whole

    def appointment(where: str, given: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        appointment_id = _record_id("appointments", where, given, seen, errors)
        of_service = services.get(str(given.get("serviceId")).lower())
        checked = _checked(where, dated_appointment(given, of_service, now), _APPOINTMENT, errors)
        for name in ("start", "end"):
            if name not in given:
                errors.append((f"{where}.{name}", "is missing"))
        start, end = parse_instant(checked.get("start")), parse_instant(checked.get("end"))
        if start is not None and end is not None and end <= start:
            errors.append((f"{where}.end", "End time must be after start time"))
        if given.get("serviceId") is not None and of_service is None:
            errors.append((f"{where}.serviceId", "is not a service of this organization"))
        elif of_service is not None:
            checked["serviceId"] = of_service["id"]
        whole = whole_appointment({**checked, "id": appointment_id}, of_service, organization_id, now)
        if not all(calendar_id in calendars for calendar_id in checked.get("calendarIds", ())):
            errors.append((f"{where}.calendarIds", "must be ids of this organization's calendars"))
        return whole

    checks = {"calendars": calendar, "services": service, "appointments": appointment}
    lists = {name: fields.objects(f"{where}.{name}", item.get(name, []), errors, each) for name, each in checks.items()}
    if not errors:
        _refuse_double_bookings(where, lists["appointments"], services, calendars, errors)
    return {**item, "id": organization_id, **lists}


def _refuse_double_bookings(
    where: str,
    appointments: list[dict[str, Any]],
    services: dict[str, dict[str, Any]],
    calendars: dict[str, dict[str, Any]],
    errors: FieldErrors,
) -> None:
    """Refuse appointments that take one calendar at the same time, unless one of their services allows it."""
    last: dict[str, tuple[str, int]] = {}
    for number, each in sorted(enumerate(appointments), key=lambda pair: str(pair[1]["start"])):
        if not takes_slot(each) or (each["serviceId"] and services[each["serviceId"]]["allowOverlapping"]):
            continue
        for calendar_id in dict.fromkeys(each["calendarIds"]):
            taken_until, other = last.get(calendar_id, ("", 0))
            if each["start"] < taken_until:
                name = calendars[calendar_id]["name"]
                what = f"overlaps appointments[{other}] in the calendar {name!r}: a calendar takes one appointment at a"
                what += " time, unless one of them is cancelled or its service has allowOverlapping"
                errors.append((f"{where}.appointments[{number}].start", what))
                break
            last[calendar_id] = (each["end"], number)


def _record_id(kind: str, where: str, item: dict[str, Any], seen: _Unique, errors: FieldErrors) -> str:
    record_id = str(fields.uuid(f"{where}.id", item.get("id"), errors)).lower()
    seen.add(kind, f"{where}.id", record_id)
    return record_id


def _checked(where: str, given: dict[str, Any], checks: dict[str, fields.Check], errors: FieldErrors) -> dict[str, Any]:
    problems: FieldErrors = []
    checked = fields.check_fields(given, checks, problems)
    for field, message in problems:
        # The texts are those of the API, which knows no dates that are counted from today.
        errors.append((f"{where}.{field}", f"{message}, {ACCEPTED}" if "ISO 8601" in message else message))
    return checked


def _note(where: str, errors: FieldErrors, check: Callable[[], None]) -> None:
    try:
        check()
    except ApiError as error:
        errors.extend((f"{where}.{field}", message) for field, message in error.errors)


def _ids(field: str, value: Any, errors: FieldErrors) -> Any:
    if not isinstance(value, list) or not all(fields.is_uuid(item) for item in value):
        errors.append((field, "must be an array of UUIDs"))
        return []
    return [item.lower() for item in value]


_HISTORY: dict[str, fields.Check] = {
    "id": fields.uuid,
    "createdAt": rules_appointment.instant,
    "updatedAt": rules_appointment.instant,
    "deletedAt": fields.optional(rules_appointment.instant),
}
_SERVICE: dict[str, fields.Check] = {
    **rules_service.CHECKS,
    **_HISTORY,
    "condition": fields.optional(fields.text),
}
_APPOINTMENT: dict[str, fields.Check] = {
    **rules_appointment.CHECKS,
    **_HISTORY,
    "serviceId": fields.optional(fields.uuid),
    "calendarIds": _ids,
    "origin": fields.optional(fields.text),
    "blocked": fields.boolean,
    "userGroupId": fields.optional(fields.uuid),
}
