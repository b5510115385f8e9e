"""Other ways to keep many processes to one budget, each as a context in which one update is made."""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

Waits = list[tuple[float, float]]
Limiter = Callable[[Waits], AbstractContextManager[None]]
"""Waits, notes what it waited, and lets the update be made in the block."""


def with_limits(job: dict[str, Any]) -> Limiter:
    """The moving window of ``limits``, in Redis: it tells when the oldest call leaves; whoever asks then gets it."""
    from limits import RateLimitItemPerSecond
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter

    limiter = MovingWindowRateLimiter(storage_from_string(job["redis"]))
    item = RateLimitItemPerSecond(job["allowed"], round(job["window"]))

    def take() -> None:
        while not limiter.hit(item, job["access_key_id"]):
            time.sleep(max(0.001, limiter.get_window_stats(item, job["access_key_id"]).reset_time - time.time()))

    return _taking(take)


def with_pyrate_limiter(job: dict[str, Any]) -> Limiter:
    """``pyrate-limiter`` with a bucket in a file that processes share."""
    from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket

    rate = Rate(job["allowed"], int(job["window"] * Duration.SECOND))
    bucket = SQLiteBucket.init_from_file([rate], db_path=str(_path(job, "sqlite")), use_file_lock=True)
    limiter = Limiter(bucket)
    return _taking(lambda: limiter.try_acquire("key", blocking=True))


def with_one_slot(job: dict[str, Any]) -> Limiter:
    """A pool of one slot: one update at a time, as fast as they come."""

    @contextmanager
    def slot(waits: Waits) -> Iterator[None]:
        with _path(job, "lock").open("w") as file:
            began = time.monotonic()
            fcntl.flock(file, fcntl.LOCK_EX)
            waits.append((began, time.monotonic()))
            yield

    return slot


def _taking(take: Callable[[], Any]) -> Limiter:
    @contextmanager
    def taken(waits: Waits) -> Iterator[None]:
        began = time.monotonic()
        take()
        waits.append((began, time.monotonic()))
        yield

    return taken


def _path(job: dict[str, Any], kind: str) -> Path:
    name = hashlib.sha256(f"{job['url']} {job['access_key_id']}".encode()).hexdigest()[:16]
    return Path(job["folder"]) / f"{name}.{kind}"


LIMITERS: dict[str, Callable[[dict[str, Any]], Limiter]] = {
    "limits": with_limits,
    "pyrate-limiter": with_pyrate_limiter,
    "pool of one slot": with_one_slot,
}
