"""The inputs of the example DAGs, made from what a sandbox holds: a CRM database, a CSV file and a season."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from onlive_provider.sandbox.brand import build_brand

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox

PHONE_CALLS = 6
APPOINTMENTS = 2000
BUDGETS = {"reads_per_minute": 60_000, "writes_per_minute": 6_000}
"""The local API allows more calls a minute than the vendor's, so that nobody has to wait for a demonstration."""


@dataclass(frozen=True)
class DemoData:
    """Where the inputs are.

    :param environment: the Connections and the Variable that the DAGs name, as environment variables.
    :param season: the parameters of the seasonal DAG.
    """

    crm: Path
    moves: Path
    environment: dict[str, str]
    season: dict[str, str]


def write_seed(folder: Path, now: datetime) -> Path:
    """Write a seed file: the sandbox's own brand, and an exhibition for which 2,000 appointments are to come in all."""
    brand = build_brand(now)
    organization = brand["organizations"][0]
    service = {**organization["services"][0], "id": _id("service"), "name": "Exhibition", "allowOverlapping": True}
    organization["services"].append({**service, "dateRanges": [], "maxTimeToSchedule": 365})
    coming = [a for a in organization["appointments"] if _instant(a["start"]) > now + timedelta(days=2)]
    example = coming[0]
    opens = (now + timedelta(days=30)).replace(hour=9, minute=0, second=0, microsecond=0)
    for number in range(APPOINTMENTS - len(coming)):
        start = opens + timedelta(minutes=45 * (number % 10), days=number // 200)
        organization["appointments"].append(
            {
                **example,
                "id": _id(f"appointment {number}"),
                "serviceId": service["id"],
                "title": f"Exhibition · guest {number + 1}",
                "start": start.isoformat(),
                "end": (start + timedelta(minutes=45)).isoformat(),
                "guests": [{"email": f"guest{number + 1}@example.com"}],
                "lang": "en",
            }
        )
    for each in brand["organizations"]:
        for record in [*each["services"], *each["appointments"]]:
            record.pop("organizationId", None)
    path = folder / "seed.json"
    path.write_text(json.dumps(brand), encoding="utf-8")
    return path


def connection(sandbox: Sandbox) -> str:
    """Return the Connection to a sandbox, as the value of an environment variable."""
    return json.dumps({**json.loads(sandbox.connection_json()), "extra": BUDGETS})


def prepare(folder: Path, sandbox: Sandbox) -> DemoData:
    """Write the inputs into a folder."""
    calendar = _Calendar(sandbox)
    data = DemoData(
        crm=folder / "crm.sqlite",
        moves=folder / "moves.csv",
        environment={
            "AIRFLOW_CONN_ONLIVE_DEFAULT": connection(sandbox),
            "AIRFLOW_CONN_CRM": json.dumps({"conn_type": "sqlite", "host": str(folder / "crm.sqlite")}),
            "AIRFLOW_VAR_ONLIVE_MOVES_CSV": str(folder / "moves.csv"),
            "AIRFLOW_VAR_ONLIVE_REPORTS": str(folder / "reports"),
        },
        season=calendar.closed_summer(),
    )
    _write_crm(data.crm, calendar)
    _write_moves(data.moves, calendar)
    return data


@contextmanager
def broken_languages(crm: Path) -> Iterator[None]:
    """Let a CRM's query find no guest's language, as a wrong join does, inside the block."""
    table = "guest_languages"
    with _changing(crm) as database:
        database.execute(f"ALTER TABLE {table} RENAME TO right_languages")
        database.execute(f"CREATE TABLE {table} AS SELECT appointment_id, NULL AS lang FROM right_languages")
    try:
        yield
    finally:
        with _changing(crm) as database:
            database.execute(f"DROP TABLE {table}")
            database.execute(f"ALTER TABLE right_languages RENAME TO {table}")


@contextmanager
def _changing(crm: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(crm)
    try:
        with database:
            yield database
    finally:
        database.close()


class _Calendar:
    """What the sandbox holds, and which slots are free in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._now = _instant(sandbox.now())
        self.services = {service["id"]: service for service in sandbox.records("services")}
        self._appointments = sandbox.records("appointments")
        self._promised: list[tuple[dict[str, Any], datetime, datetime]] = []
        future = [a for a in self._appointments if _instant(a["start"]) > self._now + timedelta(days=2)]
        future.sort(key=lambda appointment: (appointment["start"], appointment["id"]))
        self.pending: Iterator[dict[str, Any]] = iter([a for a in future if a["state"] == "pending"])
        self.future = future
        self.confirmed: Iterator[dict[str, Any]] = iter([a for a in future if a["state"] == "confirmed"])

    def zone(self, appointment: dict[str, Any]) -> ZoneInfo:
        return ZoneInfo(self.services[appointment["serviceId"]]["extraFields"]["timezone"])

    def local(self, appointment: dict[str, Any]) -> tuple[str, str]:
        zone = self.zone(appointment)
        return _local(_instant(appointment["start"]), zone), _local(_instant(appointment["end"]), zone)

    def free_slot(self, appointment: dict[str, Any]) -> tuple[str, str]:
        """Return a free slot on one of the next days at the same local time of day."""
        start, end, zone = _instant(appointment["start"]), _instant(appointment["end"]), self.zone(appointment)
        for days in range(1, 60):
            moved = (start.astimezone(zone) + timedelta(days=days)).astimezone(UTC)
            if moved.astimezone(zone).weekday() < 5 and self._is_free(appointment, moved, moved + (end - start)):
                self._promised.append((appointment, moved, moved + (end - start)))
                return _local(moved, zone), _local(moved + (end - start), zone)
        raise LookupError(f"no free slot for {appointment['id']}")

    def taken_slot(self, appointment: dict[str, Any], moving: set[str]) -> tuple[str, str]:
        """Return a slot that another appointment of the same calendar holds and keeps."""
        for other in self._appointments:
            if (
                other["id"] not in moving
                and other["state"] != "cancelled"
                and other["serviceId"] == appointment["serviceId"]
                and set(other["calendarIds"]) & set(appointment["calendarIds"])
                and _instant(other["start"]) > self._now + timedelta(days=2)
            ):
                return self.local(other)
        raise LookupError(f"no taken slot for {appointment['id']}")

    def closed_summer(self) -> dict[str, str]:
        """Return the first service that is closed for weeks to come, and the days on which it is."""
        for service in self.services.values():
            zone = ZoneInfo(service["extraFields"]["timezone"])
            ranges = sorted(service["dateRanges"], key=lambda each: each["startDate"])
            for before, after in pairwise(ranges):
                closes, opens = _instant(before["endDate"]), _instant(after["startDate"])
                if closes > self._now and opens - closes > timedelta(days=60):
                    return {
                        "service_id": service["id"],
                        "timezone": str(zone),
                        "first_day": (closes + timedelta(seconds=1)).astimezone(zone).date().isoformat(),
                        "last_day": (opens - timedelta(seconds=1)).astimezone(zone).date().isoformat(),
                    }
        raise LookupError("no service is closed for a summer")

    def _is_free(self, appointment: dict[str, Any], start: datetime, end: datetime) -> bool:
        service = self.services[appointment["serviceId"]]
        opened = any(
            _instant(each["startDate"]) <= start and end <= _instant(each["endDate"]) for each in service["dateRanges"]
        )
        margin = timedelta(minutes=service["timeBetween"])
        taken = [(other, _instant(other["start"]), _instant(other["end"])) for other in self._appointments]
        return opened and not any(
            begins < end + margin
            and start - margin < ends
            and set(other["calendarIds"]) & set(appointment["calendarIds"])
            for other, begins, ends in [*taken, *self._promised]
        )


def _write_crm(path: Path, calendar: _Calendar) -> None:
    agents = ("Marta", "Jordi", "Lucia")
    calls = [next(calendar.pending) for _ in range(PHONE_CALLS)]
    services = [s for s in calendar.services.values() if s["name"].startswith("Workshop visit")][:3]
    with sqlite3.connect(path) as crm:
        crm.execute("CREATE TABLE phone_calls (appointment_id TEXT, agent TEXT, result TEXT, written_at TEXT)")
        crm.executemany(
            "INSERT INTO phone_calls VALUES (?, ?, ?, NULL)",
            [
                (call["id"], agents[index % 3], "no answer" if index == PHONE_CALLS - 1 else "confirmed")
                for index, call in enumerate(calls)
            ],
        )
        crm.execute("CREATE TABLE guest_languages (appointment_id TEXT, lang TEXT)")
        crm.executemany(
            "INSERT INTO guest_languages VALUES (?, ?)",
            [
                (appointment["id"], appointment["lang"] if number % 20 else "ca")
                for number, appointment in enumerate(calendar.future)
            ],
        )
        crm.execute("CREATE TABLE service_rules (service_id TEXT, increment_time INT, max_days INT, active INT)")
        crm.executemany(
            "INSERT INTO service_rules VALUES (?, ?, ?, ?)",
            [
                (services[0]["id"], 15, 60, 1),
                (services[1]["id"], services[1]["incrementTime"], 90, 0),
                (services[2]["id"], services[2]["incrementTime"], services[2]["maxTimeToSchedule"], 1),
            ],
        )
    crm.close()


def _write_moves(path: Path, calendar: _Calendar) -> None:
    plain, settled, contested, wrong = (next(calendar.confirmed) for _ in range(4))
    moving = {appointment["id"] for appointment in (plain, settled, contested, wrong)}
    rows = [
        (plain, *calendar.free_slot(plain), "", ""),
        (settled, *calendar.local(settled), "", ""),
        (contested, *calendar.taken_slot(contested, moving), *calendar.free_slot(contested)),
        (wrong, *reversed(calendar.local(wrong)), "", ""),
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["appointment_id", "timezone", "start", "end", "fallback_start", "fallback_end"])
        writer.writerows((row[0]["id"], calendar.zone(row[0]).key, *row[1:]) for row in rows)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"onlive demo {name}"))


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
