"""The rollout example, run to its end: by zone, in batches, with a check that puts everything back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.sandbox.server import Sandbox
from tests.e2e.conftest import DagRunResult

RunDag = Callable[..., DagRunResult]
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
