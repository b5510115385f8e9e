"""The client for many records at once: the same flows in one event loop, with bounded concurrency."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeVar

from onlive_provider.client.budget.scope import open_budgets
from onlive_provider.client.flows import Flows
from onlive_provider.client.patience import Clock
from onlive_provider.client.protocol import Answer, Failure
from onlive_provider.client.settings import Settings
from onlive_provider.client.steps import Flow, Send, Step, Wait
from onlive_provider.client.transport import Transport
from onlive_provider.client.updates import Update, Updated, update

T = TypeVar("T")
OnStep = Callable[[Step], Awaitable[None] | None]
"""Called with each step of a flow before it is done. What it returns is awaited; what it raises ends the flow."""


class WaitingClock(Clock):
    """The machine's clock, and a task's wait."""

    async def wait(self, seconds: float) -> None:
        """Let other tasks run."""
        await asyncio.sleep(seconds)


class AsyncOnliveClient:
    """The Onlive API for one Connection, for one event loop. Use it in an ``async with`` block.

    :param settings: how to reach the API.
    :param connections: how many flows may run at once, each with at most one connection. Others wait before their first
        call is signed and counted, so that neither is out of date when the call leaves.
    :param clock: where the time comes from and how a task waits.
    :param random: evenly distributed in [0, 1), for the jitter of a back-off.
    :raises OnliveConfigError: the environment's proxy or CA bundle cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        connections: int,
        clock: WaitingClock | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock or WaitingClock()
        self.flows = Flows(settings, open_budgets(settings), self._clock, random)
        self._transport = Transport(settings)
        self._turns = asyncio.Semaphore(connections)

    def __repr__(self) -> str:
        return f"AsyncOnliveClient({self._settings.base_url})"

    async def __aenter__(self) -> AsyncOnliveClient:
        """Get ready; nothing is sent.

        :raises OnliveTlsError: the CA bundle cannot be read.
        """
        self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def update(self, wanted: Update, on_step: OnStep = lambda _: None) -> Updated:
        """Read, compare, and send only what changes. One read, and one write if anything differs."""
        return await self.run(update(self.flows, wanted), on_step)

    async def run(self, flow: Flow[T], on_step: OnStep = lambda _: None) -> T:
        """Carry out a flow."""
        outcome: Answer | Failure | None = None
        async with self._turns:
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                outcome = None
                pending = on_step(step)
                if pending is not None:
                    await pending
                if isinstance(step, Send):
                    outcome = await self._transport.exchange(step)
                elif isinstance(step, Wait):
                    await self._clock.wait(step.seconds)
