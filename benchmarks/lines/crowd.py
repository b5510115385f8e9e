"""1, 2, 8 and 32 processes on one key, beside other ways to keep them to a budget."""

from __future__ import annotations

from typing import Any

from benchmarks.crowd import Crowd, gather
from benchmarks.lines import Bench
from benchmarks.redis_server import local_redis
from benchmarks.results import Bound, Result

MINUTE, ALLOWED, WRITES = 6.0, 60, 180
HOST, CLUSTER, PROCESS = "`host`", "`cluster`", "`process`"


def measure(bench: Bench) -> Result:
    """Let each way write. A smoke run has two processes."""
    rows: list[tuple[str, ...]] = []
    crowds: dict[tuple[str, int], Crowd] = {}
    with local_redis() as url:
        ways: dict[str, dict[str, Any]] = {HOST: {"scope": "host"}}
        if url:
            ways[CLUSTER] = {"scope": "cluster", "redis": url}
            ways["`limits` 5.8.0, moving window in Redis"] = {"limiter": "limits", "redis": url}
        ways |= {
            "`pyrate-limiter` 4.5.1, SQLite file": {"limiter": "pyrate-limiter"},
            "a pool of one slot": {"limiter": "pool of one slot"},
            PROCESS: {"scope": "process"},
        }
        for processes in (2,) if bench.quick else (1, 2, 8, 32):
            for way, options in ways.items():
                if way == PROCESS and processes != 8:
                    continue  # One process needs no other, and thirty-two would refuse each other for a long time.
                job = {"scope": "process", "path": bench.environments.limiters, **options}
                if "limiter" in options:
                    job["own_limit"] = 300_000
                roles = ["single"] * processes
                common = {"writes": WRITES, "allowed": ALLOWED, "minute": MINUTE, "folder": bench.folder}
                crowd = crowds[way, processes] = gather(roles, **common, **job)
                rows.append(_row(processes, way, crowd))
                print(*rows[-1], flush=True)
    ours = [crowd for (way, _), crowd in crowds.items() if way in (HOST, CLUSTER)]
    return Result(
        "Many processes on one key",
        f"Processes of single updates share {WRITES} writes. The server allows {ALLOWED} in a minute of {MINUTE:g} s, "
        "and says `Retry-After` when it refuses. The share of the ideal is the time of somebody who spends each "
        "minute's budget at once, divided by the time from the first write to the last. All ways make the same calls "
        "with this provider's client, which retries what is refused; the window of `pyrate-limiter` is as long as its, "
        "that of `limits` has whole seconds and so nothing to spare.",
        ("processes", "way", "share of the ideal", "429s", "red updates", "longest wait / mean"),
        rows,
        [
            f"{min(_share(crowd) for crowd in ours):.0%} or more of the ideal pace with 1 to 32 processes, "
            f"{sum(crowd.counts['refused'] for crowd in ours)} refusals, in the scopes `host` and `cluster`."
        ],
        [Bound.at_most("no 429 with up to 32 processes", 0, sum(crowd.counts["refused"] for crowd in ours), "answers")],
    )


def _share(crowd: Crowd) -> float:
    return crowd.ideal / crowd.seconds


def _row(processes: int, way: str, crowd: Crowd) -> tuple[str, ...]:
    return (
        str(processes),
        way,
        f"{_share(crowd):.1%}",
        str(crowd.counts["refused"]),
        str(crowd.failed),
        f"{crowd.unfairness:.2f}",
    )
