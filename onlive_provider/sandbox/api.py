"""The API's operations without HTTP: read and update one record, list services, tell who is notified."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from onlive_provider.sandbox import fields, notifications, rules_appointment, rules_service
from onlive_provider.sandbox.clock import Clock, next_update, parse_day, parse_instant, shift
from onlive_provider.sandbox.errors import ApiError, FieldErrors
from onlive_provider.sandbox.normalization import normalized, spelled
from onlive_provider.sandbox.rules_slot import span, takes_slot
from onlive_provider.sandbox.store import Kind, Store

PAGE_LIMIT = 20
"""How many services a page of the list holds when the request does not say (the API reference's default)."""

MAXIMUM_PAGE_LIMIT = 100
"""How many services a page may hold at most: the sandbox's choice."""

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_SINGULAR: dict[Kind, str] = {"appointments": "appointment", "services": "service"}
_ID_FIELD: dict[Kind, str] = {"appointments": "appointmentId", "services": "id"}


class Api:
    """What the API does with requests whose signature holds.

    :param merge_objects: True keeps the keys of ``extraFields`` and ``event`` that an update does not name.
    :param normalize: True adds members to the items of arrays; see :mod:`onlive_provider.sandbox.normalization`.
    """

    def __init__(self, store: Store, clock: Clock, *, merge_objects: bool, normalize: bool) -> None:
        self._store = store
        self._clock = clock
        self._merge_objects = merge_objects
        self._normalize = normalize

    def read(self, kind: Kind, organization_id: str, record_id: str) -> dict[str, Any]:
        """Read one record as the API answers it.

        :raises ApiError: 400, 403 or 404.
        """
        check_id(kind, record_id)
        return readable(self._find(kind, organization_id, record_id, "read"))

    def update_appointment(
        self, organization_id: str, appointment_id: str, payload: dict[str, Any], *, keep: bool = True
    ) -> dict[str, Any]:
        """Apply a partial update to an appointment and answer it.

        :param keep: False answers all the same, and leaves everything as it was.
        :raises ApiError: 400, 403, 404, 409 or 422.
        """
        checked = rules_appointment.check_payload(spelled(payload) if self._normalize else payload)
        with self._store.transaction(keep=keep):
            before = self._find("appointments", organization_id, appointment_id, "update")
            now = self._clock()
            after = fields.merge(before, checked, merge_objects=self._merge_objects)
            service_id = before["serviceId"]
            service = self._store.record("services", service_id) if service_id else None
            rules_appointment.check_change(before, after, service, lambda: self._is_taken(after, service), now)
            saved = self._save("appointments", after, now)
            told = notifications.of_appointment(saved, service, payload, saved["updatedAt"])
            self._store.add_to_log("notifications", told)
        return readable(saved)

    def update_service(
        self, organization_id: str, service_id: str, payload: dict[str, Any], *, keep: bool = True
    ) -> dict[str, Any]:
        """Apply a partial update to a service and answer it.

        :param keep: False answers all the same, and leaves everything as it was.
        :raises ApiError: 400, 403, 404 or 422.
        """
        checked = rules_service.check_payload(payload)
        with self._store.transaction(keep=keep):
            before = self._find("services", organization_id, service_id, "update")
            now = self._clock()
            after = fields.merge(before, checked, merge_objects=self._merge_objects)
            own_calendars = {calendar["id"] for calendar in self._store.calendars(organization_id)}
            rules_service.check_change(before, after, own_calendars, self._store.upcoming(before["id"], now))
            saved = self._save("services", after, now)
            told = notifications.of_service(saved, payload, saved["updatedAt"])
            self._store.add_to_log("notifications", told)
        return readable(saved)

    def list_services(self, organization_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer one page of the organization's services.

        :param query: page, limit, userGroupId, search, typeId, name, startDate, endDate; others are ignored.
        :raises ApiError: 400 with every parameter that cannot be read.
        """
        errors: FieldErrors = []
        page = _whole_number("page", query.get("page", "1"), None, errors)
        limit = _whole_number("limit", query.get("limit", str(PAGE_LIMIT)), MAXIMUM_PAGE_LIMIT, errors)
        for name in ("userGroupId", "typeId"):
            if name in query:
                fields.uuid(name, query[name], errors)
        first, last = (_moment(name, query, errors) for name in ("startDate", "endDate"))
        if first is not None and last is not None and last <= first:
            errors.append(("endDate", "End date must be after start date"))
        if errors:
            raise rules_service.invalid(errors)
        found = [
            service
            for service in self._store.records("services", organization_id)
            if service["deletedAt"] is None
            and _matches(service, query)
            and rules_service.is_available(service, first, last)
        ]
        begin = (page - 1) * limit
        return {"items": found[begin : begin + limit], "total": len(found), "page": page, "limit": limit}

    def _find(self, kind: Kind, organization_id: str, record_id: str, action: str) -> dict[str, Any]:
        name = _SINGULAR[kind]
        record = self._store.record(kind, record_id)
        if record is None or record["deletedAt"] is not None:
            raise ApiError(404, f"{name.capitalize()} not found")
        if record["organizationId"] != organization_id:
            raise ApiError(403, f"Insufficient permissions to {action} this {name}")
        return record

    def _is_taken(self, appointment: dict[str, Any], service: dict[str, Any] | None) -> bool:
        """Tell whether a calendar's other appointment lies in this one's time, or in the timeBetween around it."""
        margin = service["timeBetween"] if service else 0
        start, end = span(appointment)
        calendars = set(appointment["calendarIds"] or ())
        return any(
            takes_slot(other) and calendars & set(other["calendarIds"] or ())
            for other in self._store.overlapping(appointment, shift(start, -margin), shift(end, margin))
        )

    def _save(self, kind: Kind, record: dict[str, Any], now: datetime) -> dict[str, Any]:
        saved = {**record, "updatedAt": next_update(now, record["updatedAt"])}
        if self._normalize:
            calendars = self._store.calendars(record["organizationId"])
            saved = normalized(kind, saved, {each["id"]: each["name"] for each in calendars})
        self._store.save(kind, saved)
        return saved


def check_id(kind: Kind, record_id: str) -> None:
    """Refuse an id that is not a UUID (the API reference, Get Appointment: 400)."""
    if not fields.is_uuid(record_id):
        raise ApiError(400, f"Invalid {_SINGULAR[kind]} ID format", [(_ID_FIELD[kind], "Must be a valid UUID")])


def readable(record: dict[str, Any]) -> dict[str, Any]:
    """Give a stored record as the API answers it: without the fields that cannot be read back."""
    return {field: value for field, value in record.items() if field not in rules_appointment.UNREADABLE}


def _whole_number(name: str, text: str, maximum: int | None, errors: FieldErrors) -> int:
    number = int(text) if _WHOLE_NUMBER.fullmatch(text) else 0
    if number < 1 or (maximum is not None and number > maximum):
        accepted = "1 or more" if maximum is None else f"1 to {maximum}"
        errors.append((name, f"must be a whole number, {accepted}"))
    return number


def _moment(name: str, query: Mapping[str, str], errors: FieldErrors) -> datetime | None:
    if name not in query:
        return None
    moment, day = parse_instant(query[name]), parse_day(query[name])
    if moment is None and day is None:
        errors.append((name, "Must be valid ISO 8601 format"))
    return datetime.combine(day, time.min, UTC) if day else moment


def _matches(service: dict[str, Any], query: Mapping[str, str]) -> bool:
    return (
        all(query[name].lower() == (service[name] or "").lower() for name in ("userGroupId", "typeId") if name in query)
        and query.get("name", service["name"]) == service["name"]
        and query.get("search", "").casefold() in service["name"].casefold()
    )
