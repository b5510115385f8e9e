"""The appointments of the benchmark: the record that the server answers, and the rows that are wanted."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

PATH = "/api/v1/appointments/"
OLD_LANG, NEW_LANG = "en", "es"
FIELDS = {"title": "title", "start": "start", "end": "end", "lang": "lang", "priority": "extraFields.priority"}
"""Column to field: what the bulk task compares."""

RECORD: dict[str, Any] = {
    "id": "",
    "deletedAt": None,
    "createdAt": "2026-01-09T19:32:03.735Z",
    "updatedAt": "2026-01-09T19:32:06.669Z",
    "title": "Product Demo",
    "description": "Product walkthrough with the regional team, followed by questions",
    "lang": OLD_LANG,
    "start": "2035-03-10T08:00:00.000Z",
    "end": "2035-03-10T08:30:00.000Z",
    "event": {"iCallUrl": "https://meet.example.com/room-2", "room": "Demo Room 2"},
    "reminders": [{"time": 15, "unit": "m"}],
    "guests": [
        {"email": "guest@example.com", "extraFields": {"phone": "+15550100", "firstName": "G", "lastName": "Uest"}}
    ],
    "extraFields": {"priority": "high", "location": "Virtual Meeting Room"},
    "calendarIds": ["f329fe97-452f-4d12-aef0-f526a74569cc"],
    "serviceId": "e3fb21fb-83ef-4051-916b-a8e96effe81f",
    "state": "confirmed",
    "blocked": False,
    "origin": "api",
    "organizationId": "123e4567-e89b-12d3-a456-426614174000",
    "userGroupId": "0b7e6f0e-8a43-4a0c-9b7e-3c1f0d6c9a11",
}


def record_id(index: int) -> str:
    """Return the id of one of the benchmark's records; its last twelve digits are the index."""
    return f"1610c525-f19a-40d0-8cd1-{index:012x}"


def write_rows(path: Path, total: int, *, changed: int) -> None:
    """Write the wanted rows as CSV, one at a time.

    :param changed: how many of them, evenly spread, differ from what the server holds.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *FIELDS])
        for index in range(total):
            differs = index * changed // total != (index + 1) * changed // total
            lang = NEW_LANG if differs else OLD_LANG
            writer.writerow([record_id(index), RECORD["title"], RECORD["start"], RECORD["end"], lang, "high"])


def read_rows(path: str, limit: int | None = None) -> Iterator[dict[str, str]]:
    """Read the wanted rows as a plain script does."""
    with open(path, newline="", encoding="utf-8") as file:
        yield from islice(csv.DictReader(file), limit)
