"""
### Seasonal: open a service for the summer, first as a plan, then for real

An update replaces the whole `dateRanges` array, so the first task reads the service's date ranges and adds the summer
to them. The plan task shows the change and sends nothing. The apply task sends it, and refuses if somebody has edited
the service in between.

The summer is given in local days: it lasts from local midnight of the first day to the last second of the last day,
across any clock change in between.

To copy: trigger it with the service's id, its time zone and the two days. There is no default service.
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
        """Return the service's date ranges plus the summer; ranges that overlap or touch it are joined with it."""
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
