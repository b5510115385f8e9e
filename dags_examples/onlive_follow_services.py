"""
### Follow: run a DAG when a service has changed, and only then

`onlive_change_duration` sets a service's duration. Its task has an `AssetAlias` among its outlets, which gets an
event if the task wrote the service. A run that finds the duration as it should be writes nothing, has no event, and
starts nothing.

`onlive_follow_services` runs after each change, and is told which service it was and which fields were sent. Here it
logs them; in yours it may rebuild a price list or clear a cache.

To copy: give the alias to all your tasks that write services. A DAG that follows one service alone names its asset,
such as `onlive://openapi.onlive.site/services/7e4a...`, in its schedule.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AssetAlias, Param, task

from onlive_provider.operators.service import UpdateServiceOperator

SERVICES = AssetAlias("onlive_services")

with DAG(
    dag_id="onlive_change_duration",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params={
        "service_id": Param("", type="string", description="UUID of the service"),
        "duration": Param(45, type="integer", minimum=5, maximum=480, description="Minutes"),
    },
    render_template_as_native_obj=True,
    tags=["onlive"],
    doc_md=__doc__,
):
    UpdateServiceOperator(
        task_id="change_duration",
        service_id="{{ params.service_id }}",
        payload={"duration": "{{ params.duration }}"},
        outlets=[SERVICES],
    )

with DAG(
    dag_id="onlive_follow_services",
    schedule=[SERVICES],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def look_at_changes(**context: Any) -> list[str]:
        # Airflow 2.11 calls assets datasets.
        found = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
        seen = []
        for events in found.values():
            for event in events:
                # Airflow 3.0 does not tell an alias's followers the fields.
                uri, fields = getattr(event, "asset", event).uri, ", ".join(event.extra.get("fields", ()))
                logging.getLogger(__name__).info("%s has changed: %s", uri, fields)
                seen.append(uri)
        return seen

    look_at_changes()
