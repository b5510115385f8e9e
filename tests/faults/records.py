"""The records that the fault server holds, and every effect of a write on them."""

from __future__ import annotations

import itertools
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.faults.clock import FaultClock

IDS = tuple(f"{number:08d}-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
TARGET = IDS[1]
"""The record that faults are about, unless a fault is about all."""
LONG_AGO = "2025-03-01T09:30:06.669Z"
GUEST = "ana.lopez@example.com"
NEW_GUEST = "New.Guest@example.com"
PHONE = "+34600000001"
SPRING = {"startDate": "2027-02-28T23:00:00.000Z", "endDate": "2027-04-30T21:59:59.000Z"}
SUMMER = {"startDate": "2027-06-14T22:00:00.000Z", "endDate": "2027-09-15T21:59:59.000Z"}
CALENDAR = {"calendarId": "123e4567-e89b-12d3-a456-426614174000", "active": True, "type": "agent"}

APPOINTMENT = {
    "createdAt": LONG_AGO,
    "updatedAt": LONG_AGO,
    "deletedAt": None,
    "title": "Product Demo",
    "description": "Product walkthrough",
    "lang": "en",
    "start": "2030-03-10T08:00:00.000Z",
    "end": "2030-03-10T08:30:00.000Z",
    "guests": [{"email": GUEST, "extraFields": {"phone": PHONE}}],
    "reminders": [{"time": 15, "unit": "m"}],
    "extraFields": {"priority": "low"},
    "event": None,
    "calendarIds": [],
    "state": "confirmed",
}
SERVICE = {
    "createdAt": LONG_AGO,
    "updatedAt": LONG_AGO,
    "deletedAt": None,
    "name": "Premium Test Drive",
    "duration": 45,
    "timeBetween": 15,
    "incrementTime": 30,
    "minTimeToSchedule": 1,
    "maxTimeToSchedule": 90,
    "extraFields": {"area": "Barcelona"},
    "active": True,
    "allowOverlapping": False,
    "dateRanges": [SPRING],
    "calendars": [CALENDAR],
}
APPOINTMENT_UPDATE = {
    "title": "Updated Product Demo",
    "guests": [*APPOINTMENT["guests"], {"email": NEW_GUEST}],  # type: ignore[misc]
    "reminders": [{"time": 30, "unit": "m"}],
}
UNREADABLE = ("agentComment", "classification")


class Effect(NamedTuple):
    """A write that was carried out: people were notified.

    :param at: seconds since the run began.
    """

    at: float
    id: str
    patch: dict[str, Any]


class Records:
    """Records by id, and what the server does to what it stores.

    :param does: any of ``members`` (gives items ids, states and defaults), ``empty`` (answers ``[]`` for ``null``),
        ``spelling`` (trims text and writes e-mail addresses in lower case), ``still`` (``updatedAt`` never moves), and
        ``no updatedAt`` (is not answered).
    :param leaves_out: fields that are stored and never answered.
    """

    def __init__(
        self,
        records: dict[str, dict[str, Any]],
        clock: FaultClock,
        *,
        does: frozenset[str] = frozenset(),
        leaves_out: frozenset[str] = frozenset(),
    ) -> None:
        self.effects: list[Effect] = []
        self._clock = clock
        self._does = does
        self._leaves_out = leaves_out | {"updatedAt"} if "no updatedAt" in does else leaves_out
        self._numbers = itertools.count(1)
        self._under_way: list[tuple[float, str, dict[str, Any]]] = []
        self._records = {name: {**deepcopy(fields), "id": name} for name, fields in records.items()}
        for record in self._records.values():
            self._store(record, {name: value for name, value in record.items() if name not in ("id", "updatedAt")})

    def __contains__(self, name: object) -> bool:
        self.settle()
        return name in self._records

    def shown(self, name: str) -> dict[str, Any]:
        """Return a record as the API answers it."""
        self.settle()
        record = {key: value for key, value in self._records[name].items() if key not in self._leaves_out}
        for key in UNREADABLE:
            record.pop(key, None)
        if "empty" in self._does:
            record = {
                key: [] if value is None and key in ("guests", "reminders", "dateRanges", "calendars") else value
                for key, value in record.items()
            }
        return record

    def write(self, name: str, patch: dict[str, Any], *, late: float = 0.0) -> None:
        """Carry a write out, at once or some seconds later."""
        self._under_way.append((self._clock.monotonic() + late, name, patch))
        self.settle()

    def settle(self, *, everything: bool = False) -> None:
        """Carry out what is due."""
        now = self._clock.monotonic()
        due = [each for each in self._under_way if everything or each[0] <= now]
        self._under_way = [each for each in self._under_way if each not in due]
        for at, name, patch in due:
            if name in self._records:
                self.effects.append(Effect(at, name, patch))
                self._store(self._records[name], patch)
                self._touch(self._records[name])

    def edit(self, name: str, fields: dict[str, Any]) -> None:
        """Change a record as somebody else would."""
        self._store(self._records[name], fields)
        self._touch(self._records[name])

    def delete(self, name: str) -> None:
        del self._records[name]

    def _touch(self, record: dict[str, Any]) -> None:
        if "still" not in self._does:
            moment = datetime.fromtimestamp(self._clock.true_time(), UTC).replace(
                microsecond=1000 * (next(self._numbers) % 1000)
            )
            record["updatedAt"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _store(self, record: dict[str, Any], patch: dict[str, Any]) -> None:
        for name, value in deepcopy(patch).items():
            if name == "extraFields" and isinstance(value, dict) and isinstance(record.get(name), dict):
                value = {**record[name], **value}
            record[name] = self._as_stored(name, value)

    def _as_stored(self, name: str, value: Any) -> Any:
        if "spelling" in self._does and isinstance(value, str):
            value = value.strip()
        if not isinstance(value, list):
            return value
        items = [dict(item) if isinstance(item, dict) else item for item in value]
        for item in items:
            if not isinstance(item, dict):
                continue
            if "spelling" in self._does and "email" in item:
                item["email"] = item["email"].strip().lower()
            if "members" in self._does:
                number = next(self._numbers)
                item |= {
                    "guests": {"id": f"guest-{number}", "status": "pending"},
                    "reminders": {"id": f"reminder-{number}"},
                    "dateRanges": {"id": f"range-{number}"},
                    "calendars": {"name": "Ana", "restrictionDates": {"include": [], "exclude": []}},
                }.get(name, {})
        return items
