"""
### Seasonal: open a service for the summer, plan first, then apply

An update replaces the whole `dateRanges` array, so the first task reads the ranges that the service has and adds the
summer to them. The plan shows the change and sends nothing. The apply task sends it, and refuses if somebody edited the
service in between.

The summer is given in local days: from local midnight of the first to the last second of the last, whatever the clocks
do in between.

To copy: trigger it with the service's id, its zone and the two days. The default opens nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, Param, task

from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.service import UpdateServiceOperator
from onlive_provider.seasons import Season
from onlive_provider.seasons.date_ranges import add

with DAG(
    dag_id="onlive_summer_season",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params={
        "service_id": Param("", type="string", description="UUID of the service"),
        "timezone": Param("Europe/Madrid", type="string", description="The service's own time zone"),
        "first_day": Param("2027-06-15", type="string", format="date"),
        "last_day": Param("2027-09-15", type="string", format="date"),
    },
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def with_summer(params: dict) -> list[dict]:
        """Return the service's date ranges with the summer added; what it covers already is joined, not doubled."""
        summer = Season("summer", params["first_day"], params["last_day"], params["timezone"])
        ranges = OnliveHook().get_service(params["service_id"])["dateRanges"] or []
        return add(ranges, summer.date_range())

    payload = {"dateRanges": with_summer()}

    plan = UpdateServiceOperator(
        task_id="plan_summer",
        service_id="{{ params.service_id }}",
        payload=payload,
        plan_only=True,
    )
    apply = UpdateServiceOperator(
        task_id="apply_summer",
        service_id="{{ params.service_id }}",
        payload=payload,
        expected_updated_at="{{ ti.xcom_pull('plan_summer', key='change')['updatedAt'] }}",
    )
    plan >> apply
