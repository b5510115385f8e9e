"""A large table that is nearly the same as at the run before: what the snapshot saves, and what it costs."""

from __future__ import annotations

import socket
from typing import Any

from benchmarks.data import write_rows
from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, Measured, run
from benchmarks.results import Bound, Result, megabytes

_FEW = 500
_CPU, _FILE, _MEMORY = 60, 40, 60


def measure(bench: Bench) -> Result:
    """Run a table without a snapshot, with an empty one, and with one that knows all rows, or all but a few."""
    few, many = (2_000, 4_000) if bench.quick else (100_000, 1_000_000)
    result = Result(
        "A large table every night",
        "CSV, budgets off, each way once. The server answers every record as it was at first.",
        ("rows", "way", "reads", "writes", "seconds", "CPU seconds", "peak memory", "snapshot"),
    )
    night = _night(bench, result, few)
    night("first run", changed=0)
    some = night(f"{_FEW} changed", changed=_FEW)
    calls = f"{some.counts['reads']:,} reads and {some.counts['writes']:,} writes"
    exact = (some.counts["reads"], some.counts["writes"], some.counts["written"]) == (_FEW, _FEW, _FEW)
    result.bounds.append(Bound(f"{few:,} rows, {_FEW} changed: {_FEW} reads and {_FEW} writes", calls, exact))

    night = _night(bench, result, many)
    without = night("without a snapshot", changed=0, snapshot=None)
    first = night("first run", changed=0)
    for way, has_report in (("nothing changed", True), ("nothing changed, no report", False)):
        again = night(way, changed=0, report=has_report)
        said = f"{many:,} rows, {way}"
        result.bounds += [
            Bound(f"{said}: no call", f"{again.counts['reads']:,} reads", not again.counts["reads"]),
            Bound.at_most(f"{said}: under {_CPU} s of CPU", _CPU, again.cpu, "s"),
        ]
        more = (again.peak - without.peak) / 1e6
        result.bounds.append(Bound.at_most(f"{said}: at most {_MEMORY} MB more memory", _MEMORY, more, "MB"))
    more = (first.peak - without.peak) / 1e6
    result.bounds += [
        Bound.at_most(f"{many:,} rows, first run: at most {_MEMORY} MB more memory", _MEMORY, more, "MB"),
        Bound.at_most(f"{many:,} rows: a snapshot of at most {_FILE} MB", _FILE, _size(bench, many) / 1e6, "MB"),
    ]
    return result


def _size(bench: Bench, rows: int) -> int:
    path = bench.folder / f"{rows}.snapshot"
    return path.stat().st_size if path.exists() else 0


def _night(bench: Bench, result: Result, size: int) -> Any:
    """Return a function that runs a table of some size once, and adds a line to the result."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def night(way: str, *, changed: int, **options: Any) -> Measured:
        rows = bench.folder / "nightly.csv"
        write_rows(rows, size, changed=changed)
        budgets = {"reads_per_minute": LIMITER_OFF, "writes_per_minute": LIMITER_OFF}
        # A snapshot is about one address.
        given = {"snapshot": str(bench.folder / f"{size}.snapshot"), **options}
        one = run("bulk", total=size, port=port, rows=str(rows), **budgets, **given)
        numbers = f"{one.counts['reads']:,}", f"{one.counts['writes']:,}", f"{one.seconds:.1f}", f"{one.cpu:.1f}"
        stored = megabytes(_size(bench, size)) if given["snapshot"] else ""
        result.rows.append((f"{size:,}", way, *numbers, megabytes(one.peak), stored))
        return one

    return night
