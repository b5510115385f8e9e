"""Updates of guests, fed by a macro, so that the guests stand neither in the DAG nor in the run's configuration."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG

from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator


def payload(folder: str) -> str:
    return (Path(folder) / "payload.json").read_text()


def rows(folder: str, ids: list[str]) -> str:
    return json.dumps([{"id": each, **json.loads(payload(folder))} for each in ids])


with DAG(
    "canaries",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={"folder": "", "ids": []},
    user_defined_macros={"payload": payload, "rows": rows},
    render_template_as_native_obj=False,
) as dag:
    PAYLOAD = "{{ payload(params.folder) }}"
    one = UpdateAppointmentOperator(task_id="one", appointment_id="{{ params.ids[0] }}", payload=PAYLOAD)
    UpdateAppointmentOperator.partial(task_id="mapped", payload=PAYLOAD).expand(
        appointment_id=["{{ params.ids[1] }}", "{{ params.ids[2] }}"]
    )
    BulkUpdateAppointmentsOperator(
        task_id="bulk",
        updates="{{ rows(params.folder, params.ids[3:5]) }}",
        report_path="{{ params.folder }}/left/report.jsonl",
    )
    BulkUpdateAppointmentsOperator.partial(task_id="bulk_mapped").expand(
        updates=["{{ rows(params.folder, params.ids[5:6]) }}", "{{ rows(params.folder, params.ids[6:7]) }}"]
    )
    UpdateAppointmentOperator(task_id="refused", appointment_id="{{ params.ids[7] }}", payload=PAYLOAD)
    UpdateAppointmentOperator(task_id="broken", appointment_id="{{ params.ids[7] }}", payload=PAYLOAD + "}")
    RevertUpdatesOperator(task_id="revert", report=one.output["change"])
