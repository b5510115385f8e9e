"""Bulk updates fed in every way: by an upstream task, by a file, mapped, and retried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator

GUEST = {"email": "ana.lopez@example.com", "extraFields": {"phone": "+34600111222"}}

with DAG("bulk", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), params={"ids": [], "folder": ""}):

    @task
    def rows(params: dict) -> list:
        return [{"id": record_id, "title": "from a task", "guests": [GUEST]} for record_id in params["ids"][:3]]

    @task
    def shares(params: dict) -> list:
        return [[{"id": record_id, "title": "mapped", "guests": [GUEST]}] for record_id in params["ids"][6:8]]

    BulkUpdateAppointmentsOperator(
        task_id="fed_by_a_task", updates=rows(), report_path="{{ params.folder }}/{{ task.task_id }}.jsonl"
    )
    BulkUpdateAppointmentsOperator(
        task_id="fed_by_a_file",
        updates_path="{{ params.folder }}/rows.csv",
        fields={"NAME": "title"},
        allowed_failures="{{ 50 }}%",
        plan_only="{{ params.ids | length == 0 }}",
        report_path="file://{{ params.folder }}/{{ task.task_id }}.jsonl",
    )
    BulkUpdateAppointmentsOperator.partial(task_id="mapped").expand(updates=shares())

with DAG(
    "bulk_with_a_limit",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={"folder": "", "max_changes": ""},
):
    BulkUpdateAppointmentsOperator(
        task_id="update",
        updates=[{"id": f"00000000-0000-4000-8000-{number:012d}", "title": "new"} for number in range(3)],
        max_changes="{{ params.max_changes }}",
        report_path="{{ params.folder }}/r.jsonl",
        retries=1,
        retry_delay=timedelta(0),
    )

for kind in ("with_report", "without_report"):
    with DAG(f"bulk_retried_{kind}", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), params={"folder": ""}):
        ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(3)]
        BulkUpdateAppointmentsOperator(
            task_id="update",
            updates=[{"id": record_id, "agentComment": "called"} for record_id in ids],
            report_path="{{ params.folder }}/r.jsonl" if kind == "with_report" else None,
            retries=1,
            retry_delay=timedelta(0),
        )
