"""A thousand deferred sensors in one triggerer."""

from __future__ import annotations

from benchmarks.lines import Bench
from benchmarks.measure import run
from benchmarks.results import Bound, Result, megabytes

READS_A_MINUTE = 1_000
MEMORY = 150
"""MB over an idle triggerer."""


def measure(bench: Bench) -> Result:
    """Let as many sensors wait as there are appointments; each is confirmed at its third read."""
    total, interval = (20, 1.0) if bench.quick else (1_000, 60.0)
    one = run(
        "sensors", total=total, pending=2, interval=interval, reads_per_minute=READS_A_MINUTE, writes_per_minute=100
    )
    over = one.answer["most"] - one.answer["idle"]
    reached, busiest = one.answer["reached"], one.counts["most_reads_in_60_s"]
    cells = (
        f"{total:,}",
        f"{reached:,}",
        f"{one.counts['reads']:,}",
        f"{busiest:,}",
        f"{one.seconds:,.0f}",
        f"{one.cpu:,.0f}",
        megabytes(over),
    )
    promise = f"{total:,} deferred sensors: "
    return Result(
        "Deferred sensors",
        f"`AppointmentStateSensor`, deferred, `poke_interval` {interval:g} s, the default budget of {READS_A_MINUTE:,} "
        "reads a minute. Each appointment is confirmed at its third read. The triggerer is Airflow's own: its "
        "supervisor, the process of its triggers, a log file a trigger. Its triggers come from a list, not from the "
        f"database. Its memory is that of its two processes; idle it is {megabytes(one.answer['idle'])}.",
        ("sensors", "ended well", "reads", "most reads in 60 s", "seconds", "CPU s", "memory over idle"),
        [cells],
        [f"{over / total / 1e3:,.0f} kB a waiting sensor."],
        [
            Bound.at_least(f"{promise}each ends when its appointment is confirmed", total, reached, "sensors"),
            Bound.at_most(f"{promise}at most the budget of reads", READS_A_MINUTE, busiest, "reads in 60 s"),
            Bound.at_most(f"{promise}at most {MEMORY} MB over an idle triggerer", MEMORY, over / 1e6, "MB"),
        ],
    )
