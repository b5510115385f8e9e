from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from onlive_provider.sandbox.server import Sandbox
from scripts.demo_data import DemoData, broken_languages, prepare
from tests.e2e.conftest import DagRunResult
from tests.loopback import Recorded, reply
from tests.rollout import fleet as fleets

RunDag = Callable[..., DagRunResult]


@pytest.fixture
def demo(tmp_path: Path, onlive_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> DemoData:
    data = prepare(tmp_path, onlive_sandbox)
    for name, value in data.environment.items():
        monkeypatch.setenv(name, value)
    return data


def writes(sandbox: Sandbox) -> list[tuple[str, int]]:
    return [(call["path"].rpartition("/")[2], call["status"]) for call in sandbox.calls() if call["method"] == "PUT"]


def crm_rows(demo: DemoData, sql: str) -> list[tuple[Any, ...]]:
    crm = sqlite3.connect(demo.crm)
    try:
        return crm.execute(sql).fetchall()
    finally:
        crm.close()


def in_zone(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def span(record: dict[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(record["start"]), datetime.fromisoformat(record["end"])


def test_the_scheduled_dag_writes_each_phone_confirmation_once(
    demo: DemoData, onlive_sandbox: Sandbox, run_dag: RunDag
) -> None:
    calls = dict(crm_rows(demo, "SELECT appointment_id, agent FROM phone_calls WHERE result = 'confirmed'"))
    silent = crm_rows(demo, "SELECT appointment_id FROM phone_calls WHERE result <> 'confirmed'")[0][0]

    assert run_dag("onlive_evening_confirmations").state == "success"

    for appointment_id, agent in calls.items():
        record = onlive_sandbox.record("appointments", appointment_id)
        assert record["state"] == "confirmed"
        assert record["reminders"] == [{"time": 60, "unit": "m"}]
        assert record["agentComment"] == f"Confirmed by phone, {agent}"
        marked = crm_rows(demo, f"SELECT written_at FROM phone_calls WHERE appointment_id = '{appointment_id}'")
        assert marked == [(record["updatedAt"],)]
    assert onlive_sandbox.record("appointments", silent)["state"] == "pending"
    assert sorted(writes(onlive_sandbox)) == sorted((appointment_id, 200) for appointment_id in calls)

    notified = len(onlive_sandbox.notifications())
    assert run_dag("onlive_evening_confirmations").state == "success"
    assert len(writes(onlive_sandbox)) == len(calls)
    assert len(onlive_sandbox.notifications()) == notified


def shown_title(sandbox: Sandbox, row: dict[str, str]) -> str:
    """Return the offer of an appointment, whose title is its offer and its guest."""
    return str(sandbox.record("appointments", row["appointment_id"])["title"]).partition(" · ")[0]


def test_the_data_driven_dag_moves_what_it_can_and_fails_the_bad_row_alone(
    demo: DemoData, onlive_sandbox: Sandbox, run_dag: RunDag
) -> None:
    with demo.moves.open(newline="") as file:
        plain, settled, contested, wrong = csv.DictReader(file)
    named = [(plain, "updated"), (settled, "unchanged"), (contested, "updated")]
    before = {row["appointment_id"]: onlive_sandbox.record("appointments", row["appointment_id"]) for row in (wrong,)}
    rules = crm_rows(demo, "SELECT service_id, increment_time, max_days, active FROM service_rules")

    result = run_dag("onlive_crm_sync")

    assert result.state == "failed"
    assert result.task_states("move_appointment") == ["success", "success", "success", "failed"]
    assert result.tries("move_appointment", map_index=3) == 1
    assert result.names("move_appointment") == [
        *(f"{shown_title(onlive_sandbox, row)} {row['appointment_id'][:8]}: {came}" for row, came in named),
        f"{wrong['appointment_id'][:8]}: failed",
    ]
    assert result.names("switch_rules") == [
        f"{onlive_sandbox.record('services', rule[0])['name']}: {came}"
        for rule, came in zip(rules, ("updated", "updated", "unchanged"), strict=True)
    ]
    moved = onlive_sandbox.record("appointments", plain["appointment_id"])
    zone = plain["timezone"]
    assert span(moved) == (in_zone(plain["start"], zone), in_zone(plain["end"], zone))
    fallen_back = onlive_sandbox.record("appointments", contested["appointment_id"])
    zone = contested["timezone"]
    assert span(fallen_back) == (in_zone(contested["fallback_start"], zone), in_zone(contested["fallback_end"], zone))
    assert onlive_sandbox.record("appointments", wrong["appointment_id"]) == before[wrong["appointment_id"]]
    for service_id, increment_time, max_days, active in rules:
        service = onlive_sandbox.record("services", service_id)
        assert (service["incrementTime"], service["maxTimeToSchedule"], service["active"]) == (
            increment_time,
            max_days,
            bool(active),
        )
    assert sorted(writes(onlive_sandbox)) == sorted(
        [
            (plain["appointment_id"], 200),
            (contested["appointment_id"], 409),
            (contested["appointment_id"], 200),
            (rules[0][0], 200),
            (rules[1][0], 200),
        ]
    )

    notified = len(onlive_sandbox.notifications())
    again = run_dag("onlive_crm_sync")
    assert again.task_states("move_appointment") == ["success", "success", "success", "failed"]
    assert len(writes(onlive_sandbox)) == 5
    assert len(onlive_sandbox.notifications()) == notified


def test_the_seasonal_dag_plans_then_opens_the_summer(demo: DemoData, onlive_sandbox: Sandbox, run_dag: RunDag) -> None:
    service_id, zone = demo.season["service_id"], demo.season["timezone"]
    before = onlive_sandbox.record("services", service_id)["dateRanges"]

    result = run_dag("onlive_summer_season", conf=demo.season)

    assert result.state == "success"
    assert (result.xcom("plan_summer")["planned"], result.xcom("open_summer")["updated"]) == (1, 1)
    after = onlive_sandbox.record("services", service_id)["dateRanges"]
    opens, closes = (
        in_zone(f"{demo.season['first_day']}T00:00", zone),
        in_zone(f"{demo.season['last_day']}T23:59:59", zone),
    )

    def covered(moment: datetime, ranges: list[dict[str, str]]) -> bool:
        return any(
            datetime.fromisoformat(each["startDate"]) <= moment <= datetime.fromisoformat(each["endDate"])
            for each in ranges
        )

    for moment in (opens, closes):
        assert not covered(moment, before)
        assert covered(moment, after)
    for each in before:
        assert covered(datetime.fromisoformat(each["startDate"]), after)
        assert covered(datetime.fromisoformat(each["endDate"]), after)
    assert writes(onlive_sandbox) == [(service_id, 200)]

    again = run_dag("onlive_summer_season", conf=demo.season)
    assert again.xcom("open_summer")["unchanged"] == 1
    assert len(writes(onlive_sandbox)) == 1


@pytest.mark.parametrize("read", [2, 3, 4], ids=["planned again", "before the write", "read back"])
def test_the_seasonal_dag_never_overwrites_what_a_colleague_edits_meanwhile(
    read: int, tmp_path: Path, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = {"startDate": "2031-01-01T00:00:00.000Z", "endDate": "2031-02-01T00:00:00.000Z"}
    season = {"first_day": "2027-06-15", "last_day": "2027-09-15", "timezone": "Europe/Madrid"}
    with fleets.fleet(tmp_path, [fleets.service(0)]) as one:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", one.connection())

        def is_due(request: Recorded) -> bool:
            return len([each for each in one.front.requests if each.method == "GET"]) == read

        def edit() -> None:
            one.edit(fleets.service_id(0), dateRanges=[*one.record(fleets.service_id(0))["dateRanges"], edited])

        one.once(is_due, edit)
        result = run_dag("onlive_summer_season", conf={"service_id": fleets.service_id(0), **season})
        assert edited in one.record(fleets.service_id(0))["dateRanges"]
        assert result.task_state("open_summer") == ("success" if read == 2 else "failed")


@pytest.mark.parametrize("held", [None, "absent"])
def test_the_seasonal_dag_refuses_a_service_that_may_be_always_open(
    held: Any, tmp_path: Path, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    season = {"first_day": "2027-06-15", "last_day": "2027-09-15", "timezone": "Europe/Madrid"}
    with fleets.fleet(tmp_path, [fleets.service(0, dateRanges=None)]) as one:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", one.connection())
        if held == "absent":
            record = {name: value for name, value in one.record(fleets.service_id(0)).items() if name != "dateRanges"}
            one.before.append(lambda request: reply(200, record))
        result = run_dag("onlive_summer_season", conf={"service_id": fleets.service_id(0), **season})
        assert (result.task_state("plan_summer"), one.written()) == ("failed", [])


def test_the_bulk_dag_stops_a_broken_table_before_the_first_write(
    demo: DemoData, onlive_sandbox: Sandbox, run_dag: RunDag
) -> None:
    wanted = dict(crm_rows(demo, "SELECT appointment_id, lang FROM guest_languages"))
    before = {a["id"]: a["lang"] for a in onlive_sandbox.records("appointments")}
    differing = [appointment_id for appointment_id, lang in wanted.items() if before[appointment_id] != lang]
    notified = len(onlive_sandbox.notifications())

    with broken_languages(demo.crm):
        result = run_dag("onlive_bulk_languages")
    assert (result.state, result.task_state("update_languages"), result.tries("update_languages")) == (
        "failed",
        "failed",
        1,
    )
    assert {a["id"]: a["lang"] for a in onlive_sandbox.records("appointments")} == before
    assert (writes(onlive_sandbox), len(onlive_sandbox.notifications())) == ([], notified)

    assert run_dag("onlive_bulk_languages", conf={"max_changes": str(len(differing) - 1)}).state == "failed"
    assert writes(onlive_sandbox) == []
    assert run_dag("onlive_bulk_languages", conf={"max_changes": str(len(differing))}).state == "success"
    assert sorted(writes(onlive_sandbox)) == sorted((appointment_id, 200) for appointment_id in differing)
    for appointment_id, lang in wanted.items():
        assert onlive_sandbox.record("appointments", appointment_id)["lang"] == lang

    again = run_dag("onlive_bulk_languages")
    assert again.xcom("update_languages")["unchanged"] == len(wanted)
    assert len(writes(onlive_sandbox)) == len(differing)
