"""What a task with a report leaves in Airflow's database: its place, the link to it, and a red task's counts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from onlive_provider.links import HAS_ROUTE, OnliveReportLink
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator
from onlive_provider.operators.plan import ApplyPlanOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from tests.e2e.conftest import DAGS_FOLDER, dag_bag_class
from tests.e2e.report_run import DAG_ID, ReportRun, report_run


@pytest.fixture(scope="module")
def reports(airflow_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportRun]:
    with report_run(tmp_path_factory.mktemp("reports")) as run:
        yield run


@pytest.mark.parametrize(
    ("task_id", "name"),
    [
        ("green", "green"),
        ("red", "{run_id}/red"),
        ("no_rows", "no_rows"),
        ("plan", "plan"),
        ("apply", "applied"),
        ("put_back", "{run_id}/red.reverted"),
    ],
)
def test_a_task_with_a_report_says_where_it_is_whether_green_or_red(
    reports: ReportRun, task_id: str, name: str
) -> None:
    assert reports.result.task_state(task_id) == ("failed" if task_id == "red" else "success")
    path = reports.folder / f"{name.format(run_id=reports.run_id)}.jsonl"
    assert reports.result.xcom(task_id, "report_path") == str(path)
    assert path.with_suffix(".html").exists()


def test_a_red_tasks_counts_can_be_read_as_a_green_ones(reports: ReportRun) -> None:
    result = reports.result.xcom("red")
    assert (result["updated"], result["failed"]) == (1, 1)
    assert result["failures"][0]["error"] == "OnlivePayloadError"
    assert set(result) == set(reports.result.xcom("green"))


def test_a_red_tasks_result_can_be_reverted(reports: ReportRun) -> None:
    assert reports.result.xcom("put_back")["updated"] == 1
    assert reports.served.record(2)["title"] == "as it was"


def test_a_task_without_a_report_and_one_that_did_not_begin_have_no_link(reports: ReportRun) -> None:
    assert reports.result.task_state("without") == "success"
    assert reports.result.task_state("refused") == "failed"
    for task_id in ("without", "refused"):
        assert reports.result.xcom(task_id, "report_path") is None
        assert not reports.result.xcom(task_id, "_link_OnliveReportLink")


def test_the_link_is_what_the_plugin_serves_or_empty_where_airflow_has_no_such_plugin(reports: ReportRun) -> None:
    link = reports.result.xcom("red", "_link_OnliveReportLink")
    if HAS_ROUTE:
        assert re.fullmatch(r"onlive/report/reports/manual__[-\w.%]+/red/-1/red\.html", link)
    else:
        assert link == ""


def test_airflow_has_the_link_of_every_task_when_it_reads_the_dag_from_its_database(reports: ReportRun) -> None:
    from airflow.serialization import serialized_objects

    dag = dag_bag_class()(dag_folder=str(DAGS_FOLDER / "reports.py")).dags[DAG_ID]
    kind = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG
    stored = kind.from_dict(kind.to_dict(dag))
    for task_id in ("green", "mapped", "apply", "put_back"):
        assert list(stored.get_task(task_id).extra_links) == ["Onlive report"]
    for task_id in ("red", "on_the_web"):
        shown = stored.get_task(task_id).get_extra_links(reports.result.task_instance(task_id), "Onlive report")
        assert (shown or "") == reports.result.xcom(task_id, "_link_OnliveReportLink")


def test_with_the_address_of_a_web_server_the_link_leads_there_on_every_airflow(reports: ReportRun) -> None:
    link = reports.result.xcom("on_the_web", "_link_OnliveReportLink")
    assert link == f"https://reports.example.com/onlive{reports.folder}/on%20the%20web.html"


@pytest.mark.parametrize(
    "operator",
    [
        BulkUpdateAppointmentsOperator,
        BulkUpdateServicesOperator,
        RolloutDateRangesOperator,
        RevertUpdatesOperator,
        ApplyPlanOperator,
    ],
)
def test_every_operator_with_a_report_has_the_link(operator: type) -> None:
    assert [type(link) for link in operator.operator_extra_links] == [OnliveReportLink]
