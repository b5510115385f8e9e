"""One update: this provider's operator against ``HttpOperator`` with the same body."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, in_turns, run
from benchmarks.results import Result, micros, times

HTTP = "`HttpOperator`: PUT"
BLIND = "`UpdateAppointmentOperator(only_changed=False)`: PUT"
WRITTEN = "`UpdateAppointmentOperator`, differs: GET, PUT"
UNCHANGED = "`UpdateAppointmentOperator`, nothing differs: GET"


def measure(bench: Bench) -> Result:
    """Execute each many times in one process."""
    often = 20 if bench.quick else 500
    job: dict[str, Any] = {"python": bench.environments.airflow, "times": often, "changed": True, "only_changed": True}
    job |= {"reads_per_minute": LIMITER_OFF, "writes_per_minute": LIMITER_OFF}
    ours = {**job, "operator": "UpdateAppointmentOperator"}
    found = in_turns(
        {
            HTTP: partial(run, "one_update", **{**job, "operator": "HttpOperator"}),
            BLIND: partial(run, "one_update", **{**ours, "only_changed": False}),
            WRITTEN: partial(run, "one_update", **ours),
            UNCHANGED: partial(run, "one_update", **{**ours, "changed": False}),
        },
        bench.turns,
    )
    base = found[HTTP].cpu
    return Result(
        "One update",
        f"The same body; `execute` is called {often:,} times in one process, after a first call that does not count. "
        "`HttpOperator` does not sign, check or compare.",
        ("operator", "calls", "CPU per update", "against `HttpOperator`"),
        [
            (
                name,
                f"{(one.counts['reads'] + one.counts['writes']) // (often + 1)}",
                micros(one.cpu / often),
                times(one.cpu / base),
            )
            for name, one in found.items()
        ],
        [
            f"{times(found[BLIND].cpu / base)} the CPU time of `HttpOperator` for the same call, and "
            f"{times(found[WRITTEN].cpu / base)} for an update that reads and compares first."
        ],
    )
