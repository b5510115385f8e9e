"""A sliding window with reserved turns: exact, first come first served, slower for a while after a refusal.

Pure: the clock is passed in; state and turns are kept by somebody else. ``window.lua`` is the same for Redis.

A caller takes a ticket; its turn is the first moment at which the window has room, never before the turn of an earlier
ticket. A turn that was waited for is confirmed before the call leaves, because the server may have asked everybody to
wait meanwhile. A caller that dies leaves a turn unused, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Protocol

from onlive_provider.client.budget.budget import Grant, Reason, Usage

MINUTE = 60.0
WINDOW = 61.0
"""Seconds: the server's minute and one more, because calls need not take equally long to reach it."""
DUE = 0.001
"""Seconds: a turn that is nearer than this has come; less than a clock, a sleep and a rounding may be off."""
LOWERING = 0.5
"""What is left of the pace after a refusal."""
RECOVERY = 0.1
"""The share of the limit by which the pace grows in each window without a refusal."""
LEAST_SHARE = 0.05
"""The share of the limit below which the pace never falls; it is one call in a window at least."""


@dataclass(slots=True)
class State:
    """What a window remembers beside its turns.

    :param era: tells one order of tickets from the next.
    :param count: tickets given out.
    :param closed_until: no call leaves before.
    :param least: the smallest limit that was in use up to ``least_until``.
    :param share: of the limit, the pace since ``lowered``; it grows from then on.
    """

    era: int
    count: int = 0
    closed_until: float = -inf
    least: int = 0
    least_until: float = -inf
    share: float = 1.0
    lowered: float = -inf


def minute_of(seconds: float) -> float:
    """Return the part of a window that the server counts."""
    return seconds * MINUTE / WINDOW


class Turns(Protocol):
    """The moments of the tickets' turns, in seconds."""

    def get(self, ticket: int) -> float:
        """Return a turn, or minus infinity where the ticket is out of memory."""

    def put(self, ticket: int, at: float) -> None:
        """Keep a turn."""


@dataclass(slots=True)
class Window:
    """The window over a state and its turns; every method may change both.

    :param seconds: how long the window is.
    """

    state: State
    turns: Turns
    seconds: float = WINDOW

    @property
    def minute(self) -> float:
        """The server's minute, in seconds; shorter where the window is."""
        return minute_of(self.seconds)

    @property
    def slack(self) -> float:
        """Seconds: a call that is later than this after its turn does not count by its turn."""
        return self.seconds - self.minute

    def take(self, limit: int, now: float) -> Grant:
        """Give out the next ticket.

        :param limit: calls that the caller allows in a window; the smallest one that is in use counts.
        """
        state, last = self.state, self.turns.get(self.state.count - 1)
        if last + self.seconds <= now:
            # Nothing is left in the window: the tickets begin again, so that their memory stays small.
            state.era, state.count = state.era + 1, 0
        if limit <= state.least or state.least_until <= now:
            state.least = limit
        ticket = state.count
        at, reason = self._earliest(ticket, now, last)
        self.turns.put(ticket, at)
        state.count += 1
        self._remember(limit, at)
        return self._grant(ticket, at, now, reason)

    def confirm(self, grant: Grant, limit: int, now: float) -> Grant:
        """Say whether a ticket's turn has come; one that is out of memory is given another."""
        state = self.state
        if grant.era != state.era or grant.ticket >= state.count:
            return self.take(limit, now)
        if limit < state.least:
            state.least = limit
        turn = self.turns.get(grant.ticket)
        at, reason = self._earliest(grant.ticket, turn, self.turns.get(grant.ticket - 1))
        if at <= now + DUE and now - at > self.slack:
            at = now  # It overslept: the call leaves now, and counts by that.
        if at > turn:
            self._lift(grant.ticket, at)
        self._remember(limit, at)
        return self._grant(grant.ticket, at, now, reason)

    def answered(self, grant: Grant, now: float) -> None:
        """Count a call that was slow to be answered as late as it may have reached the server."""
        if now - grant.at > self.slack and grant.era == self.state.era and grant.ticket < self.state.count:
            self._lift(grant.ticket, now - self.slack)

    def refused(self, grant: Grant, now: float, wait: float, *, lower: bool) -> None:
        """Close the window for a while; lower the pace, once for all calls that left before the last lowering."""
        state = self.state
        state.closed_until = max(state.closed_until, now + wait)
        if lower and grant.at >= state.lowered:
            state.share = max(LEAST_SHARE, 1.0 / max(1, state.least), self._share(now) * LOWERING)
            state.lowered = state.closed_until

    def usage(self, limit: int, now: float) -> Usage:
        """Return how much of the last minute is used; nothing is changed."""
        used = waiting = 0
        for ticket in range(self.state.count - 1, -1, -1):
            at = self.turns.get(ticket)
            if at <= now - self.minute:
                break
            waiting += at > now
            used += at <= now
        allowed = limit if self.state.least_until <= now else min(limit, self.state.least)
        closed_for = max(0.0, self.state.closed_until - now)
        return Usage(used, waiting, allowed, allowed * self._share(now), closed_for)

    def _earliest(self, ticket: int, at: float, last: float) -> tuple[float, Reason]:
        """Return the first moment from ``at`` on at which a ticket may have its turn, and what it waits for.

        :param last: the turn of the ticket before.
        """
        state = self.state
        reason: Reason = "used_up"
        at = max(at, last, self.turns.get(ticket - state.least) + self.seconds)
        share = self._share(max(last, at))
        if share < 1.0 and at < last + self.seconds / (state.least * share):
            at, reason = last + self.seconds / (state.least * share), "slowed"
        if at <= state.closed_until:
            at, reason = state.closed_until, "closed"
        return at, reason

    def _lift(self, ticket: int, at: float) -> None:
        """Move a turn, and those of later tickets that would come before it, to a later moment."""
        while ticket < self.state.count and self.turns.get(ticket) < at:
            self.turns.put(ticket, at)
            ticket += 1

    def _share(self, at: float) -> float:
        """Return the share of the limit that the pace is at a moment."""
        state = self.state
        if state.share >= 1.0:
            return 1.0
        return min(1.0, state.share + RECOVERY * max(0.0, at - state.lowered) / self.seconds)

    def _remember(self, limit: int, at: float) -> None:
        """Let the smallest limit count until the calls under it have left the window."""
        if limit == self.state.least:
            self.state.least_until = max(self.state.least_until, at + self.seconds)

    def _grant(self, ticket: int, at: float, now: float, reason: Reason) -> Grant:
        wait = at - now if at > now + DUE else 0.0
        least = self.state.least
        return Grant(wait, reason, ticket, self.state.era, at, least, least * self._share(at))
