"""Many appointments behind a Connection, and ways to run triggers as a triggerer does: side by side in one loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.loopback import FakeClock, LoopbackServer, Recorded, reply
from tests.operators.conftest import appointment_server, clock, connection_to

__all__ = ["appointment_server", "clock"]

UPDATED_AT = "2025-03-09T19:32:06.669Z"


class Appointments(LoopbackServer):
    """Answers for every id with a pending appointment, or with what ``states`` or ``answers`` hold for the id.

    :ivar reads: when each read came, by the clock of the test, and of which id.
    :ivar on_read: called before each answer.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.states: dict[str, str] = {}
        self.answers: dict[str, list[bytes]] = {}
        self.reads: list[tuple[float, str]] = []
        self.on_read: Callable[[], None] = lambda: None
        self.otherwise = self._appointment
        self._clock = clock

    def _answer(self, record_id: str) -> bytes:
        if self.answers.get(record_id):
            return self.answers[record_id].pop(0)
        state = self.states.get(record_id, "pending")
        guests = [{"email": "ana.lopez@example.com", "extraFields": {"phone": "+34600000001"}}]
        return reply(200, {"id": record_id, "state": state, "updatedAt": UPDATED_AT, "guests": guests})

    def _appointment(self, request: Recorded) -> bytes:
        assert request.method == "GET"
        record_id = request.path.rpartition("/")[2]
        self.reads.append((self._clock.time(), record_id))
        self.on_read()
        return self._answer(record_id)

    def reads_of(self, record_id: str) -> list[float]:
        return [at for at, each in self.reads if each == record_id]


@pytest.fixture
def appointments(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Appointments]:
    with Appointments(clock) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        yield server


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


ONE = uuid(1)


def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the log: Airflow 3 writes it, and 2.11 logs it."""
    return caplog.text + capsys.readouterr().out


async def fired(events: AsyncIterator[Any], times: int) -> list[Any]:
    """Return the payloads of a trigger's first events."""
    payloads: list[Any] = []
    try:
        async for event in events:
            payloads.append(event.payload)
            if len(payloads) == times:
                break
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    return payloads


def fire(*triggers: Any, times: int = 1) -> list[list[Any]]:
    """Run triggers side by side, each until it has fired so often."""

    async def run() -> list[list[Any]]:
        return await asyncio.gather(*(fired(trigger.run(), times) for trigger in triggers))

    return asyncio.run(run())
