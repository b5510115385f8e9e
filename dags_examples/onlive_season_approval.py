"""
### Approval: a season for every dealership, planned, approved by a person, applied as approved, and checked

Needs Airflow 3.1 or newer, where a task can wait for a person; an older one finds no DAG in this file. Opens every
service that a search finds for the summer, in the service's own local days. The services are grouped by time zone, and
each zone is one mapped task.

The plan comes first, and sends nothing. Whoever approves sees it under *Required Actions*: how many services change,
and one table over all zones. On "Reject" everything after it is skipped. On "Approve" exactly that plan is applied, in
three batches (up to a tenth, up to half, the rest), and each batch is read back. If somebody has changed a service
since it was planned, nothing is written in its zone, and the log names the service: plan again. If a service fails
later, its zone stops and puts back what it wrote; the other zones stay open.

A check of those zones follows. If it fails, they are reverted from their reports.

To copy: set the Variable `onlive_reports` to a folder or an object-storage URL such as `s3://bucket/onlive`. Here
`extraFields.timezone` of a service names its zone; adapt `by_zone` if yours is somewhere else.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import AirflowFailException, Param, dag, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.plan import ApplyPlanOperator, plan_markdown
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator

REPORT = "{{ var.value.onlive_reports }}/{{ run_id }}-{{ task.task_id }}-{{ ti.map_index }}.jsonl"


@dag(
    dag_id="onlive_season_approval",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "search": Param(None, type=["null", "string"], description="Part of the service name; empty means all"),
        "first_day": Param("2027-06-15", type="string", format="date"),
        "last_day": Param("2027-09-15", type="string", format="date"),
        "least_open": Param(1, type="integer", description="Fewer open services than this count as a mistake"),
    },
    tags=["onlive"],
    doc_md=__doc__,
)
def onlive_season_approval() -> None:
    from airflow.providers.standard.operators.hitl import ApprovalOperator

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
        xcom_fields=["report_path"],
        map_index_template="{{ onlive_label | default(task.season['timezone']) }}",
    ).expand_kwargs(rollouts)

    @task
    def plan_paths(plans: list[dict]) -> list[str]:
        """Return where the plans of all zones are."""
        return [each["report_path"] for each in plans]

    plans = plan_paths(plan.output)

    @task
    def what_to_approve(paths: list[str]) -> str:
        """Return the plans of all zones as one text: the total, and one table."""
        return plan_markdown(paths)

    approve = ApprovalOperator(
        task_id="approve",
        subject="Open the summer, {{ params.first_day }} to {{ params.last_day }}",
        body=what_to_approve(plans),
    )

    roll_out = ApplyPlanOperator.partial(
        task_id="roll_out",
        batches=("10%", "50%", "100%"),
        revert_on_failure=True,
        report_path=REPORT,
        xcom_fields=["updated", "unchanged", "report_path"],
    ).expand(plan_path=plans)

    @task(trigger_rule="none_skipped")
    def standing(results: list[dict]) -> list[dict]:
        """Return the results of the zones that went well; a zone that failed has none, and has put itself back."""
        return list(results)

    @task
    def check(results: list[dict], params: dict) -> None:
        """Fail if fewer services are open for the summer than expected."""
        opened = sum(result["updated"] + result["unchanged"] for result in results)
        if opened < params["least_open"]:
            raise AirflowFailException(
                f"{opened} services are open for the summer; expected at least {params['least_open']}"
            )

    stand = standing(roll_out.output)
    checked = check(stand)

    put_back = RevertUpdatesOperator.partial(task_id="put_back", trigger_rule="one_failed").expand(report=stand)

    @task
    def done() -> None:
        """Decide the state of the run: failed if a zone or the check failed, although what failed was put back."""

    approve >> roll_out
    checked >> put_back
    [roll_out, checked] >> done()


if AIRFLOW_V_3_1_PLUS:
    onlive_season_approval()
