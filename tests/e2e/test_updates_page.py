"""The code that docs/updates.md shows, run as a DAG to its end."""

from __future__ import annotations

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
