"""One of several processes that write with one access key at the same time: one update after another, or a bulk run.

Its job is the first argument, JSON. It says when it is ready, begins when a line comes, and tells what it waited for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.data import NEW_LANG, record_id
from benchmarks.programs import limiters
from onlive_provider.bulk.job import Job
from onlive_provider.bulk.rows import Row
from onlive_provider.bulk.run import BulkRun
from onlive_provider.client.aio import AsyncOnliveClient, WaitingClock
from onlive_provider.client.budget.scope import open_budgets
from onlive_provider.client.budget.server import RedisServer
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.sync import OnliveClient, SleepingClock
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveError
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.fields import APPOINTMENT
from onlive_provider.models.patch import parse_record_id


class Waits(SleepingClock, WaitingClock):
    """The machine's clock, which keeps when each wait began and ended."""

    def __init__(self) -> None:
        self.all: list[tuple[float, float]] = []

    def sleep(self, seconds: float) -> None:
        """Wait in a thread."""
        began = time.monotonic()
        super().sleep(seconds)
        self.all.append((began, time.monotonic()))

    async def wait(self, seconds: float) -> None:
        """Wait in a task."""
        began = time.monotonic()
        await super().wait(seconds)
        self.all.append((began, time.monotonic()))


def main() -> None:
    """Do the job."""
    job = json.loads(sys.argv[1])
    settings, clock = settings_of(job), Waits()
    work: Callable[[], int] = {"single": single, "bulk": bulk}[job["role"]](job, settings, clock)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    failed = work()
    seconds = time.monotonic() - began
    print(json.dumps({"role": job["role"], "failed": failed, "seconds": seconds, "waits": clock.all}))


def settings_of(job: dict[str, Any]) -> Settings:
    """Return the settings of the job's Connection."""
    redis = urlsplit(job["redis"]) if job.get("redis") else None
    return Settings(
        Credentials(job["access_key_id"], "secret"),
        job["url"],
        reads_per_minute=300_000,
        writes_per_minute=job.get("own_limit", job["allowed"]),
        budget_scope=job["scope"],
        budget_redis=RedisServer(redis.hostname or "", redis.port or 0, password=unquote(redis.password or "") or None)
        if redis
        else None,
    )


def wanted(record: str) -> dict[str, Any]:
    """Return a row that differs from what the server holds."""
    return {"id": record, "lang": NEW_LANG}


def single(job: dict[str, Any], settings: Settings, clock: Waits) -> Callable[[], int]:
    """Return the work of tasks that write a record each."""
    client = OnliveClient(settings, clock=clock)
    client._flows.budgets = open_budgets(settings, seconds=job["window"])
    limiter = limiters.LIMITERS[job["limiter"]](job) if job.get("limiter") else None

    def work() -> int:
        failed = 0
        for number in range(*job["records"]):
            update = Update(resource=APPOINTMENT, id=record_id(number), payload={"lang": NEW_LANG}, only_changed=False)
            try:
                if limiter is None:
                    client.update(update)
                else:
                    with limiter(clock.all):
                        client.update(update)
            except OnliveError as error:
                print(error, file=sys.stderr)
                failed += 1
        return failed

    return work


def bulk(job: dict[str, Any], settings: Settings, clock: Waits) -> Callable[[], int]:
    """Return the work of a bulk task."""
    failures: list[str] = []

    def rows() -> Iterator[Row]:
        for index, number in enumerate(range(*job["records"])):
            yield Row(index, None, wanted(record_id(number)))

    async def run() -> None:
        task = BulkRun(
            Job(
                resource=APPOINTMENT,
                read_payload=lambda payload: AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True),
                read_id=lambda value: parse_record_id(value, "id"),
                only_changed=False,
            ),
            rows(),
            concurrency=16,
            on_outcome=lambda outcome: failures.append(outcome.message or "") if outcome.outcome != "updated" else None,
        )
        async with AsyncOnliveClient(settings, connections=16, clock=clock) as client:
            client.flows.budgets = open_budgets(settings, seconds=job["window"])
            await task.work(client)

    def work() -> int:
        asyncio.run(run())
        print(*failures, sep="\n", file=sys.stderr)
        return len(failures)

    return work


if __name__ == "__main__":
    main()
