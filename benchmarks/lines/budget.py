"""How much of a key's budget is used, with a server that refuses what goes beyond it."""

from __future__ import annotations

from typing import Any

from benchmarks.data import write_rows
from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, run
from benchmarks.results import Bound, Result

ALLOWED = 6_000


def measure(bench: Bench) -> Result:
    """Write more records than a minute's budget allows. A smoke run stays below it, and so measures no steady part."""
    size = 200 if bench.quick else 9_000
    rows = bench.folder / "budget.csv"
    write_rows(rows, size, changed=size)
    job: dict[str, Any] = {"rows": str(rows), "reads_per_minute": LIMITER_OFF, "writes_per_minute": ALLOWED}
    one = run("bulk", total=size, allowed=ALLOWED, **job)
    counts, when = one.counts, one.counts["write_times"]
    ideal = size / ALLOWED * 60
    share = 60 / (when[ALLOWED] - when[0]) if len(when) > ALLOWED else None
    steady = "" if share is None else f"{share:.1%}"
    return Result(
        "The key's budget",
        f"The Connection and the server allow {ALLOWED:,} writes a minute; the server answers 429 to every write "
        "beyond that in any 60 seconds. A minute's budget may be spent at once, so a run is faster than an even flow "
        "would be. The share used in steady state is 60 seconds divided by the time from the first write to the first "
        "write of the next window. The client's window is 61 seconds on purpose, because calls need not take equally "
        "long.",
        ("records", "seconds", "seconds with an even flow", "429s", "most writes in any 60 s", "budget used, steady"),
        [
            (
                f"{size:,}",
                f"{one.seconds:.1f}",
                f"{ideal:.1f}",
                f"{counts['refused']}",
                f"{counts['most_writes_in_60_s']:,}",
                steady,
            )
        ],
        [f"{one.seconds / ideal:.2f} of the time that an even flow of {ALLOWED:,} writes a minute would take."]
        + (
            []
            if share is None
            else [
                f"{share:.1%} of the budget used in steady state, with no write refused."
                if not counts["refused"]
                else f"{share:.1%} of the budget used."
            ]
        ),
        [
            Bound.at_most("no 429 in a clean run", 0, counts["refused"], "answers with 429"),
            Bound.at_most("never more than the budget in 60 s", ALLOWED, counts["most_writes_in_60_s"], "writes"),
            Bound.at_least("at least 95 % of the budget used", 95, share * 100, "%")
            if share is not None
            else Bound("at least 95 % of the budget used", "", None),
        ],
    )
