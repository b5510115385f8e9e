"""What it costs to ask the budget for a turn."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.lines import Bench
from benchmarks.measure import run
from benchmarks.redis_server import local_redis
from benchmarks.results import Bound, Result, micros

WAYS = ("process", "host", "cluster", "limits", "pyrate-limiter")
NAMES = {"limits": "`limits` 5.8.0, Redis", "pyrate-limiter": "`pyrate-limiter` 4.5.1, SQLite file"}


def measure(bench: Bench) -> Result:
    """Take many turns in one process, none of which has to wait."""
    times = 200 if bench.quick else 5_000
    path: Path = bench.environments.limiters
    rows, host = [], 0.0
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(path)
    try:
        with local_redis() as url:
            for way in WAYS:
                if url is None and way in ("cluster", "limits"):
                    continue
                one = run("take", way=way, times=times, redis=url)
                rows.append((NAMES.get(way, f"`{way}`"), micros(one.cpu / times), micros(one.seconds / times)))
                if way == "host":
                    host = one.cpu / times
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return Result(
        "A turn",
        f"{times:,} turns taken in one process, with a limit that none has to wait for. The time of `cluster` and "
        "`limits` is the way to Redis on the same machine and back.",
        ("where the budget is kept", "CPU a turn", "time a turn"),
        rows,
        [f"{micros(host)} of CPU a turn in the scope `host`."],
        [Bound.at_most("a turn of the host costs little", 100, host * 1e6, "µs of CPU")],
    )
