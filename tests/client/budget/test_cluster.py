"""The cluster's window, against a real redis-server: the same as the pure one, and a run goes on while it is away."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlive_provider.client.budget import cluster, notices, scope
from onlive_provider.client.budget.budget import Grant
from onlive_provider.client.budget.cluster import ClusterBudget, Link, RedisWindow
from onlive_provider.client.budget.process import ProcessBudget
from onlive_provider.client.budget.scope import open_budgets
from onlive_provider.client.budget.server import RedisServer
from onlive_provider.client.budget.window import State, Window
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.errors import OnliveConfigError
from tests.client.budget.test_window import Turns
from tests.loopback import at
from tests.redis_server import PASSWORD, LocalRedis

pytestmark = pytest.mark.redis
_names = (f"window{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[LocalRedis]:
    with LocalRedis() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[LocalRedis]:
    with LocalRedis() as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_warned", set())


class Clock:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


def budget(server: LocalRedis, per_minute: int, name: str | None = None, **more: Any) -> ClusterBudget:
    window = RedisWindow(Link(server.server), name or next(_names), "writes", **more)
    return ClusterBudget(per_minute, window, ProcessBudget(per_minute))


DEEDS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 3.0, 20.0, 61.0, 200.0]),
        st.sampled_from(["take", "take", "confirm", "confirm", "answered", "close", "refuse", "usage"]),
        st.integers(0, 30),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([(1, 1), (2, 2), (3, 2), (5, 100)]), DEEDS)
def test_redis_and_the_pure_window_say_the_same(
    shared_redis: LocalRedis, limits: tuple[int, int], deeds: list[tuple[float, str, int]]
) -> None:
    clock = Clock()
    pure = Window(State(era=1), Turns())
    in_redis = RedisWindow(Link(shared_redis.server), next(_names), "writes", clock=clock)
    pairs: list[tuple[Grant, Grant]] = []

    def same(one: Grant, other: Grant) -> tuple[Grant, Grant]:
        assert (one.wait, one.at, one.allowed, one.pace) == pytest.approx(
            (other.wait, other.at, other.allowed, other.pace), abs=1e-4
        )
        assert one.ticket == other.ticket
        assert one.reason == other.reason or not one.wait
        return one, other

    for number, (gap, deed, which) in enumerate(deeds):
        clock.now += gap
        limit = limits[number % 2]
        if deed == "take" or not pairs:
            pairs.append(same(pure.take(limit, clock.now), in_redis.take(limit)))
            continue
        at = which % len(pairs)
        one, other = pairs[at]
        if deed == "confirm":
            pairs[at] = same(pure.confirm(one, limit, clock.now), in_redis.confirm(other, limit))
        elif deed == "answered":
            pure.answered(one, clock.now)
            in_redis.answered(other)
        elif deed == "usage":
            told_, shown = pure.usage(limit, clock.now), in_redis.usage(limit)
            assert (told_.used, told_.waiting, told_.allowed) == (shown.used, shown.waiting, shown.allowed)
            assert (told_.pace, told_.closed_for) == pytest.approx((shown.pace, shown.closed_for), abs=1e-4)
        else:
            pure.refused(one, clock.now, which, lower=deed == "refuse")
            in_redis.refused(other, which, lower=deed == "refuse")


def test_by_redis_own_clock_a_window_is_a_minute_and_one_second(shared_redis: LocalRedis) -> None:
    window = RedisWindow(Link(shared_redis.server), next(_names), "writes")
    assert window.take(1).wait == 0.0
    assert window.take(1).wait == pytest.approx(61.0, abs=5.0)
    assert window.usage(1).used == 1


def test_a_clock_of_redis_that_is_set_back_holds_nobody_up(shared_redis: LocalRedis) -> None:
    clock = Clock()
    window = RedisWindow(Link(shared_redis.server), next(_names), "writes", clock=clock)
    window.take(1)
    clock.now -= 3600.0
    assert window.take(1).wait == pytest.approx(61.0)
    clock.now += 61.0
    assert window.take(2).wait == pytest.approx(61.0), "one turn is taken already"


def test_what_is_kept_names_no_key_and_goes_by_itself(shared_redis: LocalRedis) -> None:
    settings_ = Settings(Credentials("AKCLUSTER", "s3cr3t"), budget_scope="cluster", budget_redis=shared_redis.server)
    open_budgets(settings_).writes.take(at(0.0))
    with shared_redis.client() as client:
        keys = [key for key in client.keys("onlive:budget:*") if scope.key_name(settings_) in key]
        assert len(keys) == 2
        assert all("AKCLUSTER" not in key and "openapi" not in key for key in keys)
        assert all(0 < client.ttl(key) <= 61 * 21 for key in keys)
    place = open_budgets(settings_).writes.place(at(0.0))
    assert place == f"Redis at 127.0.0.1:{shared_redis.port}, database 0"


def test_two_machines_share_the_window_and_a_closure(shared_redis: LocalRedis) -> None:
    name = next(_names)
    one, other = budget(shared_redis, 2, name), budget(shared_redis, 2, name)
    first = one.take(at(0.0))
    assert (first.wait, other.take(at(500.0)).wait) == (0.0, 0.0)
    waiting = one.take(at(0.0))
    assert waiting.wait == pytest.approx(61.0, abs=5.0)
    other.refused(first, at(500.0), 300.0, lower=False)
    put_off = one.confirm(waiting, at(61.0))
    assert put_off.wait == pytest.approx(300.0, abs=5.0)
    assert one.take(at(0.0)).reason == "closed"


def test_a_call_needs_its_turn_in_both_windows(shared_redis: LocalRedis) -> None:
    clock = Clock()
    own = ProcessBudget(1)
    window = RedisWindow(Link(shared_redis.server), next(_names), "writes", clock=clock)
    both = ClusterBudget(1, window, own)
    own.take(at(0.0))
    waiting = both.take(at(1.0))
    assert waiting.wait == 60.0, "this machine has made a call that Redis does not know of"
    assert both.confirm(waiting, at(61.0)).wait == 0.0
    shared = both.take(at(61.0))
    assert shared.wait == pytest.approx(61.0), "and Redis knows of the call that was made in the end"
    clock.now += 61.0
    assert both.confirm(shared, at(122.0)).wait == 0.0
    both.answered(both.take(at(300.0)), at(500.0))


def test_a_turn_in_the_cluster_is_waited_for_however_soon_it_comes(shared_redis: LocalRedis) -> None:
    clock = Clock()
    window = RedisWindow(Link(shared_redis.server), next(_names), "writes", clock=clock)
    window.take(1)
    clock.now += 60.5
    both = ClusterBudget(1, window, ProcessBudget(1))
    waiting = both.take(at(0.0))
    assert waiting.wait == pytest.approx(0.5)
    clock.now += 0.5
    assert both.confirm(waiting, at(0.5)).wait == 0.0


def test_reads_and_writes_have_a_window_each(shared_redis: LocalRedis) -> None:
    limits = {"reads_per_minute": 1, "writes_per_minute": 1}
    budgets = open_budgets(
        Settings(
            Credentials("AKTWOWINDOWS", "s3cr3t"), budget_scope="cluster", budget_redis=shared_redis.server, **limits
        )
    )
    assert budgets.writes.take(at(0.0)).wait == 0.0
    assert budgets.reads.take(at(0.0)).wait == 0.0
    assert budgets.reads.take(at(0.0)).wait > 0.0


def test_a_run_goes_on_while_redis_is_away_and_comes_back_by_itself(
    own_redis: LocalRedis, caplog: pytest.LogCaptureFixture
) -> None:
    away = budget(own_redis, 2)
    with caplog.at_level(logging.INFO):
        away.take(at(0.0))
        waiting = [away.take(at(0.0)), away.take(at(0.0))][1]
        own_redis.kill()
        alone = away.confirm(waiting, at(61.0))
        assert alone.wait == 0.0
        away.answered(alone, at(99.0))
        away.refused(alone, at(99.0), 1.0, lower=False)
        assert away.usage(at(99.0)).closed_for == 1.0
        assert "which does not answer: until it does, the memory of each process" in away.place(at(99.0))
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert f"Redis at 127.0.0.1:{own_redis.port}, database 0 does not answer (ConnectionError)" in caplog.text
        own_redis.start()
        away.take(at(200.0))
        assert "answers again" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_redis_that_is_away_is_not_asked_at_every_call(
    own_redis: LocalRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = budget(own_redis, 100)
    asked: list[float] = []
    run = Link.run

    def count(self: Link, *arguments: Any) -> Any:
        asked.append(time.monotonic())
        return run(self, *arguments)

    monkeypatch.setattr(Link, "run", count)
    own_redis.kill()
    for now in (0.0, 1.0, 4.9, 5.1, 6.0, 10.0, 10.2):
        away.take(at(now))
    assert len(asked) == 3
    own_redis.start()


def test_a_redis_that_is_restarted_between_two_calls_is_simply_asked_again(
    own_redis: LocalRedis, caplog: pytest.LogCaptureFixture
) -> None:
    window = budget(own_redis, 2)
    window.take(at(0.0))
    own_redis.kill()
    own_redis.start()
    assert window.take(at(1.0)).shared is not None
    assert caplog.text == ""


def test_a_redis_that_is_frozen_holds_a_call_up_for_a_moment_only(
    own_redis: LocalRedis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster, "REDIS_TIMEOUT", 0.05)
    frozen = budget(own_redis, 2)
    own_redis.freeze()
    try:
        assert frozen.take(at(0.0)).shared is None
    finally:
        own_redis.thaw()
    assert "does not answer (TimeoutError)" in caplog.text
    assert frozen.take(at(9.0)).shared is not None


def test_a_redis_that_takes_no_connection_holds_a_call_up_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "REDIS_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(4):  # More than the system lets wait.
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        link = Link(RedisServer("127.0.0.1", full.getsockname()[1]))
        began = time.monotonic()
        assert link.ask(lambda: link.run(["key"], []), 0.0) is None
        assert time.monotonic() - began < 2.5, "redis-py's own patience is five seconds"


def test_a_wrong_password_is_a_redis_that_does_not_answer_and_is_not_shown(
    shared_redis: LocalRedis, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer("127.0.0.1", shared_redis.port, password="wrong/pass")
    window = RedisWindow(Link(server), next(_names), "writes")
    assert ClusterBudget(1, window, ProcessBudget(1)).take(at(0.0)).shared is None
    assert "does not answer (AuthenticationError)" in caplog.text
    assert "wrong/pass" not in caplog.text + repr(server)


def test_without_the_package_redis_the_error_says_what_to_install(
    shared_redis: LocalRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope, "_links", {})
    monkeypatch.setitem(sys.modules, "redis", None)
    wanted = Settings(Credentials("AKID", "secret"), budget_scope="cluster", budget_redis=shared_redis.server)
    with pytest.raises(OnliveConfigError, match=r"extra\.budget_scope.*airflow-provider-onlive\[cluster\]"):
        open_budgets(wanted)


def test_threads_and_clients_share_one_way_to_a_redis(shared_redis: LocalRedis) -> None:
    name, granted = next(_names), []

    def ask() -> None:
        mine = budget(shared_redis, 40, name)
        granted.append(sum(mine.take(at(0.0)).wait == 0.0 for _ in range(20)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 40


def test_of_two_limits_in_the_cluster_the_smaller_counts(
    shared_redis: LocalRedis, caplog: pytest.LogCaptureFixture
) -> None:
    name = next(_names)
    budget(shared_redis, 1, name).take(at(0.0))
    assert budget(shared_redis, 9, name).take(at(0.0)).allowed == 1
    assert "the smaller limit counts" in caplog.text


def test_a_redis_that_hangs_up_is_asked_once() -> None:
    greetings = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    greetings.append(connection)
                    connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        link = Link(RedisServer("127.0.0.1", listener.getsockname()[1]))
        assert link.ask(lambda: link.run(["key"], []), 0.0) is None
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert len(greetings) == 1


def test_another_address_is_another_redis(shared_redis: LocalRedis) -> None:
    here, elsewhere = (Link(replace(shared_redis.server, host=host)) for host in ("127.0.0.1", "127.0.0.2"))
    assert here.ask(lambda: RedisWindow(here, next(_names), "writes").usage(1), 0.0) is not None
    assert elsewhere.ask(lambda: RedisWindow(elsewhere, next(_names), "writes").usage(1), 0.0) is None


def test_without_the_package_the_scope_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    server = RedisServer("127.0.0.1", 1)
    with pytest.raises(OnliveConfigError, match=r"airflow-provider-onlive\[cluster\]") as refused:
        open_budgets(Settings(Credentials("AKNONE", "s3cr3t"), budget_scope="cluster", budget_redis=server))
    assert refused.value.setting == "extra.budget_scope"
