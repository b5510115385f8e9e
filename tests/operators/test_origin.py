"""Which task instance a report says it is from, and the link back to it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from onlive_provider.errors import OnliveRecordsFailedError
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.origin import origin_of, task_url
from tests.bulk.server import ManyRecords, record_id
from tests.loopback import FakeClock
from tests.operators.conftest import Execute, connection_to
from tests.pages import data_of

RUN = "manual__2027-01-01T00:00:00+00:00/ä"


def instance(**more: object) -> SimpleNamespace:
    return SimpleNamespace(**{"dag_id": "crm", "run_id": RUN, "task_id": "group.update", "map_index": -1, **more})


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 has other addresses")
@pytest.mark.parametrize(
    ("more", "ending"),
    [({}, ""), ({"try_number": 2}, "?try_number=2"), ({"map_index": 0, "try_number": 1}, "/mapped/0?try_number=1")],
)
def test_the_link_leads_to_the_task_instance_of_the_run(
    more: dict[str, int], ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")
    run = "manual__2027-01-01T00%3A00%3A00%2B00%3A00%2F%C3%A4"
    expected = f"https://airflow.example/team/dags/crm/runs/{run}/tasks/group.update{ending}"
    assert task_url(instance(**more)) == expected


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 always has an address")
def test_there_is_no_link_where_airflow_is_not_told_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__API__BASE_URL", raising=False)
    assert task_url(instance(log_url="http://localhost:8080/guessed")) is None


@pytest.mark.skipif(AIRFLOW_V_3_0_PLUS, reason="Airflow 3 has other addresses")
def test_on_airflow_2_the_link_is_that_of_the_task_instances_log() -> None:
    assert task_url(instance(log_url="http://localhost:8080/dags/crm/grid")) == "http://localhost:8080/dags/crm/grid"


@pytest.mark.parametrize(("map_index", "expected"), [(-1, None), (None, None), (0, 0), (7, 7)])
def test_only_a_mapped_task_has_a_map_index(map_index: int | None, expected: int | None) -> None:
    assert origin_of(instance(map_index=map_index), None).map_index == expected


def test_a_reports_page_says_its_zone_when_it_was_written_and_why_the_task_failed(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(1_800_000_000.5))
    operator = BulkUpdateAppointmentsOperator(
        task_id="update",
        updates=[{"id": record_id(0), "title": "x"}, {"id": record_id(1), "start": "not a time at all"}],
        timezone="Europe/Madrid",
        report_path=str(tmp_path / "r.jsonl"),
    )
    with ManyRecords(10) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        with pytest.raises(OnliveRecordsFailedError, match="1 of 2 records failed"):
            execute(operator)
    data = data_of((tmp_path / "r.html").read_text("utf-8"))
    assert data["origin"] == {
        "timezone": "Europe/Madrid",
        "path": str(tmp_path / "r.jsonl"),
        "file": "r.jsonl",
        "written": "2027-01-15T08:00:00+00:00",
    }
    assert data["error"].startswith("OnliveRecordsFailedError: 1 of 2 records failed")
