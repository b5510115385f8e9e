"""
### Bulk: thousands of rows of a query in one task, put back when a check fails

The CRM knows which language every guest wants to be written to in. One task takes all rows: it reads each appointment,
sends only those that differ, keeps to the access key's budget a minute, and stores a report of every single outcome.

A check follows. If more appointments changed than anybody would expect, something is wrong with the data: the report is
played back, and every appointment is as it was, except those that somebody else changed in the meantime.

To copy: `crm` is a Connection of any database; the Variable `onlive_reports` is a folder, or an object-storage URL such
as `s3://bucket/onlive`.
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
    params={"most_changes": Param(500, type="integer", description="More changes than this are put back")},
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def wanted_languages() -> list[dict]:
        """Return one row for each appointment."""
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
        """Fail when more changed than anybody would expect."""
        if result["updated"] > params["most_changes"]:
            raise AirflowFailException(
                f"{result['updated']} appointments changed, at most {params['most_changes']} may"
            )

    checked = check(update.output)
    checked >> RevertUpdatesOperator(task_id="put_back", report_path=REPORT, trigger_rule="one_failed")

    @task
    def done() -> None:
        """Be the run's last word: it is red when the check was, even though everything was put back."""

    checked >> done()
