"""A DAG of ``benchmarks/dags``, triggered in a real Airflow with its scheduler, as it comes: from trigger to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks.programs import Program
from benchmarks.programs.connections import set_connections

PATIENCE = 1_800
"""Seconds within which everything must have happened."""

program = Program()
job = program.job
set_connections(job)
# `airflow standalone` starts its parts by this name, which the measured environment has none of.
command = program.folder / "bin" / "airflow"
command.parent.mkdir()
command.write_text(f"#!{sys.executable}\nfrom airflow.__main__ import main\nmain()\n")
command.chmod(0o755)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
os.environ |= {
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__PORT": str(port),
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": os.getcwd(),
    "BENCHMARK_REPORT": str(program.folder / "report.jsonl"),
    "BENCHMARK_ROWS": job["rows"],
}

from airflow.api.client.local_client import Client  # noqa: E402
from airflow.models.dag import DagModel  # noqa: E402
from airflow.models.dagrun import DagRun  # noqa: E402
from airflow.models.serialized_dag import SerializedDagModel  # noqa: E402
from airflow.utils.db import initdb  # noqa: E402
from airflow.utils.session import create_session  # noqa: E402

initdb()


def is_known() -> bool:
    """Tell whether the DAG's file was read."""
    with create_session() as session:
        return bool(session.get(DagModel, job["dag"]) and SerializedDagModel.has_dag(job["dag"], session=session))


def state() -> str:
    """Return the state of the DAG's only run."""
    with create_session() as session:
        found: Any = session.query(DagRun.state).filter_by(dag_id=job["dag"]).one()
        return str(getattr(found.state, "value", found.state))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that Airflow does."""
    while not is_so():
        if time.monotonic() > deadline or airflow.poll() is not None:
            raise SystemExit(f"Airflow ended, or did nothing for {PATIENCE} s")
        time.sleep(0.2)


deadline = time.monotonic() + PATIENCE
airflow = subprocess.Popen([str(command), "standalone"], start_new_session=True)
try:
    wait_until(is_known)
    with program:
        Client().trigger_dag(dag_id=job["dag"], run_id="benchmark", logical_date=datetime.now(UTC))
        wait_until(lambda: state() in {"success", "failed"})
        if state() != "success":
            raise SystemExit("the DAG run failed")
finally:
    os.killpg(airflow.pid, signal.SIGTERM)
    try:
        airflow.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(airflow.pid, signal.SIGKILL)
