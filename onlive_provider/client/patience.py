"""Where the time comes from, and how long a call has been tried."""

from __future__ import annotations

import time

from onlive_provider.client.budget.budget import Grant


class Clock:
    """The machine's clock. Each driver adds its own way to wait; tests put another clock in its place."""

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()


class Patience:
    """How long a call has been tried, without waits for the budget, and what its last attempt left behind.

    ``first_sent`` is when its first attempt left, by this machine's clock, and ``signed_at`` the time that the last one
    was signed with, both in seconds since the epoch. ``grant`` is its last turn. ``correction`` is how many seconds are
    added to this machine's time for its signature, if not as many as for the key's other calls. ``is_broken`` says that
    the last attempt got no answer that could be relied on, so that the next one needs a fresh connection.
    """

    def __init__(self, clock: Clock) -> None:
        self.first_sent = 0.0
        self.signed_at = 0.0
        self.grant: Grant | None = None
        self.correction: float | None = None
        self.is_broken = False
        self._clock = clock
        self._started = clock.monotonic()

    def pause(self, seconds: float) -> None:
        """Leave a wait for the budget out of account."""
        self._started += seconds

    def elapsed(self) -> float:
        """Return the seconds since the first attempt."""
        return self._clock.monotonic() - self._started
