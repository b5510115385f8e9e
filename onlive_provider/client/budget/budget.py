"""What a flow sees of a budget, wherever it is kept: it takes a turn, waits for it, and says what came of the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["reads", "writes"]
Reason = Literal["used_up", "closed", "slowed"]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Grant:
    """A turn: the call may leave after ``wait`` seconds, once the budget has confirmed it.

    :param wait: seconds; ``0.0`` when the call may leave at once.
    :param reason: why it has to wait, if it has to.
    :param ticket: its number in the order of turns, and ``era`` which order that is.
    :param at: when its turn is, in seconds of the clock that the budget counts with.
    :param allowed: calls a minute that are in force: the smallest limit in use for the access key.
    :param pace: calls a minute that are made; fewer than allowed after the server has refused some of them.
    :param shared: the turn in the cluster's window, where there is one beside the machine's own.
    :param own: the turn in the machine's own window beside it, as soon as there is one.
    """

    wait: float
    reason: Reason
    ticket: int
    era: int
    at: float
    allowed: int
    pace: float
    shared: Grant | None = None
    own: Grant | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a budget is used.

    :param used: calls in the last 60 seconds.
    :param waiting: turns that are given out and still to come.
    :param allowed: calls a minute that are in force.
    :param pace: calls a minute that are made.
    :param closed_for: seconds for which the server asked everybody to wait.
    """

    used: int
    waiting: int
    allowed: int
    pace: float
    closed_for: float


class Budget(Protocol):
    """At most ``per_minute`` calls of a kind in any minute, by all who share it, each in the order of asking.

    ``clock`` is always the caller's monotonic clock, in seconds. It is read when the window is held and not before:
    whoever waited for that would be out of date, and would seem to come before another.
    """

    @property
    def per_minute(self) -> int:
        """Calls a minute that this caller allows."""

    def take(self, clock: Clock) -> Grant:
        """Take the next turn that is free."""

    def confirm(self, grant: Grant, clock: Clock) -> Grant:
        """Return what became of a turn that was waited for: it has come, or it was put off."""

    def answered(self, grant: Grant, clock: Clock) -> None:
        """Count a call that was slow to be answered by the time of its answer: it reached the server in between."""

    def refused(self, grant: Grant, clock: Clock, wait: float, *, lower: bool) -> None:
        """Let everybody wait, because the server refused a call.

        :param wait: seconds that nobody may call.
        :param lower: whether fewer calls a minute are made for a while.
        """

    def usage(self, clock: Clock) -> Usage:
        """Return how much of the budget is used."""

    def place(self, clock: Clock) -> str:
        """Return where the budget is kept, for a person."""


@dataclass(slots=True)
class Budgets:
    """The two budgets of an access key, as the API reference's limits page has them."""

    reads: Budget
    writes: Budget
