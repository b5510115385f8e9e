"""Memory while rows stream through: ten thousand, a hundred thousand, a million."""

from __future__ import annotations

from typing import Any

from benchmarks.data import write_rows
from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, run
from benchmarks.results import Bars, Bound, Result, megabytes, micros

_LIMITS = {10_000: 60, 1_000_000: 80}


def measure(bench: Bench) -> Result:
    """Plan over files of growing length in which nothing differs, once each."""
    sizes = (2_000,) if bench.quick else (10_000, 100_000, 1_000_000)
    budgets: dict[str, Any] = {"reads_per_minute": LIMITER_OFF, "writes_per_minute": LIMITER_OFF}
    idle = run("bulk", **budgets).peak
    result = Result(
        "Memory",
        f"CSV, `plan_only=True`, nothing differs. An idle task with everything imported peaks at {megabytes(idle)}.",
        ("rows", "peak memory", "over idle", "seconds", "CPU per row"),
    )
    bars = []
    for size in sizes:
        rows = bench.folder / "stream.csv"
        write_rows(rows, size, changed=0)
        one = run("bulk", total=size, rows=str(rows), plan_only=True, **budgets)
        over = one.peak - idle
        cells = f"{size:,}", megabytes(one.peak), megabytes(over), f"{one.seconds:.1f}", micros(one.cpu / size)
        result.rows.append(cells)
        bars.append((f"{size:,} rows", max(0.0, over / 1e6)))
        if size in _LIMITS:
            promise = f"{size:,} streamed rows: peak memory at most {_LIMITS[size]} MB over an idle task"
            result.bounds.append(Bound.at_most(promise, _LIMITS[size], over / 1e6, "MB"))
    if len(sizes) > 1:
        result.ratios.append(
            f"{sizes[-1] // sizes[0]} times the rows need {bars[-1][1] - bars[0][1]:.0f} MB more memory."
        )
    result.bars.append(Bars("Peak memory over an idle task", "MB", bars))
    return result
