"""A DAG of ``benchmarks/dags``, run to its end in a real Airflow with ``dag.test()``: one task after the other."""

from __future__ import annotations

import os

from benchmarks.programs import Program
from benchmarks.programs.connections import set_connections

program = Program()
job = program.job
set_connections(job)
os.environ |= {"BENCHMARK_ROWS": job["rows"], "BENCHMARK_REPORT": str(program.folder / "report.jsonl")}

from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.utils.db import initdb  # noqa: E402

initdb()
bag = DagBag(dag_folder=f"{os.environ['AIRFLOW__CORE__DAGS_FOLDER']}/{job['dag']}.py")
if bag.import_errors:
    raise SystemExit(str(bag.import_errors))
dag = bag.dags[job["dag"]]
with program:
    run = dag.test()
if str(getattr(run.state, "value", run.state)) != "success":
    raise SystemExit(f"the DAG run ended as {run.state}")
