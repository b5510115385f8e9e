"""What the cluster works on: a local Onlive API that refuses what is over its limit, and the jobs of the DAGs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from onlive_provider.sandbox.brand import build_brand
from onlive_provider.sandbox.clock import to_text
from onlive_provider.sandbox.limits import CallLimits
from onlive_provider.sandbox.server import Sandbox
from onlive_provider.sandbox.store import Store

READS_PER_MINUTE = 8_000
SERVICES = 20
ZONE = "Europe/Madrid"


@dataclass(frozen=True)
class Play:
    """One DAG run, its Connection, and how much it writes.

    :param executor: what runs it.
    :param scope: the Connection's ``budget_scope``.
    :param singles: mapped single updates.
    :param rows: of the bulk task.
    :param writes_per_minute: what server and Connection allow.
    :param is_killed: whether the machine that runs the bulk task is killed in its middle.
    """

    dag_id: str
    executor: str
    scope: str
    singles: int
    rows: int
    writes_per_minute: int
    is_killed: bool

    @property
    def writes(self) -> int:
        """Writes that all records take."""
        return self.singles + self.rows + SERVICES

    @property
    def ideal(self) -> float:
        """Seconds that the writes must take: those of a minute may come at once."""
        return (self.writes - 1) // self.writes_per_minute * 60.0

    def ids(self, part: str) -> list[str]:
        """Return the ids of the appointments of a part: ``single`` or ``bulk``."""
        total = {"single": self.singles, "bulk": self.rows}[part]
        return [_id(f"{self.dag_id} {part} {number}") for number in range(total)]

    def services(self) -> list[str]:
        """Return the ids of the services of the rollout."""
        return [_id(f"{self.dag_id} service {number}") for number in range(SERVICES)]

    def connection(self, sandbox: Sandbox) -> str:
        """Return the Connection, as the value of an environment variable."""
        extra = {
            "budget_scope": self.scope,
            "reads_per_minute": READS_PER_MINUTE,
            "writes_per_minute": self.writes_per_minute,
        }
        return json.dumps({**json.loads(sandbox.connection_json()), "extra": extra})

    def job(self, bucket: Path) -> dict[str, Any]:
        """Write the rows to the bucket, and return what the DAG is told.

        A bucket is a folder under Airflow's scheme ``local``: it goes through ``ObjectStoragePath`` as ``s3`` does, and
        the provider takes it for no disk of the machine that a task runs on.
        """
        rows = bucket / f"{self.dag_id}.jsonl"
        rows.write_text("".join(json.dumps({"id": each, "lang": "es"}) + "\n" for each in self.ids("bulk")))
        return {
            "conn_id": self.dag_id,
            "rows": f"local://{rows}",
            "bulk_report": f"local://{bucket}/{self.dag_id}-bulk.jsonl",
            "rollout_report": f"local://{bucket}/{self.dag_id}-rollout.jsonl",
            "appointments": self.ids("single"),
            "services": self.services(),
            "season": {"name": "summer", "first_day": _summer()[0], "last_day": _summer()[1], "timezone": ZONE},
        }

    def sandbox(self, folder: Path) -> Sandbox:
        """Return a sandbox with the records, which refuses what is over the limit."""
        now = datetime.now(UTC)
        brand = build_brand(now)
        organization = brand["organizations"][0]
        example, appointment = organization["services"][0], organization["appointments"][0]
        exhibition = {**example, "id": _id("exhibition"), "allowOverlapping": True, "dateRanges": [], "calendars": []}
        organization["services"] = [exhibition, *(self._service(example, each) for each in self.services())]
        common = {**appointment, "lang": "en", "serviceId": exhibition["id"], "calendarIds": []}
        ids = (*self.ids("single"), *self.ids("bulk"))
        opens = (now + timedelta(days=30)).replace(hour=0, minute=0, second=0, microsecond=0)
        organization["appointments"] = [
            {**common, "id": each, "title": f"Visit {each[:8]}", **_times(opens + timedelta(hours=number))}
            for number, each in enumerate(ids)
        ]
        data = folder / f"{self.dag_id}.sqlite"
        store = Store(data)
        store.load(brand)
        store.close()
        return Sandbox(data=data, limits=CallLimits(READS_PER_MINUTE, self.writes_per_minute))

    def _service(self, example: dict[str, Any], service_id: str) -> dict[str, Any]:
        spring = _instant(date(date.today().year, 1, 1), time.min), _instant(_before_summer(), time(23, 59, 59))
        ranges = [dict(zip(("startDate", "endDate"), spring, strict=True))]
        fields = {"id": service_id, "name": f"Test drive {service_id[:8]}", "dateRanges": ranges, "calendars": []}
        return {**example, **fields, "duration": 45, "incrementTime": 15}


def _times(start: datetime) -> dict[str, str]:
    return {"start": to_text(start), "end": to_text(start + timedelta(minutes=45))}


def _summer() -> tuple[str, str]:
    year = date.today().year + 1
    return f"{year}-06-15", f"{year}-09-15"


def _before_summer() -> date:
    return date.fromisoformat(_summer()[0]) - timedelta(days=1)


def _instant(day: date, at: time) -> str:
    return to_text(datetime.combine(day, at, ZoneInfo(ZONE)).astimezone(UTC))


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"onlive cluster {name}"))
