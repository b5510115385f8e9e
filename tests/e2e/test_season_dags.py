"""The rollout examples, run to their ends: by zone, in batches, approved or not, with a check that puts all back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.sync import OnliveClient
from onlive_provider.sandbox.server import Sandbox
from scripts.approver import Approver
from scripts.demo_fleet import REFUSING_ZONE, write_fleet
from tests.e2e.conftest import DAG_TEST_WAITS, DagRunResult

RunDag = Callable[..., DagRunResult]
needs_approvals = pytest.mark.skipif(not DAG_TEST_WAITS, reason="DAG.test knows no answers before Airflow 3.3")
SUMMER = {"first_day": "2027-06-15", "last_day": "2027-09-15"}
CLOSED_IN_SUMMER = {"Madrid", "Barcelona", "Lisbon", "Paris"}


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_VAR_ONLIVE_REPORTS", str(tmp_path))
    return tmp_path


def ranges(sandbox: Sandbox) -> dict[str, Any]:
    return {service["name"]: service["dateRanges"] for service in sandbox.records("services")}


def writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [call for call in sandbox.calls() if call["method"] == "PUT"]


def is_open(date_ranges: list[dict[str, str]], day: datetime) -> bool:
    return any(
        datetime.fromisoformat(each["startDate"]) <= day <= datetime.fromisoformat(each["endDate"])
        for each in date_ranges
    )


def test_each_zone_is_opened_in_its_own_days_and_a_second_run_sends_nothing(
    onlive_sandbox: Sandbox, run_dag: RunDag, reports: Path
) -> None:
    before = ranges(onlive_sandbox)
    result = run_dag("onlive_season_rollout", conf={**SUMMER, "search": "Advisory call"})
    assert result.state == "success"
    assert set(result.task_states("roll_out")) == {"success"}
    assert len(result.task_states("roll_out")) == 8
    assert set(result.task_states("put_back")) == {"skipped"}
    after = ranges(onlive_sandbox)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {f"Advisory call · {city}" for city in CLOSED_IN_SUMMER}
    july = datetime(2027, 7, 15, tzinfo=UTC)
    for name in changed:
        assert not is_open(before[name], july)
        assert is_open(after[name], july)
    assert len(writes(onlive_sandbox)) == len(changed)
    assert len(list(reports.glob("*.html"))) == 8

    assert run_dag("onlive_season_rollout", conf={**SUMMER, "search": "Advisory call"}).state == "success"
    assert len(writes(onlive_sandbox)) == len(changed)


def test_when_the_check_fails_every_zone_is_put_back(onlive_sandbox: Sandbox, run_dag: RunDag) -> None:
    before = ranges(onlive_sandbox)
    result = run_dag("onlive_season_rollout", conf={**SUMMER, "search": "Advisory call", "least_open": 1000})
    assert result.state == "failed"
    assert result.task_state("check") == "failed"
    assert set(result.task_states("put_back")) == {"success"}
    assert ranges(onlive_sandbox) == before
    assert len(writes(onlive_sandbox)) == 2 * len(CLOSED_IN_SUMMER)


def test_a_zone_that_fails_is_put_back_and_the_others_stand(
    tmp_path: Path, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = write_fleet(tmp_path, datetime.now(UTC))
    with Sandbox(data=fleet.data) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", sandbox.connection_json())
        before = {service["id"]: service for service in sandbox.records("services")}
        result = run_dag("onlive_season_rollout", conf={**fleet.conf, "least_open": 32})
        assert result.state == "failed"
        assert sorted(result.task_states("roll_out")) == ["failed", *["success"] * 4]
        assert (result.task_state("check"), result.task_states("put_back")) == ("success", ["skipped"])
        assert sorted(map(str, result.names("roll_out")))[:4] == [
            f"summer, {zone}: 8 updated" for zone in ("America/Mexico_City", "America/New_York", "Asia/Tokyo")
        ] + [f"summer, {REFUSING_ZONE}: 3 put back, 1 failed, 4 not attempted"]
        changed = set()
        for service in sandbox.records("services"):
            if service["dateRanges"] != before[service["id"]]["dateRanges"]:
                changed.add(service["id"])
                assert len([call for call in writes(sandbox) if call["path"].endswith(service["id"])]) == 1
        assert changed == {
            each for each, service in before.items() if service["extraFields"]["timezone"] != REFUSING_ZONE
        }
        refused = [call["path"].rpartition("/")[2] for call in writes(sandbox) if call["status"] != 200]
        assert refused == [fleet.refusing]


@needs_approvals
def test_who_approves_sees_the_plan_of_every_zone_and_only_then_is_written(
    onlive_sandbox: Sandbox, run_dag: RunDag
) -> None:
    before = ranges(onlive_sandbox)
    with Approver("onlive_season_approval", "Approve") as approver:
        result = run_dag("onlive_season_approval", conf={**SUMMER, "search": "Advisory call"})
    assert result.state == "success"
    assert approver.subject == "Open the summer, 2027-06-15 to 2027-09-15"
    assert re.match(r"\*\*4 of [\d,]+ services change, 372 days gained, 0 lost\.\*\*\n", approver.body)
    assert approver.body.count("| Service | Before | After | Gained | Lost |") == 1
    assert all(f"| Advisory call · {city} |" in approver.body for city in CLOSED_IN_SUMMER)
    paths = [result.xcom("plan", map_index=index)["report_path"].rpartition("/")[2] for index in range(8)]
    assert all(path in approver.body.replace("\\", "") for path in paths[:3])
    after = ranges(onlive_sandbox)
    assert {name for name in after if after[name] != before[name]} == {
        f"Advisory call · {city}" for city in CLOSED_IN_SUMMER
    }
    assert len(writes(onlive_sandbox)) == len(CLOSED_IN_SUMMER)
    assert set(result.task_states("put_back")) == {"skipped"}


@needs_approvals
def test_what_somebody_edits_between_the_plan_and_its_approval_is_not_overwritten(
    onlive_sandbox: Sandbox, run_dag: RunDag
) -> None:
    before = {service["id"]: service for service in onlive_sandbox.records("services")}
    (edited,) = (each for each, service in before.items() if service["name"] == "Advisory call · Lisbon")
    ours: list[dict[str, Any]] = []

    def edit() -> None:
        credentials = Credentials(onlive_sandbox.access_key_id, onlive_sandbox.secret_access_key)
        with OnliveClient(Settings(credentials=credentials, base_url=onlive_sandbox.url)) as client:
            ours.append(client.put_service(edited, {"maxTimeToSchedule": 7}))

    with Approver("onlive_season_approval", "Approve", edit):
        result = run_dag("onlive_season_approval", conf={**SUMMER, "search": "Advisory call"})
    assert result.state == "failed"
    assert sorted(result.task_states("roll_out")) == ["failed", *["success"] * 7]
    assert onlive_sandbox.record("services", edited)["dateRanges"] == before[edited]["dateRanges"]
    assert onlive_sandbox.record("services", edited)["maxTimeToSchedule"] == 7
    assert len(writes(onlive_sandbox)) == len(CLOSED_IN_SUMMER) - 1 + len(ours)


@needs_approvals
def test_what_is_rejected_is_not_written_and_the_rollout_is_skipped(onlive_sandbox: Sandbox, run_dag: RunDag) -> None:
    with Approver("onlive_season_approval", "Reject") as approver:
        result = run_dag("onlive_season_approval", conf={**SUMMER, "search": "Advisory call"})
    assert approver.answered
    assert result.state == "success"
    assert writes(onlive_sandbox) == []
    assert result.task_states("plan") == ["success"] * 8
    for task_id in ("roll_out", "standing", "check", "put_back", "done"):
        assert result.task_states(task_id) == ["skipped"]


@needs_approvals
def test_what_was_approved_is_put_back_when_the_check_fails(onlive_sandbox: Sandbox, run_dag: RunDag) -> None:
    before = ranges(onlive_sandbox)
    with Approver("onlive_season_approval", "Approve"):
        result = run_dag("onlive_season_approval", conf={**SUMMER, "search": "Advisory call", "least_open": 1000})
    assert result.state == "failed"
    assert result.task_state("check") == "failed"
    assert set(result.task_states("put_back")) == {"success"}
    assert ranges(onlive_sandbox) == before
    assert len(writes(onlive_sandbox)) == 2 * len(CLOSED_IN_SUMMER)
