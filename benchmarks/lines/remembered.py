"""What it costs that no write leaves before a retry can find what stood there before."""

from __future__ import annotations

from benchmarks.data import write_rows
from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, run
from benchmarks.results import Bound, Result

ALLOWED = 100
PLACES = (
    ("no report", "nowhere", None),
    ("report on this machine's disk", "disk", None),
    ("report in a store, 20 ms an operation", "store", 0.02),
    ("report in a store, 100 ms an operation", "store", 0.1),
    ("report in a store, 300 ms an operation", "store", 0.3),
)


def measure(bench: Bench) -> Result:
    """Write a minute's budget at once, with each place for the report."""
    size = 20 if bench.quick else ALLOWED
    rows = bench.folder / "remembered.csv"
    write_rows(rows, size, changed=size)
    table, slowest = [], 0.0
    for name, place, delay in PLACES:
        for concurrency in (16, 1):
            more = {} if delay is None else {"delay": delay}
            one = run(
                "remembered",
                total=size,
                rows=str(rows),
                place=place,
                concurrency=concurrency,
                reads_per_minute=LIMITER_OFF,
                writes_per_minute=ALLOWED,
                **more,
            )
            operations = str(one.answer["operations"]) if delay else ""
            table.append((name, str(concurrency), f"{one.seconds:.1f}", f"{size / one.seconds * 60:,.0f}", operations))
            if concurrency > 1:
                slowest = max(slowest, one.seconds)
    per_minute = size / slowest * 60
    return Result(
        "What is remembered before a write",
        f"{size} records differ and the budget allows {ALLOWED} writes a minute, so that all may be written at once. "
        "Where there is a report, no write leaves before what stood there is on the disk, or in the store: in groups, "
        "at most one a second and never so seldom that the budget is missed. The operations are all of the task, the "
        "report's and its lock's too.",
        ("place", "records at once", "seconds", "writes a minute, if allowed", "operations of the store"),
        table,
        [
            f"{per_minute / ALLOWED:.1f} times the documented budget is written with 16 records at once, where a store "
            "takes 300 ms an operation."
        ],
        [
            Bound.at_least(
                "16 at once, 300 ms a store's operation: at least 100 writes a minute", 100, per_minute, "a minute"
            )
        ],
    )
