"""The brand's service and appointment with the ids of the API reference's examples, so that these can be run."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from onlive_provider.sandbox.clock import to_text
from onlive_provider.sandbox.records import whole_appointment, whole_service

ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"
"""The reference's examples give it to a service and to an appointment."""

USER_GROUP_ID = "f329fe97-452f-4d12-aef0-f526a74569cc"
TYPE_ID = "e3fb21fb-83ef-4051-916b-a8e96effe81f"

_ZONE = ZoneInfo("Europe/Madrid")
_SUNDAY = 6


def reference_service(organization_id: str, calendar_ids: dict[str, str], now: datetime) -> dict[str, Any]:
    """Make the service: half an hour, open from last October to the end of next year.

    :param calendar_ids: the ids of its calendars with their types, agent or asset.
    """
    opens, closes = (
        datetime(now.year - 1, 10, 1, tzinfo=_ZONE),
        datetime(now.year + 1, 12, 31, 23, 59, 59, tzinfo=_ZONE),
    )
    given = {
        "id": ID,
        "name": "Product demo · Mollet del Vallès",
        "extraFields": {
            "city": "Mollet del Vallès",
            "country": "Spain",
            "street": "Avinguda Rabassaires 22",
            "timezone": _ZONE.key,
            "contact": "product-demo.mollet@example.com",
        },
        "maxTimeToSchedule": 120,
        "dateRanges": [{"startDate": to_text(opens), "endDate": to_text(closes)}],
        "calendars": [{"calendarId": each, "active": True, "type": kind} for each, kind in calendar_ids.items()],
        "image": "https://cdn.example.com/product-demo.webp",
        "userGroupId": USER_GROUP_ID,
        "typeId": TYPE_ID,
    }
    return whole_service(given, organization_id, datetime(now.year - 1, 9, 1, 8, tzinfo=UTC))


def reference_appointment(service: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Make the appointment: a pending one, ten or eleven days from now, in working hours."""
    day = now.astimezone(_ZONE).date() + timedelta(days=10)
    day += timedelta(days=day.weekday() == _SUNDAY)
    start = datetime.combine(day, time(11), _ZONE).astimezone(UTC)
    given = {
        "id": ID,
        "title": "Product demo · Lucía García",
        "description": "A walk through the new features.",
        "lang": "es",
        "start": to_text(start),
        "end": to_text(start + timedelta(minutes=service["duration"])),
        "reminders": [{"time": 60, "unit": "m"}],
        "guests": [
            {
                "email": "lucia.garcia@example.com",
                "extraFields": {"firstName": "Lucía", "lastName": "García", "phone": "+34600199999"},
            }
        ],
        "extraFields": {"source": "web"},
        "origin": "web",
    }
    return whole_appointment(given, service, service["organizationId"], now - timedelta(days=2))
