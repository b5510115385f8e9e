"""A bulk task's ``execute`` with a plain context, outside Airflow's scheduler. Without rows it only starts up."""

from __future__ import annotations

from typing import Any

from benchmarks.data import FIELDS
from benchmarks.programs import Program
from benchmarks.programs.connections import TaskInstance, set_connections
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator

program = Program()
job = program.job
set_connections(job)


def update(**rows: Any) -> dict[str, Any]:
    """Update rows and return the task's result."""
    operator = BulkUpdateAppointmentsOperator(
        task_id="bulk",
        fields=FIELDS,
        only_changed=job.get("only_changed", True),
        plan_only=job.get("plan_only", False),
        report_path=str(program.folder / "report.jsonl") if job.get("report", True) else None,
        **rows,
    )
    return operator.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]


update(updates=[])
with program:
    if "rows" in job:
        program.said["result"] = update(updates_path=job["rows"])
