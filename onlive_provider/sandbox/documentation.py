"""What the OpenAPI page says: requests, parameters and answers of every endpoint. It decides nothing."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from onlive_provider.sandbox.answers import Error

_UUID = {"type": "string", "format": "uuid"}
_INSTANT = {"type": "string", "format": "date-time"}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or [], **more}


_TEXT = _nullable({"type": "string"})
_OBJECT = _nullable({"type": "object"})
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
_NOT_NEGATIVE = {"type": "number", "minimum": 0}
_BOOLEAN = {"type": "boolean"}
_DAYS = {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 2, "maxItems": 2}
_PERIODS = _nullable({"type": "array", "items": _DAYS})

APPOINTMENT_UPDATE = _object(
    {
        "title": _TEXT,
        "description": _TEXT,
        "start": _INSTANT,
        "end": _INSTANT,
        "guests": _nullable(
            {
                "type": "array",
                "maxItems": 10,
                "items": _object({"email": {"type": "string", "format": "email"}, "extraFields": _OBJECT}, ["email"]),
            }
        ),
        "reminders": _nullable(
            {
                "type": "array",
                "items": _object({"time": _NOT_NEGATIVE, "unit": {"type": "string", "minLength": 1}}, ["time", "unit"]),
            }
        ),
        "extraFields": _OBJECT,
        "lang": _TEXT,
        "classification": _TEXT,
        "event": _nullable(_object({"iCallUrl": _TEXT, "room": _TEXT})),
        "state": _TEXT,
        "agentComment": _TEXT,
    },
    additionalProperties=False,
)

SERVICE_UPDATE = _object(
    {
        "name": {"type": "string", "minLength": 1},
        "duration": _POSITIVE,
        "timeBetween": _NOT_NEGATIVE,
        "minTimeToSchedule": _NOT_NEGATIVE,
        "maxTimeToSchedule": _NOT_NEGATIVE,
        "incrementTime": _POSITIVE,
        "extraFields": _OBJECT,
        "deniedMultipleAppointment": _BOOLEAN,
        "active": _BOOLEAN,
        "allowOverlapping": _BOOLEAN,
        "hasICall": _BOOLEAN,
        "dateRanges": _nullable(
            {
                "type": "array",
                "items": _object({"startDate": _INSTANT, "endDate": _INSTANT}, ["startDate", "endDate"]),
            }
        ),
        "calendars": _nullable(
            {
                "type": "array",
                "items": _object(
                    {
                        "calendarId": _UUID,
                        "active": _BOOLEAN,
                        "type": {"enum": ["agent", "asset"]},
                        "restrictionDates": _nullable(
                            _object({"include": _PERIODS, "exclude": _PERIODS}, additionalProperties=False)
                        ),
                    },
                    ["calendarId", "active", "type"],
                ),
            }
        ),
        "image": _TEXT,
        "userGroupId": _nullable(_UUID),
        "typeId": _nullable(_UUID),
    },
    additionalProperties=False,
)

_DESCRIPTIONS = {
    400: "Malformed input; every problem is listed",
    401: "Missing or wrong credentials, signature or date",
    403: "The record belongs to another organization",
    404: "No such record",
    409: "Another appointment holds the time slot",
    422: "Well-formed input that breaks a rule about what is stored",
    429: "Too many calls of this access key in the last minute; the header Retry-After gives seconds",
}


def answers(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document an endpoint's answers: its success and the statuses of its errors."""
    documented: dict[int | str, dict[str, Any]] = {200: {"model": model, "description": "Success"}}
    for status in statuses:
        documented[status] = {"model": Error, "description": _DESCRIPTIONS[status]}
    return documented


def operation(*parameters: dict[str, Any], body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Document what an endpoint takes: its parameters, its body, and the two headers of a signature."""
    documented: dict[str, Any] = {"security": [{"signature": [], "date": []}], "parameters": list(parameters)}
    if body is not None:
        documented["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return documented


def path_id(name: str) -> dict[str, Any]:
    """Document a record's id in the path."""
    return {"name": name, "in": "path", "required": True, "schema": _UUID}


def query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Document an optional query parameter."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


LIST_PARAMETERS = (
    query("page", {"type": "integer", "minimum": 1, "default": 1}, "Number of the page"),
    query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Services on a page"),
    query("userGroupId", _UUID, "Only services of this user group"),
    query("search", {"type": "string"}, "Only services whose name contains this, without regard to case"),
    query("typeId", _UUID, "Only services of this type"),
    query("name", {"type": "string"}, "Only services with exactly this name"),
    query("startDate", _INSTANT, "Only services that can be booked at or after this time"),
    query("endDate", _INSTANT, "Only services that can be booked at or before this time"),
)

SECURITY_SCHEMES = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "ONLIVESITE Credential:<access key id>, Signature=<signature>",
    },
    "date": {
        "type": "apiKey",
        "in": "header",
        "name": "x-onlive-site-date",
        "description": "The time of signing, YYYYMMDDTHHmmssZ in UTC, at most 15 minutes from the server's",
    },
}
