"""What only many flows in one event loop can show: bounded connections, one shared budget, cancelling, closing."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import formatdate
from typing import Any, TypeVar

import aiohttp
import pytest

from onlive_provider import errors
from onlive_provider.client.aio import AsyncOnliveClient, WaitingClock
from onlive_provider.client.steps import Note, Send, Writing
from onlive_provider.client.updates import Update
from onlive_provider.models.fields import APPOINTMENT
from tests.loopback import ID, SILENCE, FakeClock, LoopbackServer, Recorded, reply, settings_for

T = TypeVar("T")
OLD = {"id": ID, "title": "First", "updatedAt": "2025-03-09T11:00:00.000Z"}
NEW = {**OLD, "title": "Second", "updatedAt": "2025-03-09T12:00:00.000Z"}
OK = reply(200, OLD)


def with_client(
    server: LoopbackServer,
    use: Callable[[AsyncOnliveClient], Awaitable[T]],
    *,
    connections: int = 4,
    clock: FakeClock | None = None,
    **changes: Any,
) -> T:
    """Open a client in an event loop of its own, use it, and close both."""

    async def main() -> T:
        settings = settings_for(server, **changes)
        async with AsyncOnliveClient(
            settings, connections=connections, clock=clock or FakeClock(), random=lambda: 0.5
        ) as client:
            return await use(client)

    return asyncio.run(main())


def wanted(**payload: Any) -> Update:
    return Update(resource=APPOINTMENT, id=ID, payload=payload)


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """Fail when anything is dropped that should have been closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        yield
        gc.collect()


class TestHearing:
    def test_each_step_is_heard_before_it_is_done(self) -> None:
        heard: list[Any] = []
        with LoopbackServer(OK, reply(200, NEW)) as server:

            def hear(step: Any) -> None:
                heard.append((type(step), len(server.requests)))

            done = with_client(server, lambda client: client.update(wanted(title="Second"), hear))
        assert done.outcome == "updated"
        assert [step for step in heard if step[0] is not Note] == [(Send, 0), (Writing, 1), (Send, 1)]

    def test_a_listener_that_refuses_a_write_keeps_it_from_being_sent(self) -> None:
        def refuse(step: Any) -> None:
            if isinstance(step, Writing):
                raise errors.OnliveError("not announced")

        with LoopbackServer(OK, OK) as server:

            async def use(client: AsyncOnliveClient) -> None:
                with pytest.raises(errors.OnliveError, match="not announced"):
                    await client.update(wanted(title="Second"), refuse)
                assert (await client.update(wanted(title="First"))).outcome == "unchanged"

            with_client(server, use, connections=1)
        assert server.methods == ["GET", "GET"]


class TestConnections:
    @pytest.mark.parametrize("connections", [1, 3])
    def test_many_updates_at_once_share_so_many_connections(self, connections: int) -> None:
        at_once, most = 0, 0
        full = threading.Barrier(connections)

        def answer(request: Recorded) -> bytes:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            full.wait(5)  # Passes only when so many calls are under way at once.
            at_once -= 1
            return OK

        with LoopbackServer() as server:
            server.otherwise = answer

            async def use(client: AsyncOnliveClient) -> list[Any]:
                return await asyncio.gather(*(client.update(wanted(title="First")) for _ in range(12)))

            done = with_client(server, use, connections=connections)
        assert [each.outcome for each in done] == ["unchanged"] * 12
        assert server.connections == connections
        assert most == connections

    def test_a_call_is_signed_and_counted_when_its_turn_comes(self) -> None:
        clock = FakeClock()

        def slow(request: Recorded) -> bytes:
            clock.move(10.0)
            return OK

        with LoopbackServer() as server:
            server.otherwise = slow

            async def use(client: AsyncOnliveClient) -> None:
                await asyncio.gather(*(client.run(client.flows.read(APPOINTMENT, ID)) for _ in range(3)))

            with_client(server, use, connections=1, clock=clock)
        dates = [request.header("x-onlive-site-date") for request in server.requests]
        assert dates == ["20250309T120000Z", "20250309T120010Z", "20250309T120020Z"]


class TestOneSharedBudget:
    def test_reads_and_writes_of_all_workers_keep_to_it_in_any_minute(self) -> None:
        clock = FakeClock()
        sent: dict[str, list[float]] = {"GET": [], "PUT": []}

        def hear(step: Any) -> None:
            if isinstance(step, Send):
                sent[step.request.method].append(clock.monotonic())

        with LoopbackServer() as server:
            server.otherwise = lambda request: reply(200, NEW if request.method == "PUT" else OLD)

            async def use(client: AsyncOnliveClient) -> None:
                await asyncio.gather(*(client.update(wanted(title="Second"), hear) for _ in range(12)))

            with_client(server, use, clock=clock, reads_per_minute=5, writes_per_minute=3)
        for method, budget in (("GET", 5), ("PUT", 3)):
            moments = sent[method]
            assert len(moments) == 12
            assert all(later - earlier > 60 for earlier, later in zip(moments, moments[budget:], strict=False))
        assert len(server.writes) == 12

    def test_a_429_makes_every_worker_wait_and_not_one(self) -> None:
        clock = FakeClock()
        sent: list[float] = []

        def answer(request: Recorded) -> bytes:
            sent.append(clock.monotonic())
            return reply(429, headers={"Retry-After": "40"}) if len(sent) == 3 else OK

        with LoopbackServer() as server:
            server.otherwise = answer

            async def use(client: AsyncOnliveClient) -> None:
                reads = (client.run(client.flows.read(APPOINTMENT, ID)) for _ in range(20))
                await asyncio.gather(*reads)

            with_client(server, use, connections=2, clock=clock)
        assert len(sent) == 21
        assert sum(moment < 40.0 for moment in sent) <= 4, "the three before the answer, and one under way"
        assert min(moment for moment in sent[4:]) >= 40.0


class TestCancelling:
    def test_a_cancelled_update_ends_its_exchange_and_gives_its_turn_to_another(self) -> None:
        with LoopbackServer(SILENCE, OK) as server, nothing_left_open():

            async def use(client: AsyncOnliveClient) -> None:
                sent = asyncio.Event()
                task = asyncio.create_task(client.update(wanted(title="Second"), lambda step: sent.set()))
                await sent.wait()
                async with asyncio.timeout(5):
                    while not server.requests:
                        await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await client.update(wanted(title="First"))).outcome == "unchanged"
                assert asyncio.all_tasks() == {asyncio.current_task()}

            with_client(server, use, connections=1)
        assert server.methods == ["GET", "GET"]
        assert server.connections == 2

    def test_the_client_can_be_left_while_calls_are_under_way(self) -> None:
        with LoopbackServer(SILENCE, SILENCE) as server, nothing_left_open():

            async def use(client: AsyncOnliveClient) -> list[asyncio.Task[Any]]:
                tasks = [asyncio.create_task(client.update(wanted(title="Second"))) for _ in range(2)]
                async with asyncio.timeout(5):
                    while len(server.requests) < 2:
                        await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                return tasks

            tasks = with_client(server, use)
        assert all(task.cancelled() for task in tasks)


def test_an_aiohttp_that_cannot_be_kept_from_sending_a_write_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class LaterSession:
        def __init__(self, **_: Any) -> None:
            self._sends_again = True

    monkeypatch.setattr(aiohttp, "ClientSession", LaterSession)
    with LoopbackServer() as server, pytest.raises(AttributeError, match="_retry_connection"):
        with_client(server, lambda client: client.update(wanted(title="Second")))
    assert server.connections == 0


def test_leaving_the_client_closes_its_connections() -> None:
    with LoopbackServer(OK) as server, nothing_left_open():
        with_client(server, lambda client: client.run(client.flows.read(APPOINTMENT, ID)))
        assert server.all_closed(within=5.0)
    assert server.connections == 1


def test_the_real_clock_is_the_machines_and_lets_other_tasks_run() -> None:
    clock = WaitingClock()
    order: list[str] = []

    async def wait(name: str, seconds: float) -> None:
        await clock.wait(seconds)
        order.append(name)

    async def main() -> None:
        await asyncio.gather(wait("second", 0.001), wait("first", 0.0))

    before = clock.monotonic()
    asyncio.run(main())
    assert order == ["first", "second"]
    assert clock.monotonic() >= before + 0.001
    assert clock.time() > 1_700_000_000


class StrictServer(LoopbackServer):
    """Refuses what was not signed within 15 minutes of its own time, as the API does, and says its time.

    :param ahead: seconds by which its clock is ahead of the client's.
    """

    def __init__(self, clock: FakeClock, ahead: float) -> None:
        super().__init__()
        self.clock, self.ahead = clock, ahead
        self.refused = 0
        self.wrong_dates: list[float] = []
        self.otherwise = self.judge

    def judge(self, request: Recorded) -> bytes:
        now = self.clock.time() + self.ahead
        signed = datetime.strptime(request.header("x-onlive-site-date") or "", "%Y%m%dT%H%M%S%z").timestamp()
        said = now + (self.wrong_dates.pop() if self.wrong_dates else 0.0)
        headers = {"Date": formatdate(said, usegmt=True)}
        if abs(signed - now) > 900:
            self.refused += 1
            return reply(401, {"message": "Request expired"}, headers=headers)
        return reply(200, {**OLD, "id": request.path.rpartition("/")[2]}, headers=headers)


class TestClocks:
    """Of 100 rows, each gets its right outcome, and few calls are refused, wherever the server's clock stands."""

    def read_100(self, server: StrictServer, in_the_middle: Callable[[], None] = lambda: None) -> None:
        ids = [f"1610c525-f19a-40d0-8cd1-{number:012}" for number in range(100)]

        async def use(client: AsyncOnliveClient) -> list[Any]:
            taken = iter(ids)
            found: list[Any] = []

            async def work() -> None:
                for each in taken:
                    if each == ids[50]:
                        in_the_middle()
                    found.append(await client.run(client.flows.read(APPOINTMENT, each)))

            await asyncio.gather(*(work() for _ in range(16)))
            return found

        found = with_client(server, use, connections=16, clock=server.clock)
        assert sorted(record["id"] for record in found) == ids

    @pytest.mark.parametrize("ahead", [1200, -1200, 3 * 3600, -3 * 3600, 3 * 86_400, -3 * 86_400])
    def test_the_servers_clock_is_learnt_once(self, ahead: float) -> None:
        with StrictServer(FakeClock(), ahead) as server:
            self.read_100(server)
        assert 1 <= server.refused <= 20

    @pytest.mark.parametrize("jump", [3 * 3600, -3 * 3600])
    def test_a_jump_of_this_machines_clock_is_learnt_too(self, jump: float) -> None:
        clock = FakeClock()
        with StrictServer(clock, 0.0) as server:

            def set_the_clock() -> None:
                clock.jump(jump)
                server.ahead = -jump

            self.read_100(server, set_the_clock)
        assert 1 <= server.refused <= 20

    def test_a_wrong_date_on_an_answer_changes_nothing_for_the_others(self) -> None:
        with StrictServer(FakeClock(), 0.0) as server:
            server.wrong_dates = [86_400.0, -86_400.0]
            self.read_100(server)
            assert server.refused == 0
        with StrictServer(FakeClock(), 3600.0) as server:
            server.wrong_dates = [86_400.0]
            self.read_100(server)
            assert server.refused <= 20
