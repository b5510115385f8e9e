"""What a DAG file pays for importing an operator, after ``from airflow.sdk import DAG``."""

from __future__ import annotations

from importlib import import_module

from airflow.sdk import DAG  # noqa: F401

from benchmarks.programs import Program

program = Program()
with program:
    for module in program.job["modules"]:
        import_module(module)
