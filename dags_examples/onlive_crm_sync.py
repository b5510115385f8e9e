"""
### Data-driven: a CSV file moves appointments, a query sets the rules of services

A CSV file, exported by the sales team, lists appointments to move, in local time. A table in the CRM holds the rules
for each service. Every row becomes one mapped task. If a row's slot is taken, the appointment goes to the fallback
slot; an invalid row fails with its reason, and the others go through. Run it again and only what is still missing is
sent.

To copy: set the Variable `onlive_moves_csv` to the file's path on the worker, and let `crm` be a Connection to any
database.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.service import UpdateServiceOperator

with DAG(
    dag_id="onlive_crm_sync",
    schedule="*/30 7-20 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def read_moves(path: str) -> list[dict]:
        """Return one update per row: appointment_id, timezone, start, end, fallback_start, fallback_end."""
        with Path(path).open(newline="", encoding="utf-8") as file:
            return [
                {
                    "appointment_id": row["appointment_id"],
                    "timezone": row["timezone"],
                    "payload": {"start": row["start"], "end": row["end"]},
                    "fallback_slots": [{"start": row["fallback_start"], "end": row["fallback_end"]}]
                    if row["fallback_start"]
                    else None,
                }
                for row in csv.DictReader(file)
            ]

    UpdateAppointmentOperator.partial(
        task_id="move_appointment",
        xcom_fields=["id", "start", "end", "updatedAt"],
    ).expand_kwargs(read_moves("{{ var.value.onlive_moves_csv }}"))

    wanted_rules = SQLExecuteQueryOperator(
        task_id="wanted_rules",
        conn_id="crm",
        sql="SELECT service_id, increment_time, max_days, active FROM service_rules",
    )

    def as_update(row: list) -> dict:
        """Turn a row of the query into the arguments of one update."""
        service_id, increment_time, max_days, active = row
        return {
            "service_id": service_id,
            "payload": {"incrementTime": increment_time, "maxTimeToSchedule": max_days, "active": bool(active)},
        }

    UpdateServiceOperator.partial(
        task_id="switch_rules",
        xcom_fields=["id", "updatedAt"],
    ).expand_kwargs(wanted_rules.output.map(as_update))
