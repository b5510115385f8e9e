"""The code that docs/updates.md shows, run as a DAG to its end."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable

from onlive_provider.sandbox.server import Sandbox
from tests.documentation.blocks import block
from tests.e2e.conftest import DAGS_FOLDER, DagRunResult

DAG = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG, task

with DAG(
    "updates_page",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={{"service_id": "{service}", "minutes": "60"}},
):

    @task(multiple_outputs=True)
    def the_rules() -> dict:
        return {{"active": False}}

    @task
    def open_ranges() -> list:
        return [{{"startDate": "2030-01-01T00:00:00Z", "endDate": "2030-12-31T00:00:00Z"}}]

    rules = the_rules().operator
{code}
    confirm("{appointment}")
"""

MAPPED = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG

SERVICES = {services}

with DAG("mapped_page", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
{code}
"""


def test_the_mapped_updates_are_named_by_their_services_and_what_came_of_them(
    onlive_sandbox: Sandbox, run_dag: Callable[..., DagRunResult]
) -> None:
    services = [each for each in onlive_sandbox.records("services") if each["duration"] < 40]
    code = textwrap.indent(block("docs/updates.md", "The names of mapped tasks"), "    ")
    source = MAPPED.format(services=json.dumps([each["id"] for each in services[:2]]), code=code)
    (DAGS_FOLDER / "mapped_page.py").write_text(source)
    result = run_dag("mapped_page")
    assert result.state == "success"
    assert result.names("switch") == [f"{each['name']}: updated" for each in services[:2]]


def test_the_service_is_switched_and_the_appointment_confirmed(
    onlive_sandbox: Sandbox, run_dag: Callable[..., DagRunResult]
) -> None:
    now = onlive_sandbox.now()
    appointment = next(
        each["id"]
        for each in onlive_sandbox.records("appointments")
        if each["state"] == "pending" and each["start"] > now
    )
    service = onlive_sandbox.records("services")[0]["id"]
    code = "\n".join([block("docs/updates.md", "The payload"), block("docs/updates.md", "In your own task")])
    source = DAG.format(service=service, appointment=appointment, code=textwrap.indent(code, "    "))
    (DAGS_FOLDER / "updates_page.py").write_text(source)
    assert run_dag("updates_page").state == "success"
    assert onlive_sandbox.record("appointments", appointment)["state"] == "confirmed"
    record = onlive_sandbox.record("services", service)
    assert (record["duration"], record["active"], len(record["dateRanges"])) == (60, False, 1)
