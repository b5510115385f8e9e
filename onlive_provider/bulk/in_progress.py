"""One row in progress: what was sent for it, and how it can end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from onlive_provider.bulk.memory import Announcement, is_shown_by_reading
from onlive_provider.bulk.rows import Row
from onlive_provider.bulk.worklist import Inspection, failed
from onlive_provider.client.steps import Send, Step, Wait, Writing
from onlive_provider.client.updates import Update
from onlive_provider.errors import (
    OnliveError,
    OnliveStaleRecordError,
    OnliveUnexpectedError,
    OnliveUnknownFateError,
    OnliveUnsettledWriteError,
)
from onlive_provider.models.changes import Change
from onlive_provider.report.outcomes import Outcome, OutcomeName

if TYPE_CHECKING:
    from onlive_provider.bulk.run import BulkRun


_MAY_BE_MADE = (OnliveUnknownFateError, OnliveStaleRecordError, OnliveUnexpectedError)
"""After a write was sent: no other error leaves open whether it was made."""


class CutShort(Exception):
    """The run was stopped, and this row makes no further call."""


@dataclass(eq=False, slots=True)
class RowInProgress:
    """Called with each step of its flow, it counts the calls, announces the write, and ends the flow of a stopped run.

    :param place: how many rows of the input were taken before this one.
    :param announced: the write of unknown fate that an earlier try left; ``None`` once its fate was found out.

    ``task`` is the one that works on it, ``written`` says whether a write was sent.
    """

    run: BulkRun
    place: int
    row: Row
    wanted: Update | Inspection
    announced: Announcement | None
    task: asyncio.Task[Any] | None = field(default=None, init=False)
    calls: int = field(default=0, init=False)
    written: bool = field(default=False, init=False)
    _writing: Announcement | None = field(default=None, init=False)
    _waits: bool = field(default=False, init=False)
    _last_wait: str = field(default="", init=False)
    _is_cut_short: bool = field(default=False, init=False)

    def __call__(self, step: Step) -> Awaitable[None] | None:
        if self.run.breaker.stop is not None and isinstance(step, Send | Wait):
            raise CutShort
        self._waits = isinstance(step, Wait)
        if isinstance(step, Send):
            self.calls += 1
            self.written = self.written or step.request.method != "GET"
            self.run.count(step.request.method)
            if step.request.method != "GET":
                return self.run.before_write()
        elif isinstance(step, Wait):
            self._last_wait = step.why
        elif isinstance(step, Writing):
            self._writing = self.run.announce(self.row.index, step.change)
            return self.run.announced()
        return None

    def cut_short(self) -> None:
        """End the flow, if it waits. One that has a call under way gets its answer, and ends before the next."""
        if self._waits and self.task is not None:
            self._is_cut_short = True
            self.task.cancel()

    def ends_here(self) -> bool:
        """Whether its task was cancelled by :meth:`cut_short`, and by nobody else."""
        assert self.task is not None
        return self._is_cut_short and self.task.uncancel() == 0

    def outcome(self, name: OutcomeName, change: Change) -> Outcome:
        """Return the outcome of a record that went well."""
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
        """Return the outcome of a record that failed, with its write where that may have been made."""
        outcome = failed(self.row, self.wanted.resource, self.wanted.id, error, self.calls)
        may_be_made = self.written and isinstance(error, _MAY_BE_MADE)
        return with_write(outcome, self._writing if may_be_made else self.announced)

    def as_remembered(self, error: OnliveError) -> OnliveError:
        """Return the error, which says whether a retry can settle what became of a write of unknown fate."""
        kind = self._unknown_fate()
        if not isinstance(error, OnliveUnknownFateError) or type(error) is kind:
            return error
        where: dict[str, Any] = {"attempts": error.attempts, "elapsed": error.elapsed, "retry_after": error.retry_after}
        return kind(error.message, call=error.call, **where)

    def unanswered(self) -> OnliveUnknownFateError:
        """Return the error of a write that was sent, and whose answer nobody waits for any more."""
        why = f" ({self._last_wait})" if self._last_wait else ""
        return self._unknown_fate()(
            f"the task was stopped while this record was being written{why}", attempts=self.calls
        )

    def _unknown_fate(self) -> type[OnliveUnknownFateError]:
        is_settled = self.run.remembers or self._writing is None or is_shown_by_reading(self._writing.change)
        return OnliveUnknownFateError if is_settled else OnliveUnsettledWriteError


def with_write(outcome: Outcome, announced: Announcement | None) -> Outcome:
    """Return an outcome with a write that may have been made, if there is one, so that a revert can look it up."""
    if announced is None:
        return outcome
    change = announced.change
    return replace(
        outcome,
        id=change.id,
        before=change.before,
        after=change.after,
        updated_at=change.updated_at,
        sent_at=announced.at,
    )
