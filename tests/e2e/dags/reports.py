"""Tasks with reports: green, red, of no rows, mapped, a plan and its application, a revert; and one without."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.plan import ApplyPlanOperator
from onlive_provider.operators.revert import RevertUpdatesOperator

FOLDER = "{{ dag_run.conf['folder'] }}"
NAMED = "00000000-0000-4000-8000-{:012d}"


def rows(*numbers: int, title: str = "new") -> list[dict[str, str]]:
    return [{"id": NAMED.format(number), "title": title} for number in numbers]


with DAG("reports", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    green = BulkUpdateAppointmentsOperator(task_id="green", updates=rows(0, 1), report_path=f"{FOLDER}/green.jsonl")
    red = BulkUpdateAppointmentsOperator(
        task_id="red",
        updates=[*rows(2), {"id": "no id", "title": "x"}],
        report_path=f"{FOLDER}/{{{{ run_id }}}}/red.jsonl",
    )
    BulkUpdateAppointmentsOperator(task_id="no_rows", updates=[], report_path=f"{FOLDER}/no_rows.jsonl")
    BulkUpdateAppointmentsOperator.partial(
        task_id="mapped", report_path=f"{FOLDER}/mapped-{{{{ ti.map_index }}}}.jsonl"
    ).expand(updates=[rows(3), rows(4)])
    plan = BulkUpdateAppointmentsOperator(
        task_id="plan", updates=rows(5), plan_only=True, report_path=f"{FOLDER}/plan.jsonl"
    )
    apply = ApplyPlanOperator(
        task_id="apply", plan_path=plan.output["report_path"], report_path=f"{FOLDER}/applied.jsonl"
    )
    RevertUpdatesOperator(
        task_id="put_back",
        report=red.output,
        trigger_rule="one_failed",
    )
    BulkUpdateAppointmentsOperator(
        task_id="on_the_web",
        updates=rows(8),
        report_path=f"{FOLDER}/on the web.jsonl",
        onlive_conn_id="onlive_with_web_server",
    )
    BulkUpdateAppointmentsOperator(task_id="without", updates=rows(6))
    BulkUpdateAppointmentsOperator(
        task_id="refused", updates=rows(7), timezone="Nowhere/No", report_path=f"{FOLDER}/refused.jsonl"
    )
    green >> plan >> apply
