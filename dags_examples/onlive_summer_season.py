"""
### Seasonal: open a service for the summer, first as a plan, then for real

An update replaces the whole `dateRanges` array, so whoever computes the new list has to work on the very list that it
replaces. `RolloutDateRangesOperator` does, for one service as for many: it reads the service, adds the summer to the
date ranges that are there, and does not write if somebody edits the service in between. After the write it reads the
service back.

The plan task shows the change and sends nothing. The second task plans again and carries the plan out: an edit between
the two tasks is kept. A service whose `dateRanges` are `null` may be one that is always open, so it is refused, and not
closed for the rest of the year.

The summer is given in local days: it lasts from local midnight of the first day to the last second of the last day,
across any clock change in between.

To copy: trigger it with the service's id, its time zone and the two days. There is no default service.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, Param

from onlive_provider.operators.rollout import RolloutDateRangesOperator

SUMMER = {
    "name": "summer",
    "first_day": "{{ params.first_day }}",
    "last_day": "{{ params.last_day }}",
    "timezone": "{{ params.timezone }}",
}

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
    plan = RolloutDateRangesOperator(
        task_id="plan_summer",
        service_ids=["{{ params.service_id }}"],
        season=SUMMER,
        plan_only=True,
    )
    open_summer = RolloutDateRangesOperator(
        task_id="open_summer",
        service_ids=["{{ params.service_id }}"],
        season=SUMMER,
    )
    plan >> open_summer
