"""
### Event by event: go on when an appointment is confirmed

Triggered with an appointment's id, for example by the page on which it was booked. The DAG waits until the appointment
is confirmed, and then puts a reminder on it. It waits in the triggerer and takes no worker slot, for two days at most.
If the appointment is cancelled in the meantime, the task fails at once.

To copy: replace `remind` by what is to happen after a confirmation. Without a triggerer, set `deferrable=False` and
`mode="reschedule"`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param

from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.sensors.appointment import AppointmentStateSensor

with DAG(
    dag_id="onlive_wait_for_confirmation",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params={
        "appointment_id": Param(
            "1610c525-f19a-40d0-8cd1-03daba3d2d98",
            type="string",
            title="Appointment",
            description="UUID of the appointment to wait for.",
        ),
    },
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["onlive"],
    doc_md=__doc__,
):
    confirmed = AppointmentStateSensor(
        task_id="wait_for_confirmation",
        appointment_id="{{ params.appointment_id }}",
        states=["confirmed"],
        failure_states=["cancelled"],
        deferrable=True,
        poke_interval=timedelta(minutes=5),
        timeout=timedelta(days=2),
    )
    remind = UpdateAppointmentOperator(
        task_id="remind",
        appointment_id="{{ params.appointment_id }}",
        payload={"reminders": [{"time": 60, "unit": "m"}]},
        xcom_fields=["id", "state", "updatedAt"],
    )
    confirmed >> remind
