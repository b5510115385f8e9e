"""The sensor in a real Airflow, in each of its ways to wait, and what docs/sensor.md shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from packaging.version import Version

from onlive_provider.hooks.onlive import OnliveHook
from tests.documentation.blocks import block
from tests.e2e.conftest import DagRunResult, airflow_version
from tests.loopback import ID, FakeClock, reply
from tests.operators.conftest import APPOINTMENT, RecordServer, serving
from tests.triggers.conftest import fire

RunDag = Callable[..., DagRunResult]
CONFIRMED = {"id": ID, "state": "confirmed", "updatedAt": APPOINTMENT["updatedAt"]}
reschedule = pytest.param(
    "reschedule",
    marks=pytest.mark.skipif(
        Version("3.0") <= airflow_version < Version("3.1"), reason="DAG.test of 3.0 runs no rescheduled task again"
    ),
)
every_way = pytest.mark.parametrize("way", ["poke", reschedule, "deferrable"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    """A server whose appointment is confirmed after two reads."""
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(time.time()))
    for server in serving(APPOINTMENT | {"state": "confirmed"}, monkeypatch):
        server.answers_to_get = [reply(200, APPOINTMENT)] * 2
        yield server


@every_way
def test_it_waits_for_the_confirmation(server: RecordServer, run_dag: RunDag, way: str) -> None:
    result = run_dag(f"sensor_{way}", conf={"appointment_id": ID})
    assert (result.state, result.xcom("wait")) == ("success", CONFIRMED)
    assert server.methods == ["GET"] * 3


@every_way
def test_a_failure_state_fails_it_without_a_retry(server: RecordServer, run_dag: RunDag, way: str) -> None:
    result = run_dag(f"sensor_{way}", conf={"appointment_id": ID, "states": ["done"], "failure_states": ["confirmed"]})
    assert (result.state, result.tries("wait")) == ("failed", 1)
    assert server.methods == ["GET"] * 3


def test_a_deferred_one_ends_at_its_timeout_without_a_retry(server: RecordServer, run_dag: RunDag) -> None:
    result = run_dag("sensor_deferrable", conf={"appointment_id": ID, "states": ["done"]})
    assert (result.state, result.tries("wait")) == ("failed", 1)
    assert set(server.methods) == {"GET"}


@every_way
def test_what_reading_again_cannot_mend_fails_it_without_a_retry(
    server: RecordServer, run_dag: RunDag, way: str
) -> None:
    server.answers_to_get[1] = reply(403, {"statusCode": 403, "message": "no"})
    result = run_dag(f"sensor_{way}", conf={"appointment_id": ID})
    assert (result.state, result.tries("wait")) == ("failed", 1)
    assert server.methods == ["GET"] * 2


def test_the_example_waits_and_then_puts_a_reminder_on_the_appointment(server: RecordServer, run_dag: RunDag) -> None:
    result = run_dag("onlive_wait_for_confirmation")
    assert result.state == "success"
    assert server.patches == [{"reminders": [{"time": 60, "unit": "m"}]}]
    assert server.methods == ["GET"] * 4 + ["PUT"]


def test_the_example_stops_when_the_appointment_is_cancelled(server: RecordServer, run_dag: RunDag) -> None:
    server.record["state"] = "cancelled"
    result = run_dag("onlive_wait_for_confirmation")
    assert (result.task_state("wait_for_confirmation"), result.task_state("remind")) == ("failed", "upstream_failed")
    assert server.patches == []


def test_the_sensor_that_the_page_shows_waits_for_the_confirmation(server: RecordServer) -> None:
    from airflow.providers.common.compat.sdk import TaskDeferred

    shown: dict[str, Any] = {}
    exec(block("docs/sensor.md", "Wait for an appointment"), shown)
    wait = shown["wait"]
    wait.render_template_fields({"params": {"appointment_id": ID}})
    with pytest.raises(TaskDeferred) as deferred:
        wait.execute({})
    ((event,),) = fire(deferred.value.trigger)
    assert wait.execute_complete({}, event) == CONFIRMED


def test_the_watcher_that_the_page_shows_fires_at_the_confirmation(server: RecordServer) -> None:
    try:
        from airflow.sdk import AssetWatcher
    except ImportError:
        pytest.skip("Airflow has no watchers before 3.0")
    shown: dict[str, Any] = {}
    exec(block("docs/sensor.md", "Run a DAG when an appointment is confirmed"), shown)
    (watcher,) = shown["demo"].watchers
    assert isinstance(watcher, AssetWatcher)
    assert fire(watcher.trigger) == [[CONFIRMED]]
