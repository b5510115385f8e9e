"""A task that does nothing: what Airflow itself takes for a DAG run."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("empty", schedule=None):

    @task
    def do_nothing() -> None:
        """Return at once."""

    do_nothing()
