"""What a task remembers of itself, so that a retry goes on instead of beginning anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from onlive_provider.bulk.plan_file import PlanHead
from onlive_provider.errors import OnliveUnknownFateError, OnliveUnsettledWriteError
from onlive_provider.models.changes import Change
from onlive_provider.report.origin import Origin
from onlive_provider.report.outcomes import Outcome

BEGINS_ANEW = "The input or a parameter has changed since the last try: the task begins anew"
"""For the log of a task whose retry has another input."""
UNKNOWN_FATES = (OnliveUnknownFateError.__name__, OnliveUnsettledWriteError.__name__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A write that was about to be sent.

    :param change: its values may be hidden; its fields and its ``updated_at`` never are.
    :param at: when, in seconds since the epoch.
    """

    change: Change
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd:
    """What a memory has to know of the task's end.

    :param title: for the report's page.
    :param details: for the report's page, name to text.
    :param again: whether a retry of this task may go on from here.
    :param origin: of the report, for its page; ``None`` outside of a task.
    :param error: why the task failed, for the page; ``None`` if it did not.
    :param seasons: for the page's time line; see :func:`~onlive_provider.report.page.write_page`.
    :param plan: of a task that only planned: what its report says of itself.
    """

    title: str
    details: Mapping[str, str]
    again: bool
    origin: Origin | None = None
    error: str | None = None
    seasons: Sequence[Mapping[str, str]] = ()
    plan: PlanHead | None = None


def settles(outcome: Outcome) -> bool:
    """Whether an outcome says what became of a write that was announced before it."""
    return outcome.outcome != "not_attempted" and not is_of_unknown_fate(outcome)


def is_of_unknown_fate(outcome: Outcome) -> bool:
    """Whether a row failed with a write that may have been made."""
    return outcome.error in UNKNOWN_FATES


def is_shown_by_reading(change: Change) -> bool:
    """Whether reading the record shows if a change was made: everything in it could be read before it was sent."""
    return change.before.keys() >= change.after.keys()


class Memory(Protocol):
    """Where a task keeps its outcomes, so that a retry finds them however the task ended."""

    @property
    def remembers(self) -> bool:
        """Whether a retry finds anything here."""

    @property
    def is_flushed(self) -> bool:
        """Whether an announced write has to wait for a :meth:`flush`."""

    @property
    def pause(self) -> float:
        """Seconds between two flushes: announced writes may wait for others, where a flush is dear."""

    @property
    def saving_pause(self) -> float:
        """Seconds between two savings at least."""

    def recall(self, index: int) -> Outcome | Announcement | None:
        """Return what earlier tries left of a row: its outcome, if that stands, or a write of unknown fate.

        The outcome of a row that was not attempted, or that may go well this time, does not stand.
        """

    def announce(self, index: int, announcement: Announcement) -> None:
        """Remember that a write is about to be sent. It must not leave before the next :meth:`flush` has returned."""

    def flush(self) -> None:
        """Put what was announced where a retry on another machine finds it. Any thread may call it.

        :raises OnliveReportPlaceError: it cannot be put there.
        :raises OnliveReportTakenError: a later try of this task has taken over, and no write may leave any more.
        """

    def may_write(self) -> bool:
        """Whether an announced write may leave now; otherwise :meth:`flush` must be called once more before it does.

        :raises OnliveReportTakenError: see :meth:`flush`.
        """

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome, in no particular order; a later one of the same row takes its place."""

    def save(self) -> None:
        """Put what is remembered where a retry on another machine finds it. Called every few seconds."""

    def finish(self, end: TaskEnd) -> None:
        """Store what the task leaves behind."""
