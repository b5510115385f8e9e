"""The run of a bulk update: rows go in, records are updated side by side, and every row gets one outcome."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Protocol

from onlive_provider.bulk.job import failed, unexpected
from onlive_provider.bulk.memory import Announcement, Memory
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.client.aio import AsyncOnliveClient
from onlive_provider.client.flows import Clock
from onlive_provider.client.steps import Send, Step, Writing
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveError, OnliveUnknownFateError
from onlive_provider.models.changes import Change
from onlive_provider.report.outcomes import Outcome, OutcomeName

WINDOW = 1024
"""How far a row may be ahead of the oldest one in work: what must be done again after a crash stays near one place."""

_BLOCK = 64
"""Rows that are prepared in one go, which is much cheaper than to prepare each between the calls of others."""


class Worklist(Protocol):
    """What is to be done with each row."""

    @property
    def stop_on_error(self) -> bool:
        """Whether the rows after a failed one are left alone."""

    @property
    def stop_when_put_off(self) -> bool:
        """Whether the rows after one are left alone for which the server asks to wait longer than a call waits."""

    def prepare(self, row: Row | BadRow) -> Update | Outcome:
        """Return the update that a row asks for, or the outcome of a row that cannot be one."""

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""

    def recall(self, row: Row | BadRow) -> None:
        """Remember a row that an earlier try has dealt with."""


class BulkRun:
    """One run over an input. Everything happens in one event loop but :meth:`stop`, which any thread may call.

    ``reads`` and ``writes`` count the calls that were sent, ``recalled`` the rows that an earlier try has dealt with.
    ``retry_after`` is how many seconds the server asked to wait, where that was longer than a call waits.

    :param worklist: what is to be done with each row.
    :param rows: the input, in the order of its index from 0.
    :param memory: what earlier tries did, and where this one keeps what it does.
    :param concurrency: how many records are worked on at once.
    :param tell: told each row's outcome, recalled ones too, in no particular order.
    """

    def __init__(
        self,
        worklist: Worklist,
        rows: Iterator[Row | BadRow],
        memory: Memory,
        *,
        concurrency: int,
        tell: Callable[[Outcome], None],
    ) -> None:
        self.reads = self.writes = self.recalled = 0
        self.retry_after: float | None = None
        self._stopped = False
        self._worklist = worklist
        self._rows = rows
        self._taken = 0
        self._memory = memory
        self._concurrency = concurrency
        self._tell = tell
        self._earlier = memory.earlier()
        self._recalled = next(self._earlier, None)
        self._ready: deque[tuple[Row | BadRow, Update | Outcome]] = deque()
        self._at_work: dict[int, _Record] = {}
        self._moved = asyncio.Event()
        self._input_error: Exception | None = None
        self._clock: Clock | None = None

    def stop(self) -> None:
        """Let the records that are being worked on finish, and leave the others alone."""
        self._stopped = True

    async def work(self, client: AsyncOnliveClient) -> None:
        """Give every row its outcome.

        :raises Exception: the input could not be read to its end, or the memory failed. The records in work have
            finished then.
        """
        self._clock = client.flows.clock
        workers = [asyncio.create_task(self._work(client)) for _ in range(self._concurrency)]
        ends = await asyncio.gather(*workers, return_exceptions=True)
        for error in (*ends, self._input_error):
            if error is not None:
                raise error

    def close(self) -> None:
        """Give an outcome to every row that has none, after the work was cut short. Call it when no work goes on."""
        self._stopped = True
        for record in self._at_work.values():
            self._finish(self._cut_short(record))
        self._at_work.clear()
        while self._ready or self._prepare():
            while self._ready:
                self._next_ready()

    async def _work(self, client: AsyncOnliveClient) -> None:
        try:
            while (record := await self._next()) is not None:
                outcome = await self._update(client, record)
                del self._at_work[record.row.index]
                self._moved.set()
                self._finish(outcome)
        except BaseException:  # A cancelled worker too: the others are to take no further row.
            self._stopped = True
            raise

    async def _next(self) -> _Record | None:
        """Return the next record to work on, or ``None`` at the end of the input."""
        while True:
            while self._ready:
                if (record := self._next_ready()) is not None:
                    return record
            if self._at_work and self._taken - next(iter(self._at_work)) > WINDOW - _BLOCK:
                self._moved.clear()
                await self._moved.wait()
            elif self._prepare():
                await asyncio.sleep(0)
            else:
                return None

    def _next_ready(self) -> _Record | None:
        """Give the next prepared row its outcome, or return its record, which is at work now."""
        row, prepared = self._ready.popleft()
        if self._stopped:
            self._finish(self._worklist.not_attempted(row))
        elif isinstance(prepared, Update):
            assert isinstance(row, Row)
            record = self._at_work[row.index] = _Record(self, row, prepared)
            return record
        else:
            self._finish(prepared)
        return None

    def _prepare(self) -> bool:
        """Take some rows of the input and prepare them, each in its turn; return whether there were any."""
        rows: list[Row | BadRow] = []
        try:
            rows.extend(islice(self._rows, _BLOCK))
        except Exception as error:
            self._input_error = self._input_error or error
        for row in rows:
            self._taken = row.index + 1
            recalled = self._recall(row.index)
            if recalled is not None:
                self.recalled += 1
                self._worklist.recall(row)
                self._tell(recalled)
            elif self._stopped:
                self._finish(self._worklist.not_attempted(row))
            else:
                self._ready.append((row, self._worklist.prepare(row)))
        return bool(rows)

    def _recall(self, index: int) -> Outcome | None:
        while self._recalled is not None and self._recalled.index < index:
            self._recalled = next(self._earlier, None)
        return self._recalled if self._recalled is not None and self._recalled.index == index else None

    def _finish(self, outcome: Outcome) -> None:
        if outcome.outcome == "failed" and self._worklist.stop_on_error:
            self._stopped = True
        self._memory.record(outcome)
        self._tell(outcome)

    async def _update(self, client: AsyncOnliveClient, record: _Record) -> Outcome:
        try:
            settled = await self._settle(client, record)
            if settled is not None:
                return settled
            done = await client.update(record.wanted, record)
        except OnliveError as error:
            self._heed(error, client.flows.settings.max_elapsed)
            return record.failed(error)
        except OSError:
            raise  # The memory's disk: what fails on the network is an OnliveError.
        except Exception as error:
            return record.failed(unexpected(error, written=record.written))
        return record.outcome(done.outcome, done.change)

    def _heed(self, error: OnliveError, patience: float) -> None:
        """Ask a server no more that wants to be left alone for longer than the run would wait: all rows would fail."""
        asked: float = getattr(error, "retry_after", None) or 0.0
        if asked > patience:
            self.retry_after = max(asked, self.retry_after or 0.0)
            self._stopped = self._stopped or self._worklist.stop_when_put_off

    async def _settle(self, client: AsyncOnliveClient, record: _Record) -> Outcome | None:
        """Return the outcome of a write that an earlier try announced, if the record shows that it was made."""
        announced = self._memory.announcement(record.row.index)
        if announced is None:
            return None
        wanted, change = record.wanted, announced.change
        current = await client.run(client.flows.read(wanted.resource, wanted.id), record)
        sent = {name: wanted.payload[name] for name in change.after if name in wanted.payload}
        before = {"updatedAt": change.updated_at}
        if len(sent) < len(change.after) or not client.flows.shows(
            wanted.resource, current, sent, before, announced.at
        ):
            return None
        return record.outcome("updated", replace(change, updated_at=current.get("updatedAt")))

    def _cut_short(self, record: _Record) -> Outcome:
        if record.written:
            return record.failed(OnliveUnknownFateError("the task was stopped while this record was being written"))
        return self._worklist.not_attempted(record.row)

    def sending(self, index: int, change: Change) -> None:
        """Remember that a write is about to be sent."""
        assert self._clock is not None
        self._memory.announce(index, Announcement(change, self._clock.time()))


class _Record:
    """One record at work. Called with each step of its update, it counts the calls and announces the write."""

    __slots__ = ("_run", "calls", "row", "wanted", "written")

    def __init__(self, run: BulkRun, row: Row, wanted: Update) -> None:
        self.row = row
        self.wanted = wanted
        self.calls = 0
        self.written = False
        self._run = run

    def __call__(self, step: Step) -> None:
        if isinstance(step, Send):
            self.calls += 1
            if step.request.method == "GET":
                self._run.reads += 1
            else:
                self._run.writes += 1
                self.written = True
        elif isinstance(step, Writing):
            self._run.sending(self.row.index, step.change)

    def outcome(self, name: OutcomeName, change: Change) -> Outcome:
        """Return the outcome of an update that went well."""
        return Outcome(
            self.row.index,
            self.row.line,
            self.wanted.id,
            name,
            resource=self.wanted.resource.name,
            before=change.before,
            after=change.after,
            updated_at=change.updated_at,
            attempts=self.calls,
        )

    def failed(self, error: OnliveError) -> Outcome:
        """Return the outcome of an update that failed."""
        return failed(self.row, self.wanted.resource, self.wanted.id, error, self.calls)
