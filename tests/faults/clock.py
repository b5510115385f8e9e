"""The clock of a fault's run: it stands still until somebody waits, and the server reads the same one."""

from __future__ import annotations

from collections.abc import Callable

from onlive_provider.client.aio import WaitingClock
from onlive_provider.client.sync import SleepingClock
from tests.loopback import NOON, FakeClock


class FaultClock(SleepingClock, WaitingClock):
    """Moves by every wait at once, so one flow at a time may run by it.

    ``jump`` is a person, or NTP, setting the machine's clock; ``true_time`` does not jump. ``on_wait`` is called after
    each wait.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.on_wait: Callable[[], None] = lambda: None
        self._elapsed = 0.0
        self._jumped = 0.0

    def true_time(self) -> float:
        return NOON + self._elapsed

    def time(self) -> float:
        return self.true_time() + self._jumped

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._elapsed += seconds
        self.on_wait()

    async def wait(self, seconds: float) -> None:
        self.sleep(seconds)

    def jump(self, seconds: float) -> None:
        self._jumped += seconds


class CrowdClock(FakeClock):
    """The same for many flows at once: it moves when all of them wait."""

    on_wait: Callable[[], None] = staticmethod(lambda: None)

    def true_time(self) -> float:
        return self.time()
