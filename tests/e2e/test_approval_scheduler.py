"""The season approval under Airflow's own scheduler and triggerer, answered through its REST API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from packaging.version import Version

from onlive_provider.sandbox.server import Sandbox
from scripts.airflow_home import make_airflow_home
from scripts.airflow_server import AirflowServer, free_port
from tests.e2e.conftest import airflow_version, environment_given_back

pytestmark = [
    pytest.mark.skipif(airflow_version < Version("3.1"), reason="Airflow has no approvals before 3.1"),
    pytest.mark.skipif(airflow_version >= Version("3.3"), reason="there a person answers in the browser's tests"),
]
DAG_ID = "onlive_season_approval"
SUMMER = datetime.now(UTC).year + 1
"""The sandbox's services are open until the end of next year, and closed in its summer."""
JULY = datetime(SUMMER, 7, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Opened:
    airflow: AirflowServer
    sandbox: Sandbox

    def plan(self, run_id: str, search: str) -> None:
        """Start a run, and wait until it asks whether its plan may be applied."""
        season = {"first_day": f"{SUMMER}-06-15", "last_day": f"{SUMMER}-09-15"}
        self.airflow.start(DAG_ID, run_id, {"search": search, **season})
        self.airflow.wait_for_question(DAG_ID, run_id)

    def end_of(self, run_id: str) -> tuple[str, list[str]]:
        """Wait until a run has ended; return its state, and which of its tasks failed."""
        state = self.airflow.end_of(DAG_ID, run_id)
        tasks = self.airflow.task_instances(DAG_ID, run_id)
        return state, [each["task_id"] for each in tasks if each["state"] in ("failed", "upstream_failed")]

    def service(self, name: str) -> dict[str, Any]:
        (found,) = (each for each in self.sandbox.records("services") if each["name"] == name)
        return found

    def writes(self, service: dict[str, Any]) -> list[dict[str, Any]]:
        return [call for call in self.sandbox.calls() if call["method"] == "PUT" and service["id"] in call["path"]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("airflow")
    log = folder / "standalone.log"
    with environment_given_back():
        make_airflow_home(folder / "home")
        with Sandbox() as sandbox, AirflowServer(log, free_port(0)) as airflow:
            assert airflow.is_up(), log.read_text("utf-8")
            reports = {"AIRFLOW_VAR_ONLIVE_REPORTS": str(folder / "reports")}
            airflow.store({"AIRFLOW_CONN_ONLIVE_DEFAULT": sandbox.connection_json(), **reports})
            airflow.wait_for_dags({DAG_ID})
            yield Opened(airflow, sandbox)


def is_open(service: dict[str, Any]) -> bool:
    return any(
        datetime.fromisoformat(each["startDate"]) <= JULY <= datetime.fromisoformat(each["endDate"])
        for each in service["dateRanges"]
    )


def test_the_plan_is_applied_when_it_is_approved_and_not_before(opened: Opened) -> None:
    name = "Advisory call · Madrid"
    opened.plan("approved", name)
    before = opened.service(name)
    too_early = opened.writes(before)
    question = opened.airflow.answer(DAG_ID, "approved", "Approve")
    assert question["subject"] == f"Open the summer, {SUMMER}-06-15 to {SUMMER}-09-15"
    assert question["body"].startswith("**1 of 1 service changes, 93 days gained, 0 lost.**\n")
    assert opened.end_of("approved") == ("success", [])
    begun = {each["task_id"]: each["start_date"] for each in opened.airflow.task_instances(DAG_ID, "approved")}
    assert datetime.fromisoformat(begun["roll_out"]) > datetime.fromisoformat(question["responded_at"])
    assert too_early == []
    assert not is_open(before)
    assert is_open(opened.service(name))
    assert [call["status"] for call in opened.writes(before)] == [200]


def test_nothing_is_written_when_it_is_rejected(opened: Opened) -> None:
    name = "Advisory call · Lisbon"
    before = opened.service(name)
    opened.plan("rejected", name)
    opened.airflow.answer(DAG_ID, "rejected", "Reject")
    assert opened.end_of("rejected") == ("success", [])
    states = {each["task_id"]: each["state"] for each in opened.airflow.task_instances(DAG_ID, "rejected")}
    assert (states["plan"], states["roll_out"]) == ("success", "skipped")
    assert opened.service(name) == before
    assert opened.writes(before) == []
