"""
### Rollout: a season for every dealership, in three batches, put back when it goes wrong

The services that a search finds open for the summer, each in its own local days: they are grouped by time zone, and
each zone is one mapped task. Every task first reads and plans all of its services. Then it writes a tenth of them,
half, all; after each batch it reads again what it wrote. If one fails, it stops and puts back what it wrote; the other
zones stand.

A check of what stands follows. If it fails, the reports of these zones are played back.

To copy: the Variable `onlive_reports` is a folder, or an object-storage URL such as `s3://bucket/onlive`. The services'
`extraFields.timezone` names their zone here; adapt `by_zone` to where yours do.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task

from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator

with DAG(
    dag_id="onlive_season_rollout",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "search": Param("", type="string", description="Part of the services' names; empty means all"),
        "first_day": Param("2027-06-15", type="string", format="date"),
        "last_day": Param("2027-09-15", type="string", format="date"),
        "least_open": Param(1, type="integer", description="Fewer services than this are taken for a mistake"),
    },
    tags=["onlive"],
    doc_md=__doc__,
):

    @task
    def by_zone(params: dict) -> list[dict]:
        """Return one rollout for each time zone."""
        zones: dict[str, list[str]] = defaultdict(list)
        for service in OnliveHook().iter_services(search=params["search"] or None):
            zones[service["extraFields"]["timezone"]].append(service["id"])
        return [
            {
                "service_ids": service_ids,
                "season": {
                    "name": "summer",
                    "first_day": params["first_day"],
                    "last_day": params["last_day"],
                    "timezone": zone,
                },
            }
            for zone, service_ids in sorted(zones.items())
        ]

    roll_out = RolloutDateRangesOperator.partial(
        task_id="roll_out",
        batches=("10%", "50%", "100%"),
        report_path="{{ var.value.onlive_reports }}/{{ run_id }}-{{ ti.map_index }}.jsonl",
        xcom_fields=["updated", "unchanged", "report_path"],
        map_index_template="{{ task.season['timezone'] }}",
    ).expand_kwargs(by_zone())

    @task(trigger_rule="none_skipped")
    def standing(results: list[dict]) -> list[dict]:
        """Return the results of the zones that went well; a zone that failed has none, and is back already."""
        return list(results)

    @task
    def check(results: list[dict], params: dict) -> None:
        """Fail when fewer services hold the summer than anybody would expect."""
        opened = sum(result["updated"] + result["unchanged"] for result in results)
        if opened < params["least_open"]:
            raise AirflowFailException(
                f"{opened} services are open for the summer, at least {params['least_open']} must be"
            )

    stand = standing(roll_out.output)
    checked = check(stand)

    put_back = RevertUpdatesOperator.partial(task_id="put_back", trigger_rule="one_failed").expand(report=stand)

    @task
    def done() -> None:
        """Be the run's last word: it is red when a zone or the check was, even though what failed was put back."""

    checked >> put_back
    [roll_out, checked] >> done()
