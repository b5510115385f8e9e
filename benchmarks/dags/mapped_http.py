"""Every row as a mapped ``HttpOperator`` task: one PUT each, whether the record differs or not."""

from __future__ import annotations

import json
import os

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG

from benchmarks.data import PATH, read_rows

with DAG("mapped_http", schedule=None):
    HttpOperator.partial(task_id="update", method="PUT", headers={"Content-Type": "application/json"}).expand_kwargs(
        [
            {"endpoint": f"{PATH}{row['id']}", "data": json.dumps({"lang": row["lang"]})}
            for row in read_rows(os.environ["BENCHMARK_ROWS"])
        ]
    )
