"""A budget that the threads of one process share, in its memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from math import inf
from typing import TypeVar

from onlive_provider.client.budget.budget import Clock, Grant, Usage
from onlive_provider.client.budget.notices import warn_of_smaller_limit
from onlive_provider.client.budget.window import WINDOW, State, Window

T = TypeVar("T")


class ProcessWindow:
    """One window of this process, whoever draws on it.

    :param seconds: how long the window is.
    """

    def __init__(self, seconds: float = WINDOW) -> None:
        self.lock = threading.Lock()
        state = State(new_era())
        self._turns = _Turns(state)
        self._window = Window(state, self._turns, seconds)

    def do(self, act: Callable[[Window], T]) -> T:
        """Do something with the window while nobody else does."""
        with self.lock:
            done = act(self._window)
            self._turns.forget()
            return done


class ProcessBudget:
    """A caller's limit on a window of the process.

    :param per_minute: calls a minute that the caller allows.
    :param window: shared by all callers with the same access key.
    """

    def __init__(self, per_minute: int, window: ProcessWindow | None = None) -> None:
        self.per_minute = per_minute
        self._window = window or ProcessWindow()

    def take(self, clock: Clock) -> Grant:
        """Take the next turn that is free."""
        grant = self._window.do(lambda window: window.take(self.per_minute, clock()))
        warn_of_smaller_limit(grant.allowed, self.per_minute)
        return grant

    def confirm(self, grant: Grant, clock: Clock) -> Grant:
        """Return what became of a turn that was waited for."""
        return self._window.do(lambda window: window.confirm(grant, self.per_minute, clock()))

    def answered(self, grant: Grant, clock: Clock) -> None:
        """Count a call that was slow to be answered by the time of its answer."""
        self._window.do(lambda window: window.answered(grant, clock()))

    def refused(self, grant: Grant, clock: Clock, wait: float, *, lower: bool) -> None:
        """Let everybody wait, because the server refused a call."""
        self._window.do(lambda window: window.refused(grant, clock(), wait, lower=lower))

    def usage(self, clock: Clock) -> Usage:
        """Return how much of the budget is used."""
        return self._window.do(lambda window: window.usage(self.per_minute, clock()))

    def place(self, clock: Clock) -> str:
        """Return where the budget is kept, for a person."""
        return "the memory of each process"


def new_era() -> int:
    """Return a number that no other order of tickets has."""
    return int.from_bytes(os.urandom(7), "big")


class _Turns:
    """Turns in memory, the latest of them only; none of an earlier era of the state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._era = state.era
        self._first = 0
        self._turns: list[float] = []

    def get(self, ticket: int) -> float:
        return self._turns[ticket - self._first] if ticket >= self._first else -inf

    def put(self, ticket: int, at: float) -> None:
        if self._era != self._state.era:
            self._era, self._first, self._turns = self._state.era, 0, []
        place = ticket - self._first
        if place >= 0:
            self._turns[place : place + 1] = [at]

    def forget(self) -> None:
        """Drop the turns that no later one depends on."""
        kept = 2 * max(64, self._state.least)
        if len(self._turns) > 2 * kept:
            self._turns = self._turns[-kept:]
            self._first = self._state.count - len(self._turns)
