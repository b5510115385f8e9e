"""Every row in one bulk task: read, compare, write what differs, report."""

from __future__ import annotations

import os

from airflow.sdk import DAG

from benchmarks.data import FIELDS
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator

with DAG("bulk", schedule=None):
    BulkUpdateAppointmentsOperator(
        task_id="update",
        updates_path=os.environ["BENCHMARK_ROWS"],
        fields=FIELDS,
        report_path=os.environ["BENCHMARK_REPORT"],
    )
