"""Five processes on one key for three minutes: nobody is refused, and nobody waits longer than the others."""

from __future__ import annotations

from benchmarks.crowd import MINUTE, Crowd, gather
from benchmarks.lines import Bench
from benchmarks.redis_server import local_redis
from benchmarks.results import Bound, Result

ROLES = ("single", "single", "single", "single", "bulk")
WRITES, ALLOWED = 180, 60


def measure(bench: Bench) -> Result:
    """Let them write, on one machine and on two. A smoke run has a minute of two seconds."""
    minute = 2.0 if bench.quick else MINUTE
    common = {"writes": WRITES, "allowed": ALLOWED, "minute": minute, "folder": bench.folder}
    crowds = {
        "one machine, `host`": gather(ROLES, **common),
    }
    with local_redis() as url:
        if url:
            crowds["two machines, `cluster`"] = gather(ROLES, scope="cluster", machines=2, redis=url, **common)
    bounds = []
    for name, crowd in crowds.items():
        times = crowd.seconds / crowd.ideal
        bounds += [
            Bound.at_most(f"no 429, {name}", 0, crowd.counts["refused"], "answers of 429"),
            Bound.at_most(f"no red task, {name}", 0, crowd.failed, "tasks"),
            Bound.at_most(f"near the ideal time, {name}", 1.2 if "two" in name else 1.15, times, "times"),
            Bound.at_most(f"nobody waits longer than others, {name}", 2.0, crowd.unfairness, "times the mean"),
        ]
    host = crowds["one machine, `host`"]
    return Result(
        "One key, five processes",
        f"Four processes of single updates and one bulk run write {WRITES} records with one key. The server allows "
        f"{ALLOWED} writes in any minute of {minute:g} s and refuses what is more. The ideal is the time between the "
        "first write and the last of somebody who spends each minute's budget at once. A machine is a folder for "
        "temporary files of its own.",
        ("who shares the budget", "429s", "red tasks", "seconds", "ideal", "times the ideal", "longest wait / mean"),
        [_row(name, crowd) for name, crowd in crowds.items()],
        [
            f"{host.seconds / host.ideal:.2f} times the ideal time with the scope `host`, "
            f"{host.counts['refused']} refusals; the process that waited longest waited {host.unfairness:.2f} times "
            "the mean."
        ],
        bounds,
    )


def _row(name: str, crowd: Crowd) -> tuple[str, ...]:
    return (
        name,
        str(crowd.counts["refused"]),
        str(crowd.failed),
        f"{crowd.seconds:.1f}",
        f"{crowd.ideal:.0f}",
        f"{crowd.seconds / crowd.ideal:.2f}",
        f"{crowd.unfairness:.2f}",
    )
