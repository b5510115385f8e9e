"""Deferred sensors in Airflow's own triggerer, without its database: its supervisor, its runner's process, its logs."""

from __future__ import annotations

import json
import logging
import time
import uuid
from pathlib import Path
from typing import Any

from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.executors.workloads.trigger import RunTrigger
from airflow.jobs.triggerer_job_runner import TriggerLoggingFactory, TriggerRunnerSupervisor
from airflow.models.trigger import Trigger

from benchmarks.data import record_id
from benchmarks.programs import Program
from benchmarks.programs.connections import set_connections
from onlive_provider.triggers.appointment import AppointmentWaitTrigger

PATIENCE = 1_800
"""Seconds within which everything must have happened."""
IDLE = 5
"""Seconds for which the triggerer is watched before it gets its triggers."""


class Triggerer(TriggerRunnerSupervisor):
    """A triggerer whose triggers are given, and not looked up in Airflow's database."""

    def load_triggers(self) -> None:
        """Let the given triggers run, those that have ended left out."""
        self.update_triggers(set(wanted) - set(ended))

    def build_trigger_workloads(self, new_trigger_ids: set[int]) -> list[RunTrigger]:
        """Return what the runner makes a sensor's trigger of."""
        return [self._workload(each) for each in sorted(new_trigger_ids)]

    def _workload(self, number: int) -> RunTrigger:
        ti = TaskInstanceDTO(
            id=uuid.UUID(int=number),
            dag_version_id=uuid.UUID(int=0),
            dag_id="benchmark",
            run_id="benchmark",
            task_id="wait",
            map_index=number,
            try_number=1,
            pool_slots=1,
            priority_weight=1,
            queue="default",
        )
        path = str(program.folder / "logs" / f"{number}.log")
        self.logger_cache[number] = TriggerLoggingFactory(log_path=path, ti=ti)
        made = Trigger.from_object(wanted[number])
        return RunTrigger(id=number, ti=ti, classpath=made.classpath, encrypted_kwargs=made.encrypted_kwargs)

    def on_trigger_event(self, trigger_id: int, event: Any) -> None:
        """Note what a trigger found."""
        ended[trigger_id] = event.payload

    def on_trigger_failure(self, trigger_id: int, exc: list[str] | None) -> None:
        """Note that a trigger broke."""
        ended[trigger_id] = {"status": "broken", "message": "".join(exc or [])}

    def clean_unused(self) -> None:
        """Leave the database alone."""

    def heartbeat(self) -> None:
        """Leave the database alone."""

    def metric_tags(self) -> dict[str, str]:
        """Return what Airflow needs."""
        return {"hostname": "benchmark"}


def memory(pid: str) -> int:
    """Return the memory of a process in bytes; a page that two processes share counts half for each."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (size,) = (line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(size) * 1024


program = Program()
job = program.job
set_connections(job)
wanted: dict[int, AppointmentWaitTrigger] = {}
ended: dict[int, dict[str, Any]] = {}
(program.folder / "logs").mkdir()
logging.disable(logging.INFO)

triggerer = Triggerer.start(capacity=job["total"], job=None)
processes = ["self", str(triggerer.pid)]


def look() -> int:
    """Let the triggerer do its round, and return the memory of its two processes."""
    triggerer.run_once()
    return sum(memory(each) for each in processes)


begin = time.monotonic()
idle = 0
while time.monotonic() - begin < IDLE:
    idle = max(idle, look())
wanted = {
    number: AppointmentWaitTrigger(
        appointment_id=record_id(number),
        states=["confirmed"],
        failure_states=["cancelled"],
        onlive_conn_id="onlive_default",
        poke_interval=job["interval"],
        deadline=time.time() + PATIENCE,
    )
    for number in range(job["total"])
}
most = idle
running = 0
with program:
    while len(ended) < job["total"] and time.monotonic() - begin < PATIENCE:
        most = max(most, look())
        running = max(running, len(triggerer.running_triggers))
    statuses = [each["status"] for each in ended.values()]
    program.said = {
        "idle": idle,
        "most": most,
        "running": running,
        "reached": statuses.count("reached"),
        "others": json.dumps([each for each in ended.values() if each["status"] != "reached"][:3]),
    }
triggerer.kill()
