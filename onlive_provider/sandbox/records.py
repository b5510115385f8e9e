"""A whole record made of the few fields that somebody gave: every other field gets its default."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onlive_provider.sandbox.clock import to_text


def whole_service(given: dict[str, Any], organization_id: str, now: datetime) -> dict[str, Any]:
    """Make a stored service.

    :param given: at least id and name; durations are minutes, times to schedule are days.
    :param now: becomes createdAt and updatedAt where they are not given.
    """
    return {
        "deletedAt": None,
        "createdAt": to_text(now),
        "updatedAt": to_text(now),
        "duration": 30,
        "timeBetween": 0,
        "minTimeToSchedule": 0,
        "maxTimeToSchedule": 365,
        "incrementTime": 30,
        "condition": None,
        "extraFields": None,
        "deniedMultipleAppointment": False,
        "active": True,
        "allowOverlapping": False,
        "hasICall": False,
        "dateRanges": None,
        "calendars": None,
        "image": None,
        "userGroupId": None,
        "typeId": None,
        **given,
        "organizationId": organization_id,
    }


def whole_appointment(
    given: dict[str, Any], service: dict[str, Any] | None, organization_id: str, now: datetime
) -> dict[str, Any]:
    """Make a stored appointment.

    :param given: at least id, start and end. calendarIds default to all calendars of the service.
    :param now: becomes createdAt and updatedAt where they are not given.
    """
    calendars = (service["calendars"] if service else None) or []
    return {
        "deletedAt": None,
        "createdAt": to_text(now),
        "updatedAt": to_text(now),
        "title": None,
        "description": None,
        "lang": None,
        "event": None,
        "reminders": None,
        "guests": None,
        "extraFields": None,
        "calendarIds": [calendar["calendarId"].lower() for calendar in calendars],
        "serviceId": service["id"] if service else None,
        "state": "pending",
        "blocked": False,
        "origin": "api",
        "userGroupId": service["userGroupId"] if service else None,
        "agentComment": None,
        "classification": None,
        **given,
        "organizationId": organization_id,
    }
