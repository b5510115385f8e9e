"""Turns of a budget, taken one after another; none has to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from benchmarks.programs import Program, limiters
from onlive_provider.client.budget.cluster import ClusterBudget, Link, RedisWindow
from onlive_provider.client.budget.host import HostBudget
from onlive_provider.client.budget.process import ProcessBudget
from onlive_provider.client.budget.server import RedisServer

LIMIT = 1_000_000

program = Program()
job = program.job


def ours(way: str) -> Callable[[], object]:
    """Return the taking of a turn in one of the scopes."""
    process = ProcessBudget(LIMIT)
    host = HostBudget(program.folder / "budget" / "window", LIMIT, process)
    if way == "process":
        return lambda: process.take(time.monotonic)
    if way == "host":
        return lambda: host.take(time.monotonic)
    address = urlsplit(job["redis"])
    link = Link(RedisServer(address.hostname or "", address.port or 0))
    cluster = ClusterBudget(LIMIT, RedisWindow(link, "benchmark", "writes"), host)
    return lambda: cluster.take(time.monotonic)


def theirs(way: str) -> Callable[[], object]:
    """Return the taking of a turn with a library."""
    about = {"allowed": LIMIT, "window": 61, "access_key_id": "key", "url": "", "folder": str(program.folder)}
    limiter = limiters.LIMITERS[way]({**about, "redis": job.get("redis")})

    def take() -> None:
        with limiter([]):
            pass

    return take


take = (theirs if job["way"] in limiters.LIMITERS else ours)(job["way"])
take()
with program:
    for _ in range(job["times"]):
        take()
