"""
### Bulk: thousands of query rows in one task, put back if a check fails

The CRM knows each guest's preferred language. One task takes all rows: it reads each appointment, updates only those
that differ, stays within the access key's per-minute budget, and stores a report with the outcome of every row.

A check follows. If more appointments changed than expected, something is wrong with the data. Then the task `put_back`
reverts the update from its report: every appointment is as it was, except those that somebody else has changed since.

To copy: let `crm` be a Connection to any database, and set the Variable `onlive_reports` to a folder or an
object-storage URL such as `s3://bucket/onlive`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, BaseHook, Param, task

from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator

REPORT = "{{ var.value.onlive_reports }}/{{ run_id }}.jsonl"

with DAG(
    dag_id="onlive_bulk_languages",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"most_changes": Param(500, type="integer", description="More changes than this are reverted")},
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def wanted_languages() -> list[dict]:
        """Return one row per appointment."""
        rows = BaseHook.get_connection("crm").get_hook().get_records("SELECT appointment_id, lang FROM guest_languages")
        return [{"id": appointment_id, "lang": lang} for appointment_id, lang in rows]

    update = BulkUpdateAppointmentsOperator(
        task_id="update_languages",
        updates=wanted_languages(),
        allowed_failures="1%",
        report_path=REPORT,
    )

    @task
    def check(result: dict, params: dict) -> None:
        """Fail if more appointments changed than expected."""
        if result["updated"] > params["most_changes"]:
            raise AirflowFailException(
                f"{result['updated']} appointments changed; expected at most {params['most_changes']}"
            )

    checked = check(update.output)
    checked >> RevertUpdatesOperator(task_id="put_back", report_path=REPORT, trigger_rule="one_failed")

    @task
    def done() -> None:
        """Decide the state of the run: failed if the check failed, although everything was put back."""

    checked >> done()
