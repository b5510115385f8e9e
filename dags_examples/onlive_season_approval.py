"""
### Approval: a season for every dealership, planned, approved by a person, rolled out, checked

Needs Airflow 3.1 or newer, whose tasks can wait for a person. The services that a search finds open for the summer,
each in its own local days: they are grouped by time zone, and each zone is one mapped task.

The plan comes first and sends nothing. Its tables are what the person sees who is asked to approve, under *Required
Actions*. On "Reject" the rollout and all that follows is skipped. On "Approve" every zone is planned anew, for somebody
may have changed a service meanwhile, and written in three batches: a tenth, half, all; after each batch it is read
again. If one fails, its zone stops and puts back what it wrote; the other zones stand.

A check of what stands follows. If it fails, the reports of these zones are played back.

To copy: the Variable `onlive_reports` is a folder, or an object-storage URL such as `s3://bucket/onlive`. The services'
`extraFields.timezone` names their zone here; adapt `by_zone` to where yours do.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task
from airflow.providers.standard.operators.hitl import ApprovalOperator

from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator

REPORT = "{{ var.value.onlive_reports }}/{{ run_id }}-{{ task.task_id }}-{{ ti.map_index }}.jsonl"
ZONE = "{{ task.season['timezone'] }}"

with DAG(
    dag_id="onlive_season_approval",
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

    rollouts = by_zone()

    plan = RolloutDateRangesOperator.partial(
        task_id="plan",
        plan_only=True,
        report_path=REPORT,
        xcom_fields=["plan_table", "report_path"],
        map_index_template=ZONE,
    ).expand_kwargs(rollouts)

    @task
    def what_to_approve(plans: list[dict]) -> str:
        """Return the tables of all zones as Markdown; in a block that names a language columns line up."""
        return "\n\n".join(f"```text\n{each['plan_table']}\n```\nReport: {each['report_path']}" for each in plans)

    approve = ApprovalOperator(
        task_id="approve",
        subject="Open the summer, {{ params.first_day }} to {{ params.last_day }}",
        body=what_to_approve(plan.output),
    )

    roll_out = RolloutDateRangesOperator.partial(
        task_id="roll_out",
        batches=("10%", "50%", "100%"),
        report_path=REPORT,
        xcom_fields=["updated", "unchanged", "report_path"],
        map_index_template=ZONE,
    ).expand_kwargs(rollouts)

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

    approve >> roll_out
    checked >> put_back
    [roll_out, checked] >> done()
