"""One run: budgets, order, stops, and what nobody foresaw."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from onlive_provider.bulk.job import Job
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.run import BulkRun
from onlive_provider.bulk.worklist import Inspection, Worklist
from onlive_provider.client.aio import AsyncOnliveClient, WaitingClock
from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.fields import APPOINTMENT
from onlive_provider.models.patch import parse_record_id
from onlive_provider.report.outcomes import Outcome
from tests.bulk.server import LONG_AGO, ManyRecords, Seen, record_id
from tests.loopback import FakeClock


@pytest.fixture
def server() -> Iterator[ManyRecords]:
    with ManyRecords(5000) as server:
        yield server


def job(**changes: Any) -> Job:
    return Job(
        **{
            "resource": APPOINTMENT,
            "read_payload": lambda payload: AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True),
            "read_id": lambda value: parse_record_id(value, "id"),
            **changes,
        }
    )


def rows(numbers: Iterable[int], **fields: Any) -> Iterator[Row | BadRow]:
    for index, number in enumerate(numbers):
        yield Row(index, None, {"id": record_id(number), **(fields or {"title": f"title {number}"})})


def carry_out(
    server: ManyRecords,
    given: Iterator[Row | BadRow],
    *,
    clock: WaitingClock | None = None,
    concurrency: int = 16,
    **more: Any,
) -> list[Outcome]:
    settings = server.settings(**more.pop("settings", {}))
    outcomes: list[Outcome] = []

    async def work() -> None:
        run = BulkRun(
            more.pop("worklist", None) or job(**more),
            given,
            concurrency=concurrency,
            on_outcome=outcomes.append,
        )
        try:
            async with AsyncOnliveClient(settings, connections=concurrency, clock=clock) as client:
                await run.work(client)
        finally:
            run.close()

    asyncio.run(work())
    return sorted(outcomes, key=lambda outcome: outcome.index)


class Meter:
    """Answers 429 to calls beyond a budget in any 60 seconds, by the time that the caller signed with."""

    def __init__(self, server: ManyRecords, **per_minute: int) -> None:
        self.calls: dict[str, list[float]] = {"GET": [], "PUT": []}
        self.refused = 0
        self._per_minute = per_minute
        server.before = self._count

    def _count(self, seen: Seen) -> Any:
        calls = self.calls[seen.method]
        calls.append(seen.signed_at)
        if self.most(seen.method, since=seen.signed_at) > self._per_minute[seen.method]:
            self.refused += 1
            return 429, {"message": "slow down"}
        return None

    def most(self, method: str, since: float) -> int:
        return sum(since - 60 < moment <= since for moment in self.calls[method])


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize(("method", "budget", "fields"), [("PUT", 100, {}), ("GET", 300, {"title": "as it was"})])
def test_a_budget_is_kept_to_and_used(
    server: ManyRecords, concurrency: int, method: str, budget: int, fields: dict[str, Any]
) -> None:
    meter, clock, windows = Meter(server, GET=300, PUT=100), FakeClock(), 12
    # A few turns may be lost: the fake clock can jump while a call is under way, which counts by its answer then.
    total = windows * budget - 2 * concurrency
    outcomes = carry_out(
        server,
        rows(range(total), **fields),
        clock=clock,
        concurrency=concurrency,
        settings={"reads_per_minute": 300, "writes_per_minute": 100},
    )
    assert {outcome.outcome for outcome in outcomes} == {"unchanged" if fields else "updated"}
    calls = meter.calls[method]
    assert (meter.refused, len(calls)) == (0, total)
    assert max(meter.most(method, since=moment) for moment in set(calls)) == budget
    # The first window is used up at once, so that one minute fewer lies between the first call and the last.
    assert max(calls) - min(calls) <= (windows - 1) * 60 / 0.95


def test_reads_are_not_held_up_by_the_budget_of_writes(server: ManyRecords) -> None:
    clock = FakeClock()
    carry_out(
        server,
        rows(range(200), title="as it was"),
        clock=clock,
        settings={"reads_per_minute": 1000, "writes_per_minute": 1},
    )
    assert clock.waits == []


def test_a_429_slows_all_workers_down(server: ManyRecords) -> None:
    refused: list[float] = []

    def refuse_the_twentieth(seen: Seen) -> Any:
        if len(server.requests) == 20:
            refused.append(seen.signed_at)
            return 429, {"message": "slow down"}, {"Retry-After": "30"}
        return None

    server.before = refuse_the_twentieth
    outcomes = carry_out(server, rows(range(100), title="as it was"), clock=FakeClock(), concurrency=4)
    assert {outcome.outcome for outcome in outcomes} == {"unchanged"}
    # Those that were on their way already, one for each other worker at most, are not held back.
    early = [seen for seen in server.requests[20:] if seen.signed_at < refused[0] + 30]
    assert len(early) <= 3


@pytest.mark.parametrize("step", [1, 40], ids=["every row", "every fortieth row"])
def test_a_row_that_waits_holds_back_those_far_ahead_of_it_and_then_lets_them_go(
    server: ManyRecords, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr("onlive_provider.bulk.run.WINDOW", 128)
    seen_ids: list[int] = []

    class UntilNothingMoves(WaitingClock):
        async def wait(self, seconds: float) -> None:
            seen = -1
            while seen != len(seen_ids):
                seen = len(seen_ids)
                await asyncio.sleep(0.2)

    def put_off_the_first(seen: Seen) -> Any:
        seen_ids.append(int(seen.id[-12:]))
        return (500, {}) if seen_ids.count(0) == 1 and seen_ids[-1] == 0 else None

    server.before = put_off_the_first
    given = (replace(row, index=row.index * step) for row in rows(range(500), title="as it was"))
    outcomes = carry_out(server, given, clock=UntilNothingMoves(), concurrency=8)
    assert len(outcomes) == 500
    again = seen_ids.index(0, seen_ids.index(0) + 1)
    assert 64 <= max(seen_ids[:again]) < 128


def test_rows_that_are_left_alone_are_not_even_checked(server: ManyRecords) -> None:
    checked = 0

    def read_payload(payload: Any) -> Any:
        nonlocal checked
        checked += 1
        raise OnlivePayloadError([FieldError("title", "is refused")])

    outcomes = carry_out(server, rows(range(1000)), read_payload=read_payload, stop_on_error=True)
    assert [outcome.outcome for outcome in outcomes] == ["failed"] + ["not_attempted"] * 999
    assert checked < 100


def test_an_error_that_nobody_foresaw_fails_one_record_and_shows_no_value(server: ManyRecords) -> None:
    def check(patch: Any, current: Any) -> None:
        if current["id"] == record_id(1):
            raise KeyError("ana.lopez@example.com")

    outcomes = carry_out(server, rows(range(3)), check=check)
    assert [outcome.outcome for outcome in outcomes] == ["updated", "failed", "updated"]
    assert outcomes[1].error == "OnliveUnexpectedError"
    assert outcomes[1].message is not None
    assert outcomes[1].message.startswith("unexpected KeyError in test_run.py:")
    assert "ana" not in outcomes[1].message
    assert not outcomes[1].retryable
    assert (outcomes[1].sent_at, outcomes[1].after) == (None, {})


def test_a_row_that_cannot_be_checked_fails_alone(server: ManyRecords) -> None:
    def read_payload(payload: Any) -> Any:
        if payload["title"] == "title 1":
            raise RecursionError
        return dict(payload)

    outcomes = carry_out(server, rows(range(3)), read_payload=read_payload)
    assert [outcome.error for outcome in outcomes] == [None, "OnliveUnexpectedError", None]


class Inspections(Worklist):
    """Looks at each record; refuses the second, and meets an error that nobody foresaw at the third."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def prepare(self, row: Row | BadRow) -> Inspection:
        return Inspection(APPOINTMENT, record_id(row.index), self._inspect)

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        return Outcome(row.index, row.line, record_id(row.index), "not_attempted")

    def _inspect(self, record: dict[str, Any]) -> bool:
        self.titles.append(record["title"])
        if record["id"] == record_id(1):
            raise OnlivePayloadError([FieldError("title", "is refused")])
        if record["id"] == record_id(2):
            raise KeyError("ana.lopez@example.com")
        return record["id"] == record_id(3)


def test_an_inspection_reads_a_record_once_and_writes_nothing(server: ManyRecords) -> None:
    worklist = Inspections()
    outcomes = carry_out(server, rows(range(4)), worklist=worklist)
    assert [(each.outcome, each.error, each.attempts) for each in outcomes] == [
        ("unchanged", None, 1),
        ("failed", "OnlivePayloadError", 1),
        ("failed", "OnliveUnexpectedError", 1),
        ("planned", None, 1),
    ]
    assert (outcomes[0].resource, outcomes[0].updated_at) == ("appointment", LONG_AGO)
    assert "ana" not in str(outcomes[2].message)
    assert worklist.titles == ["as it was"] * 4
    assert server.writes == {}


def test_a_row_whose_outcome_stands_is_counted_and_not_worked_on_again(server: ManyRecords) -> None:
    done = Outcome(1, None, record_id(1), "updated")
    outcomes: list[Outcome] = []

    async def work() -> BulkRun:
        run = BulkRun(job(), rows([0, 1, 1]), concurrency=1, on_outcome=outcomes.append, recall={1: done}.get)
        async with AsyncOnliveClient(server.settings(), connections=1) as client:
            await run.work(client)
        return run

    run = asyncio.run(work())
    assert [(each.index, each.outcome) for each in outcomes] == [(0, "updated"), (2, "failed")]
    assert "an earlier row has this id already" in str(outcomes[1].message)
    assert (run.recalled, run.counts.updated, run.counts.total) == (1, 2, 3)
    assert server.writes == {record_id(0): 1}


def test_records_in_work_finish_when_the_input_breaks_off(server: ManyRecords) -> None:
    def breaking() -> Iterator[Row | BadRow]:
        yield from rows(range(10))
        raise ConnectionError("the bucket is gone")

    outcomes: list[Outcome] = []

    async def work() -> None:
        run = BulkRun(job(), breaking(), concurrency=4, on_outcome=outcomes.append)
        async with AsyncOnliveClient(server.settings(), connections=4) as client:
            with pytest.raises(ConnectionError, match="the bucket is gone"):
                await run.work(client)
        run.close()

    asyncio.run(work())
    assert sorted((outcome.index, outcome.outcome) for outcome in outcomes) == [
        (index, "updated") for index in range(10)
    ]


def test_a_memory_that_fails_ends_the_run_before_the_write(server: ManyRecords) -> None:
    def announce(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    outcomes: list[Outcome] = []

    async def work() -> None:
        run = BulkRun(job(), rows(range(500)), concurrency=4, on_outcome=outcomes.append, on_write=announce)
        async with AsyncOnliveClient(server.settings(), connections=4) as client:
            with pytest.raises(OSError, match="No space left"):
                await run.work(client)
        run.close()

    asyncio.run(work())
    assert server.writes == {}
    assert [(outcome.index, outcome.outcome) for outcome in outcomes] == [(at, "not_attempted") for at in range(500)]


def test_bad_rows_do_not_keep_calls_from_their_turn(server: ManyRecords) -> None:
    turns = 0
    at_row: list[int] = []

    def bad_rows() -> Iterator[Row | BadRow]:
        for index in range(900):
            at_row.append(turns)
            yield Row(index, None, {"id": "no id"})

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def work() -> None:
        counting = asyncio.create_task(count_turns())
        run = BulkRun(job(), bad_rows(), concurrency=1, on_outcome=lambda _: None)
        async with AsyncOnliveClient(server.settings(), connections=1) as client:
            await run.work(client)
        counting.cancel()

    asyncio.run(work())
    assert at_row[-1] - at_row[0] >= 10


def test_a_long_input_takes_no_more_memory_than_a_short_one(server: ManyRecords) -> None:
    server.requests = deque(maxlen=1)  # type: ignore[assignment]

    def peak(number: int) -> int:
        settings = server.settings()

        async def work() -> None:
            run = BulkRun(job(), rows(range(number), title="as it was"), concurrency=8, on_outcome=lambda _: None)
            async with AsyncOnliveClient(settings, connections=8) as client:
                await run.work(client)

        tracemalloc.start()
        asyncio.run(work())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(2_500) - peak(500) < 2_000 * 350
