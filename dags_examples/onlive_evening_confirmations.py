"""
### Scheduled: the day's phone confirmations go into the booking calendar

Every evening the CRM knows which appointments were confirmed by phone. Each of these gets its new `state`, a reminder
one hour before, and a comment for the agent.

`agentComment` cannot be read back from Onlive, so an update that contains it is sent on every run. That is why each row
is marked in the CRM as soon as *its* update went through: the next run does not select it, and no guest is notified
twice.

To copy: set `CRM_CONN_ID` to a Connection to any database, and adapt the two SQL statements.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, BaseHook, task, task_group

from onlive_provider.operators.appointment import UpdateAppointmentOperator

CRM_CONN_ID = "crm"

with DAG(
    dag_id="onlive_evening_confirmations",
    schedule="0 19 * * 1-6",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def confirmed_by_phone() -> list[dict]:
        """Return one update per confirmation that is not in the calendar yet."""
        rows = (
            BaseHook.get_connection(CRM_CONN_ID)
            .get_hook()
            .get_records(
                "SELECT appointment_id, agent FROM phone_calls WHERE result = 'confirmed' AND written_at IS NULL"
            )
        )
        return [
            {
                "appointment_id": appointment_id,
                "payload": {
                    "state": "confirmed",
                    "reminders": [{"time": 60, "unit": "m"}],
                    "agentComment": f"Confirmed by phone, {agent}",
                },
            }
            for appointment_id, agent in rows
        ]

    @task
    def mark_in_crm(change: dict) -> None:
        """Record that this appointment's confirmation is in the calendar."""
        BaseHook.get_connection(CRM_CONN_ID).get_hook().run(
            "UPDATE phone_calls SET written_at = ? WHERE appointment_id = ?",
            parameters=[change["updatedAt"], change["id"]],
        )

    @task_group
    def confirm(appointment_id: str, payload: dict) -> None:
        """Update one appointment, and only then mark its row."""
        update = UpdateAppointmentOperator(
            task_id="update",
            appointment_id=appointment_id,
            payload=payload,
            xcom_fields=["id", "state", "updatedAt"],
        )
        mark_in_crm(update.output["change"])

    confirm.expand_kwargs(confirmed_by_phone())
