"""What a key's calls learn about the clock of its server, and by whose time they are signed."""

from __future__ import annotations

from collections import deque
from statistics import median_low

MEMORY = 5
"""Answers whose ``Date`` is remembered: one that is wrong among them changes nothing."""


class ServerClock:
    """The difference between the server's clock and this machine's.

    ``correction`` is how many seconds are added to this machine's time for a signature. It is learnt once for all calls
    of the key, and only from a call that the server accepted with it.
    """

    def __init__(self) -> None:
        self.correction = 0.0
        self._seen: deque[float] = deque(maxlen=MEMORY)

    def see(self, ahead: float) -> None:
        """Take note of an answer's ``Date``.

        :param ahead: seconds by which it is ahead of this machine's clock.
        """
        self._seen.append(ahead)

    @property
    def ahead(self) -> float:
        """Seconds by which the server's clock is ahead, as most of the last answers say."""
        return median_low(self._seen) if self._seen else 0.0
