"""One run over an input: rows go in, records are worked on side by side, and every row gets one outcome."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import islice

from onlive_provider.bulk.announcer import Announcer
from onlive_provider.bulk.breaker import Breaker
from onlive_provider.bulk.earlier_write import find_earlier_write
from onlive_provider.bulk.in_progress import CutShort, RowInProgress, with_write
from onlive_provider.bulk.memory import Announcement
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.worklist import Inspection, Worklist, unexpected
from onlive_provider.client.aio import AsyncOnliveClient
from onlive_provider.client.look import look
from onlive_provider.client.patience import Clock
from onlive_provider.client.updates import Update
from onlive_provider.errors import (
    OnliveError,
    OnliveReportPlaceError,
    OnliveReportTakenError,
)
from onlive_provider.models.changes import Change
from onlive_provider.report.outcomes import Counts, Outcome, OutcomeName

WINDOW = 1024
"""How far a row may be ahead of the oldest one in progress, so that a crash leaves few rows to read again."""

_BLOCK = 64
"""Rows prepared at a time, which is much cheaper than preparing each one between the calls of others."""


class BulkRun:
    """One run over an input, in one event loop. Only :meth:`stop` may be called from any thread.

    ``reads`` and ``writes`` count the calls that were sent, ``counts`` the outcomes, ``recalled`` the outcomes of
    earlier tries among them. ``breaker`` stops it where the key, the Connection or the server is what fails;
    ``is_given_up`` says that a failed row did, as its worklist wants.

    :param worklist: what is to be done with each row.
    :param rows: the input, in the order of its index from 0. Rows may be left out.
    :param concurrency: how many records are worked on at once.
    :param on_outcome: called with the outcome of each row, in no particular order. What it raises ends the run.
    :param on_write: called with a row's index right before its write is sent. What it raises keeps the write from
        being sent, and ends the run if it is an :class:`OSError`.
    :param recall: returns what earlier tries left of the row with an index: its outcome, which then stands and is not
        passed to ``on_outcome``, or a write of unknown fate.
    :param on_recalled: called with each outcome that stands.
    :param remembers: whether a retry recalls this one's writes of unknown fate.
    :param announcer: what each announced write waits for before it leaves. What it raises ends the run.
    """

    def __init__(
        self,
        worklist: Worklist,
        rows: Iterator[Row | BadRow],
        *,
        concurrency: int,
        on_outcome: Callable[[Outcome], None],
        on_write: Callable[[int, Announcement], None] = lambda *_: None,
        recall: Callable[[int], Outcome | Announcement | None] = lambda _: None,
        on_recalled: Callable[[Outcome], None] = lambda _: None,
        remembers: bool = False,
        announcer: Announcer | None = None,
    ) -> None:
        self.reads = self.writes = self.recalled = 0
        self.counts = Counts()
        self.breaker = Breaker(stops_on_long_retry_after=worklist.stop_on_long_retry_after)
        self.remembers = remembers
        self.is_given_up = self._stopped = False
        self._worklist = worklist
        self._rows = rows
        self._taken = 0
        self._concurrency = concurrency
        self._on_outcome = on_outcome
        self._on_write = on_write
        self._recall = recall
        self._on_recalled = on_recalled
        self._announcer = announcer
        self._ready: deque[tuple[int, Row | BadRow, Update | Inspection | Outcome, Announcement | None]] = deque()
        self._in_progress: dict[int, RowInProgress] = {}
        self._moved = asyncio.Event()
        self._input_error: Exception | None = None
        self._clock: Clock | None = None

    def stop(self) -> None:
        """Let the records in progress finish, and leave the others alone."""
        self._stopped = True

    async def work(self, client: AsyncOnliveClient) -> None:
        """Give every row its outcome.

        :raises Exception: the input could not be read to its end, or a callback failed. The records in progress
            have finished then.
        """
        self._clock = client.flows.clock
        workers = [asyncio.create_task(self._work(client)) for _ in range(self._concurrency)]
        ends = await asyncio.gather(*workers, return_exceptions=True)
        for error in (*ends, self._input_error):
            if error is not None:
                raise error

    def close(self) -> None:
        """Give an outcome to every row that has none. Must be called once the work has ended or was cut short."""
        self._stopped = True
        for record in self._in_progress.values():
            self._finish(self._cut_short(record))
        self._in_progress.clear()
        while self._ready or self._prepare():
            while self._ready:
                self._next_ready()

    async def _work(self, client: AsyncOnliveClient) -> None:
        try:
            while (record := await self._next()) is not None:
                record.task = asyncio.current_task()
                outcome = await self._carry_out(client, record)
                del self._in_progress[record.place]
                self._moved.set()
                self._finish(outcome)
        except BaseException:  # Of a cancelled worker too: the others must take no further row.
            self._stopped = True
            raise

    async def _next(self) -> RowInProgress | None:
        """Return the next record to work on, or ``None`` at the end of the input."""
        while True:
            while self._ready:
                if (record := self._next_ready()) is not None:
                    return record
            if self._in_progress and self._taken - next(iter(self._in_progress)) > WINDOW - _BLOCK:
                self._moved.clear()
                await self._moved.wait()
            elif self._prepare():
                await asyncio.sleep(0)
            else:
                return None

    def _next_ready(self) -> RowInProgress | None:
        """Give the next prepared row its outcome, or return its record, which is in progress from here on."""
        place, row, prepared, announced = self._ready.popleft()
        if self._stopped:
            self._finish(with_write(self._worklist.not_attempted(row), announced))
        elif isinstance(prepared, Outcome):
            self._finish(with_write(prepared, announced))
        else:
            assert isinstance(row, Row)
            record = self._in_progress[place] = RowInProgress(self, place, row, prepared, announced)
            return record
        return None

    def _prepare(self) -> bool:
        """Prepare the next rows of the input, in their order; return whether there were any."""
        rows: list[Row | BadRow] = []
        try:
            rows.extend(islice(self._rows, _BLOCK))
        except Exception as error:
            self._input_error = self._input_error or error
        for row in rows:
            self._taken += 1
            recalled = self._recall(row.index)
            if isinstance(recalled, Outcome):
                self.recalled += 1
                self.counts.add(recalled)
                self._worklist.skip(row)
                self._stop_after(recalled)
                self._on_recalled(self._with_id(recalled, row))
            elif self._stopped:
                self._finish(with_write(self._worklist.not_attempted(row), recalled))
            else:
                self._ready.append((self._taken - 1, row, self._worklist.prepare(row), recalled))
        return bool(rows)

    def _with_id(self, recalled: Outcome, row: Row | BadRow) -> Outcome:
        """Return an outcome of an earlier try, which also says of a written record which one it is."""
        if recalled.id is not None or recalled.outcome != "updated":
            return recalled
        record = self._worklist.not_attempted(row)
        return replace(recalled, id=record.id, resource=record.resource)

    def _finish(self, outcome: Outcome) -> None:
        self._stop_after(outcome)
        self.counts.add(outcome)
        self._on_outcome(outcome)

    def _stop_after(self, outcome: Outcome) -> None:
        if outcome.outcome == "failed" and self._worklist.stop_on_error:
            self.is_given_up = self._stopped = True

    async def _carry_out(self, client: AsyncOnliveClient, record: RowInProgress) -> Outcome:
        patience = client.flows.settings.max_elapsed
        try:
            outcome = await self._try(client, record)
        except CutShort:
            return self._cut_short(record)
        except asyncio.CancelledError:
            if not record.ends_here():
                raise
            return self._cut_short(record)
        except (OnliveReportPlaceError, OnliveReportTakenError):
            raise
        except OnliveError as error:
            failure = record.as_remembered(error)
            self._see(failure, patience)
            return record.failed(failure)
        except OSError:
            raise  # A callback's, such as a full disk: what fails on the network is an OnliveError.
        except Exception as error:
            return record.failed(unexpected(error, written=record.written))
        self._see(None, patience)
        return outcome

    def _see(self, error: OnliveError | None, patience: float) -> None:
        """Stop the run where the key, the Connection or the server is what fails. Rows in progress end soon."""
        if self.breaker.see(error, self.counts.total + 1, patience):
            self._stopped = True
            for record in self._in_progress.values():
                record.cut_short()

    async def _try(self, client: AsyncOnliveClient, record: RowInProgress) -> Outcome:
        if isinstance(record.wanted, Inspection):
            return await self._inspect(client, record, record.wanted)
        return await self._update(client, record, record.wanted)

    async def _inspect(self, client: AsyncOnliveClient, record: RowInProgress, wanted: Inspection) -> Outcome:
        current = await client.run(look(client.flows, wanted.resource, wanted.id), record)
        name: OutcomeName = "planned" if wanted.inspect(current) else "unchanged"
        return record.outcome(name, Change(wanted.resource, wanted.id, {}, {}, current.get("updatedAt")))

    async def _update(self, client: AsyncOnliveClient, record: RowInProgress, wanted: Update) -> Outcome:
        if record.announced is not None:
            change = await client.run(find_earlier_write(client.flows, wanted, record.announced), record)
            record.announced = None
            if change is not None:
                return record.outcome("updated", change)
        done = await client.update(wanted, record)
        return record.outcome(done.outcome, done.change)

    def _cut_short(self, record: RowInProgress) -> Outcome:
        if record.written:
            return record.failed(record.unanswered())
        return with_write(self._worklist.not_attempted(record.row), record.announced)

    def count(self, method: str) -> None:
        """Count a call that is about to be sent."""
        if method == "GET":
            self.reads += 1
        else:
            self.writes += 1

    def announce(self, index: int, change: Change) -> Announcement:
        """Say that a write is about to be sent."""
        assert self._clock is not None
        announcement = Announcement(change, self._clock.time())
        self._on_write(index, announcement)
        return announcement

    def announced(self) -> Awaitable[None] | None:
        """Return what to wait for before an announced write leaves, if anything."""
        return None if self._announcer is None else self._announcer.flush()

    def before_write(self) -> Awaitable[None] | None:
        """Return what to wait for right before a write leaves, if anything."""
        return None if self._announcer is None else self._announcer.before_write()
