"""A bulk task whose report is nowhere, on the disk, or in a slow object store. Without rows it only starts up."""

from __future__ import annotations

from benchmarks.data import FIELDS
from benchmarks.programs import Program
from benchmarks.programs.connections import TaskInstance, set_connections
from benchmarks.programs.store import SlowStore
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator

program = Program()
job = program.job
set_connections(job)
store = SlowStore(job["delay"]) if "delay" in job else None
paths = {"nowhere": None, "disk": str(program.folder / "report.jsonl"), "store": "slow://bucket/report.jsonl"}


def operator(**rows: object) -> BulkUpdateAppointmentsOperator:
    """Return the task."""
    made = BulkUpdateAppointmentsOperator(
        task_id="bulk", fields=FIELDS, concurrency=job["concurrency"], report_path=paths[job["place"]], **rows
    )
    if store is not None:
        made.storage = store
    return made


BulkUpdateAppointmentsOperator(task_id="bulk", updates=[]).execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
with program:
    program.said["result"] = operator(updates_path=job["rows"]).execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    program.said["operations"] = store.operations if store else 0
