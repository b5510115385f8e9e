"""Single updates, a bulk task and a rollout that all write with one access key at the same time.

The environment says how much: ``ONE_KEY_JOBS`` is JSON, a DAG's id to what it works on.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator

for dag_id, job in json.loads(os.environ["ONE_KEY_JOBS"]).items():
    with DAG(
        dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        is_paused_upon_creation=False,
        default_args={"onlive_conn_id": job["conn_id"], "retries": 3, "retry_delay": timedelta(seconds=2)},
    ):
        BulkUpdateAppointmentsOperator(
            task_id="bulk",
            updates_path=job["rows"],
            report_path=job["bulk_report"],
            priority_weight=1000,
        )
        RolloutDateRangesOperator(
            task_id="rollout",
            service_ids=job["services"],
            season=job["season"],
            batches=("10%", "50%", "100%"),
            report_path=job["rollout_report"],
            priority_weight=100,
        )
        UpdateAppointmentOperator.partial(task_id="single", payload={"lang": "es"}).expand(
            appointment_id=job["appointments"]
        )
