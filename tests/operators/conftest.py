"""A server that holds one record and a Connection to it, and a way to run an operator as Airflow does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fsspec
import pytest
from packaging.version import Version

from onlive_provider.hooks.onlive import OnliveHook
from tests.bulk.server import ManyRecords
from tests.loopback import ID, SECRET, FakeClock, LoopbackServer, Recorded, fresh_credentials, reply
from tests.rollout.fleet import Fleet, fleet

APPOINTMENT = {
    "id": ID,
    "createdAt": "2025-03-09T19:32:03.735Z",
    "updatedAt": "2025-03-09T19:32:06.669Z",
    "title": "Product Demo",
    "description": None,
    "start": "2030-03-10T08:00:00.000Z",
    "end": "2030-03-10T08:30:00.000Z",
    "guests": [{"email": "ana.lopez@example.com", "extraFields": {"phone": "+34600000001"}}],
    "reminders": [{"time": 15, "unit": "m"}],
    "extraFields": {"priority": "low"},
    "state": "pending",
}
SERVICE = {
    "id": ID,
    "createdAt": "2025-03-09T19:32:03.735Z",
    "updatedAt": "2025-03-09T19:32:06.669Z",
    "name": "Test drive",
    "duration": 45,
    "incrementTime": 15,
    "minTimeToSchedule": 1,
    "maxTimeToSchedule": 90,
    "active": True,
    "dateRanges": [],
}
WRITTEN_AT = "2025-03-10T00:00:00.000Z"


class RecordServer(LoopbackServer):
    """Answers GET with the record and PUT with the record updated; ``answer_to_put`` comes first, where given."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__()
        self.record = dict(record)
        self.answers_to_put: list[Any] = []
        self.answers_to_get: list[Any] = []
        self.otherwise = self._serve_record

    def _serve_record(self, request: Recorded) -> Any:
        queue = self.answers_to_put if request.method == "PUT" else self.answers_to_get
        if queue:
            return queue.pop(0)
        if request.method == "PUT":
            patch = request.json()
            patch.pop("agentComment", None)
            self.record |= {**patch, "updatedAt": WRITTEN_AT}
        return reply(200, self.record)

    @property
    def patches(self) -> list[dict[str, Any]]:
        return [request.json() for request in self.writes]


class TaskInstance:
    """What an operator sees of its task instance."""

    dag_id, run_id, task_id, map_index = "nightly", "run", "update", -1

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        json.dumps(value)
        self.xcoms[key] = value


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock on which no wait takes time."""
    clock = FakeClock(time.time())
    monkeypatch.setattr(OnliveHook, "clock", clock)
    return clock


Execute = Callable[[Any], tuple[Any, dict[str, Any]]]
MakeFleet = Callable[..., Fleet]


@pytest.fixture
def execute() -> Execute:
    """Run an operator; return what it returned and what it pushed. What it pushed stays in ``execute.ti``."""

    def run(operator: Any) -> tuple[Any, dict[str, Any]]:
        run.ti = TaskInstance()  # type: ignore[attr-defined]
        return operator.execute({"ti": run.ti}), run.ti.xcoms  # type: ignore[attr-defined]

    return run


def connection_to(server: LoopbackServer | ManyRecords, **extra: Any) -> str:
    return json.dumps(
        {
            "conn_type": "onlive",
            "login": fresh_credentials().access_key_id,
            "password": SECRET,
            "host": server.url,
            "extra": extra,
        }
    )


def extra_of_alias(**extra: Any) -> dict[str, Any]:
    """Return the extra of an alias's event as this Airflow takes it: 3.0 cannot store a list there."""
    if Version(version("apache-airflow")).release[:2] == (3, 0):
        extra.pop("fields")
    return extra


def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    """Serve ten records, with a Connection that makes one attempt and looks a lost write up once."""
    extra = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "max_attempts": 1, "max_elapsed": 0}
    with ManyRecords(10) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **extra))
        yield server


def serving(record: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    with RecordServer(record) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        yield server


@pytest.fixture
def appointment_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    yield from serving(APPOINTMENT, monkeypatch)


@pytest.fixture
def service_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    yield from serving(SERVICE, monkeypatch)


@pytest.fixture
def make_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeFleet]:
    """Serve services, with the Connection ``onlive_default`` leading to the server in front of them."""
    opened = []

    def make(services: list[dict[str, Any]], **more: Any) -> Fleet:
        entered = fleet(tmp_path, services, **more)
        opened.append(entered)
        made = entered.__enter__()
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", made.connection())
        return made

    yield make
    for entered in opened:
        entered.__exit__(None, None, None)


@pytest.fixture
def bucket() -> Iterator[str]:
    """Give the URL of a folder in an object store that lives in this process."""
    try:
        attach = import_module("airflow.sdk.io").attach
    except ImportError:  # Airflow 2.11
        attach = import_module("airflow.io.store").attach
    store = fsspec.filesystem("memory")
    attach("memory", fs=store)
    yield "memory://bucket/folder"
    if store.exists("/bucket"):
        store.rm("/bucket", recursive=True)
