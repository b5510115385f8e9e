"""A sliding window: at most so many calls in any minute."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

WINDOW = 61.0
"""Seconds: the server's minute and one more, because calls need not take equally long to reach it."""


class Budget:
    """At most ``per_minute`` calls in any window; the clock is passed in, in seconds of a monotonic clock.

    :param per_minute: calls allowed a minute, at least 1.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._taken: deque[float] = deque()
        self._closed_until = float("-inf")
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take one call from the budget, or say how long to wait before asking again.

        :param now: the monotonic clock, seconds.
        :return: ``0.0`` when the call may be made at once, else the seconds to wait; nothing was taken then.
        """
        with self._lock:
            while self._taken and self._taken[0] + WINDOW <= now:
                self._taken.popleft()
            free_at = self._closed_until
            if len(self._taken) == self.per_minute:
                free_at = max(free_at, self._taken[0] + WINDOW)
            if now < free_at:
                return free_at - now
            self._taken.append(now)
            return 0.0

    def close_until(self, when: float) -> None:
        """Grant nothing before ``when``: the server asked one caller to wait, so all callers of the key wait.

        :param when: the monotonic clock, seconds.
        """
        with self._lock:
            self._closed_until = max(self._closed_until, when)


@dataclass(frozen=True, slots=True)
class Budgets:
    """The two budgets of an access key, as the API reference's limits page has them."""

    reads: Budget
    writes: Budget
