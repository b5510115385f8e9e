"""What importing the operators adds to a DAG file."""

from __future__ import annotations

from functools import partial

from benchmarks.lines import Bench
from benchmarks.measure import in_turns, run
from benchmarks.results import Bound, Result, times

MODULES = {
    "`onlive_provider.operators` (appointment, service, bulk)": [
        "onlive_provider.operators.appointment",
        "onlive_provider.operators.service",
        "onlive_provider.operators.bulk",
    ],
    "`HttpOperator`": ["airflow.providers.http.operators.http"],
}


def measure(bench: Bench) -> Result:
    """Import each in fresh processes."""
    turns = 1 if bench.quick else 7
    python = bench.environments.airflow
    found = in_turns(
        {name: partial(run, "imports", python=python, modules=modules) for name, modules in MODULES.items()}, turns
    )
    ours, theirs = found.values()
    return Result(
        "Importing",
        "In a fresh process, after `from airflow.sdk import DAG`.",
        ("import", "milliseconds"),
        [(name, f"{one.seconds * 1e3:,.1f}") for name, one in found.items()],
        [f"{times(theirs.seconds / ours.seconds)} as fast to import as `HttpOperator`."],
        [Bound.at_most("import of the operators: at most 25 ms", 25, ours.seconds * 1e3, "ms")],
    )
