"""One row in twenty differs: what is written, against writing every row."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.data import write_rows
from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, in_turns, run
from benchmarks.results import Bars, Bound, Result, megabytes, times

CHANGED, ALL, IDLE = "only what changed", "`only_changed=False`", "no rows"


def measure(bench: Bench) -> Result:
    """Run the same rows both ways, and a task without rows for the memory of an idle one."""
    size = 200 if bench.quick else 10_000
    rows = bench.folder / "few_differ.csv"
    write_rows(rows, size, changed=size // 20)
    job: dict[str, Any] = {"total": size, "reads_per_minute": LIMITER_OFF, "writes_per_minute": LIMITER_OFF}
    found = in_turns(
        {
            CHANGED: partial(run, "bulk", rows=str(rows), **job),
            ALL: partial(run, "bulk", rows=str(rows), only_changed=False, **job),
            IDLE: partial(run, "bulk", **job),
        },
        bench.turns,
    )
    ours, idle = found[CHANGED], found[IDLE]
    outcomes = ours.answer["result"]
    added = sum(outcomes[name] for name in ("updated", "unchanged", "skipped", "failed", "not_attempted", "planned"))
    over_idle = (ours.peak - idle.peak) / 1e6
    adds_up = added == outcomes["total"] == size and ours.counts["written"] == outcomes["updated"]
    return Result(
        "One row in twenty differs",
        f"{size:,} rows, {size // 20:,} of which differ from what the server has; budgets off.",
        ("way", "reads", "writes", "seconds", "peak memory", "over idle"),
        [
            (
                name,
                f"{one.counts['reads']:,}",
                f"{one.counts['writes']:,}",
                f"{one.seconds:.2f}",
                megabytes(one.peak),
                megabytes(one.peak - idle.peak),
            )
            for name, one in found.items()
            if name != IDLE
        ],
        [
            f"{times(found[ALL].counts['writes'] / max(1, ours.counts['writes']))} fewer writes than sending every "
            f"row, in {ours.seconds / found[ALL].seconds:.2f} of the time with budgets off. With the documented "
            f"budgets of 1,000 reads and 100 writes a minute, by arithmetic, {size // 1000:,} minutes of reads "
            f"replace {size // 100:,} minutes of writes."
        ],
        [
            Bound.at_most(f"{size:,} rows, {size // 20:,} differ: under 60 s", 60, ours.seconds, "s"),
            Bound(
                f"exactly {size // 20:,} writes, none twice",
                f"{ours.counts['writes']:,} writes to {ours.counts['written']:,} records",
                ours.counts["writes"] == ours.counts["written"] == size // 20,
            ),
            Bound(f"{size:,} outcomes that add up", f"{added:,} of {outcomes['total']:,}", adds_up),
            Bound.at_most(f"{size:,} rows: peak memory at most 60 MB over an idle task", 60, over_idle, "MB"),
        ],
        [
            Bars(
                f"{size:,} rows, {size // 20:,} differ: writes",
                "writes",
                [(name.replace("`", ""), found[name].counts["writes"]) for name in (CHANGED, ALL)],
            )
        ],
    )
