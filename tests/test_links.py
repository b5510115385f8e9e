"""Where "Onlive report" leads, and what a task with a report tells Airflow before and after its calls."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onlive_provider.errors import OnliveError, OnliveRecordsFailedError
from onlive_provider.links import HAS_ROUTE, OnliveReportLink, report_link, shared_path
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from onlive_provider.operators.storage import AirflowStorage
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.operators.conftest import MakeFleet, connection_to, make_fleet  # noqa: F401 (a fixture)
from tests.rollout.fleet import SUMMER, service, service_id

TI = SimpleNamespace(dag_id="d", run_id="manual__2026-01-01T00:00:00+00:00", task_id="g.t", map_index=3)
WEB = "https://reports.example.com/x"


def update(*numbers: int, **options: Any) -> BulkUpdateAppointmentsOperator:
    rows = [{"id": record_id(number), "title": "new"} for number in numbers]
    return BulkUpdateAppointmentsOperator(task_id="update", updates=rows, **options)


@pytest.mark.skipif(not HAS_ROUTE, reason="this Airflow serves no report")
def test_the_route_is_named_from_airflows_own_address_with_every_part_quoted() -> None:
    assert report_link(TI, "s3://c@b/a folder/r 1?.jsonl", "") == (
        "onlive/report/d/manual__2026-01-01T00%3A00%3A00%2B00%3A00/g.t/3/r%201%3F.html"
    )


@pytest.mark.skipif(HAS_ROUTE, reason="this Airflow serves reports")
def test_an_airflow_that_serves_no_report_has_a_link_only_to_a_web_server() -> None:
    assert report_link(TI, "/r.jsonl", "") == ""


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("s3://c@bucket/a/b.jsonl", "a/b.html"),
        ("/mnt/a b/c#?.jsonl", "mnt/a%20b/c%23%3F.html"),
        ("/mnt/r", "mnt/r.html"),
    ],
)
def test_a_web_servers_link_is_its_address_and_the_pages_path(path: str, below: str) -> None:
    assert report_link(TI, path, WEB) == f"{WEB}/{below}"


def test_a_place_is_told_so_that_another_process_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = AirflowStorage()
    assert shared_path(storage, "a/r.jsonl") == str(tmp_path / "a" / "r.jsonl")
    assert shared_path(storage, "file:///a%20b/r.jsonl") == "/a b/r.jsonl"
    assert shared_path(storage, "s3://c@b/r.jsonl") == "s3://c@b/r.jsonl"


def test_the_place_and_the_link_are_pushed_before_the_first_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    ti = task_instance()
    with ManyRecords(1) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, report_base_url=f"{WEB}/"))
        server.before = lambda _: seen.append(dict(ti.xcoms))
        operator = update(0, report_path=str(tmp_path / "r.jsonl"))
        operator.execute({"ti": ti})  # type: ignore[typeddict-item]
    link = f"{WEB}{tmp_path}/r.html"
    assert seen[0] == {"report_path": str(tmp_path / "r.jsonl"), "_link_OnliveReportLink": link}
    assert OnliveReportLink().get_link(operator, ti_key=ti) == link


def test_a_task_without_a_report_or_with_a_wrong_argument_pushes_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ti = task_instance()
    with ManyRecords(1) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        update(0).execute({"ti": ti})  # type: ignore[typeddict-item]
        refused = update(0, report_path=str(tmp_path / "r.jsonl"))
        refused.execute({"ti": task_instance()})  # type: ignore[typeddict-item]
        refused.timezone = "Nowhere/No"
        with pytest.raises(OnliveError):
            refused.execute({"ti": ti})  # type: ignore[typeddict-item]
    assert ti.xcoms == {}
    assert OnliveReportLink().get_link(refused, ti_key=ti) == ""


def red(monkeypatch: pytest.MonkeyPatch, ti: Any, **options: Any) -> BaseException:
    with ManyRecords(1) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        with pytest.raises(OnliveRecordsFailedError) as caught:
            update(0, 7, **options).execute({"ti": ti})  # type: ignore[typeddict-item]
    return caught.value


def test_a_red_task_pushes_the_result_that_a_green_one_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    ti = task_instance()
    red(monkeypatch, ti)
    assert list(ti.xcoms) == ["return_value"]
    assert (ti.xcoms["return_value"]["updated"], ti.xcoms["return_value"]["failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"xcom_fields": ["failed"]}, {"return_value": {"failed": 1}}),
        ({"xcom_fields": ["failed"], "multiple_outputs": True}, {"failed": 1, "return_value": {"failed": 1}}),
        ({"do_xcom_push": False}, {}),
    ],
)
def test_what_the_author_asked_of_xcom_holds_for_a_red_task_too(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    ti = task_instance()
    red(monkeypatch, ti, **options)
    assert ti.xcoms == expected


def test_a_red_task_fails_with_its_own_error_when_airflow_does_not_take_the_result(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    ti = task_instance()
    ti.xcom_push = lambda **_: 1 / 0
    assert "1 of 2 records failed" in str(red(monkeypatch, ti))
    assert "could not be stored as an XCom: ZeroDivisionError" in caplog.text + capfd.readouterr().out


def test_no_guest_is_in_the_result_of_a_red_task(monkeypatch: pytest.MonkeyPatch) -> None:
    ti = task_instance()
    with ManyRecords(1) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        operator = BulkUpdateAppointmentsOperator(task_id="u", updates=[{"id": "ana@example.com", "title": "x"}])
        with pytest.raises(OnliveRecordsFailedError):
            operator.execute({"ti": ti})  # type: ignore[typeddict-item]
    assert ti.xcoms["return_value"]["failed"] == 1
    assert "ana@" not in str(ti.xcoms)


@pytest.mark.parametrize("status", [422, 403])
def test_a_rollout_that_was_stopped_pushes_its_batches_and_its_plan(make_fleet: MakeFleet, status: int) -> None:  # noqa: F811
    served = make_fleet([service(0), service(1)])
    served.refuse(service_id(1), status)
    ti = task_instance()
    rollout = RolloutDateRangesOperator(
        task_id="r", service_ids=[service_id(0), service_id(1)], season=SUMMER, revert_on_failure=False
    )
    with pytest.raises(OnliveRecordsFailedError):
        rollout.execute({"ti": ti})  # type: ignore[typeddict-item]
    result = ti.xcoms["return_value"]
    assert (result["failed"], result["batches"][0]["size"]) == (1, 2)
    assert result["plan_markdown"]


def test_the_log_ends_with_the_place_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("the task's")
    monkeypatch.setattr(BulkUpdateAppointmentsOperator, "log", log)
    with caplog.at_level("INFO", log.name):
        red(monkeypatch, task_instance(), report_path=str(tmp_path / "r.jsonl"))
    assert f"report: {tmp_path}/r.jsonl; page: {tmp_path}/r.html" in caplog.text


def test_the_plugin_costs_no_process_a_web_framework() -> None:
    code = (
        "import sys, airflow.plugins_manager, airflow.providers.common.compat.sdk\n"
        "before = set(sys.modules)\n"
        "import onlive_provider.plugins.report as plugin\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - {'onlive_provider', 'airflow'}\n"
        "print(sorted(new & {'fastapi', 'starlette', 'aiohttp', 'requests', 'pydantic', 'sqlalchemy'}),"
        " 'onlive_provider.plugins.route' in sys.modules, len(plugin.OnliveReportPlugin.fastapi_apps))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == f"[] False {int(HAS_ROUTE)}"
