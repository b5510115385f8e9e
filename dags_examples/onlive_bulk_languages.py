"""
### Bulk: thousands of query rows in one task, unless too many would change

The CRM knows each guest's preferred language. One task takes all rows: it reads each appointment, updates only those
that differ, stays within the access key's per-minute budget, and stores a report with the outcome of every row.

All rows are compared before the first write. If more appointments would change than `max_changes` allows, something is
wrong with the data: a broken query, a wrong join. Then nothing is written, nobody is notified, and the task fails and
says what would have changed. If the change is intended, trigger the DAG with a higher `max_changes`.

To copy: let `crm` be a Connection to any database, and set the Variable `onlive_reports` to a folder or an
object-storage URL such as `s3://bucket/onlive`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, BaseHook, Param, task

from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator

with DAG(
    dag_id="onlive_bulk_languages",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"max_changes": Param("10%", type="string", description="A number of appointments, or a share of all rows")},
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def wanted_languages() -> list[dict]:
        """Return one row per appointment."""
        rows = BaseHook.get_connection("crm").get_hook().get_records("SELECT appointment_id, lang FROM guest_languages")
        return [{"id": appointment_id, "lang": lang} for appointment_id, lang in rows]

    BulkUpdateAppointmentsOperator(
        task_id="update_languages",
        updates=wanted_languages(),
        max_changes="{{ params.max_changes }}",
        allowed_failures="1%",
        report_path="{{ var.value.onlive_reports }}/{{ run_id }}.jsonl",
    )
