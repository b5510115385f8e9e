"""A budget that all machines share, in Redis; beside it the machine's own, which goes on alone while Redis is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

from onlive_provider.client.budget.budget import Budget, Clock, Grant, Kind, Usage
from onlive_provider.client.budget.notices import log, warn_of_smaller_limit
from onlive_provider.client.budget.window import DUE, LEAST_SHARE, LOWERING, RECOVERY, WINDOW, minute_of

if TYPE_CHECKING:
    from onlive_provider.client.budget.server import RedisServer

T = TypeVar("T")

REDIS_TIMEOUT = 0.5
"""Seconds that a call may wait for Redis, for a connection and for an answer each."""
LOOK_AGAIN = 5.0
"""Seconds after which a Redis that was away is asked again."""


class Link:
    """The way of one process to a Redis, which is not asked while it is away.

    :param server: which Redis.
    :raises ImportError: the package ``redis`` is not installed.
    """

    def __init__(self, server: RedisServer) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.server = server
        self._failures = (redis.RedisError, OSError)
        self._lock = threading.Lock()
        self._away_until: float | None = None
        client = redis.Redis(
            host=server.host,
            port=server.port,
            db=server.db,
            username=server.username,
            password=server.password,
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
            # Its own way is to try for seconds; this machine's window is there at once.
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            **server.tls,
        )
        source = resources.files(__package__).joinpath("window.lua").read_text("utf-8")
        self._script = client.register_script(source)

    def run(self, keys: list[str], arguments: list[Any]) -> list[Any]:
        """Run the script.

        :raises RedisError: it could not be run.
        """
        done: list[Any] = self._script(keys=keys, args=arguments)
        return done

    def ask(self, question: Callable[[], T], now: float) -> T | None:
        """Return what Redis answers, or ``None`` while it is away.

        :param now: the caller's monotonic clock, seconds.
        """
        away_until = self._away_until
        if away_until is not None and now < away_until:
            return None
        try:
            answer = question()
        except self._failures as error:
            with self._lock:
                is_news, self._away_until = self._away_until is None, now + LOOK_AGAIN
            if is_news:
                # Not the error's own text: it may tell what was sent.
                log.warning(
                    "The budget's %s does not answer (%s): this machine counts alone until it does",
                    self.server.address,
                    type(error).__name__,
                )
            return None
        if away_until is not None:
            with self._lock:
                is_news, self._away_until = self._away_until is not None, None
            if is_news:
                log.warning("The budget's %s answers again: all machines share one window", self.server.address)
        return answer


class RedisWindow:
    """A key's window in Redis.

    :param name: names access key and address, and shows neither.
    :param seconds: how long the window is.
    :param clock: replaces Redis' clock, in seconds.
    """

    def __init__(
        self, link: Link, name: str, kind: Kind, *, seconds: float = WINDOW, clock: Callable[[], float] | None = None
    ) -> None:
        self.link = link
        self.name = f"onlive:budget:{{{name}}}:{kind}"
        self._clock = clock
        slack = seconds - minute_of(seconds)
        self._constants = [seconds, slack, DUE, LOWERING, RECOVERY, LEAST_SHARE]

    def take(self, limit: int) -> Grant:
        """Give out the next ticket."""
        return _grant(self._run("take", limit))

    def confirm(self, grant: Grant, limit: int) -> Grant:
        """Say whether a ticket's turn has come."""
        return _grant(self._run("confirm", limit, grant.ticket, grant.era))

    def answered(self, grant: Grant) -> None:
        """Count a call that was slow to be answered as late as it may have reached the server."""
        self._run("answered", grant.ticket, grant.era, grant.at)

    def refused(self, grant: Grant, wait: float, *, lower: bool) -> None:
        """Close the window for a while, and lower the pace."""
        self._run("refused", grant.at, wait, int(lower))

    def usage(self, limit: int) -> Usage:
        """Return how much of the window's last minute is used."""
        used, waiting, allowed, pace, closed_for = self._run("usage", limit)
        return Usage(int(used), int(waiting), int(allowed), float(pace), float(closed_for))

    def _run(self, deed: str, *more: float) -> list[Any]:
        now = "" if self._clock is None else repr(self._clock())
        return self.link.run([f"{self.name}:state", f"{self.name}:turns"], [deed, *self._constants, now, *more])


def _grant(answer: list[Any]) -> Grant:
    wait, reason, ticket, era, at, allowed, pace = answer
    return Grant(float(wait), reason, int(ticket), int(era), float(at), int(allowed), float(pace))


class ClusterBudget:
    """A caller's limit on the cluster's window, and on the machine's: a call needs its turn in both.

    The cluster's window holds all that the machine's does, so that the machine's never makes anybody wait, but when
    Redis was away or has lost its memory: then it knows what this machine has called meanwhile.

    :param per_minute: calls a minute that the caller allows.
    :param window: in Redis.
    :param own: the machine's.
    """

    def __init__(self, per_minute: int, window: RedisWindow, own: Budget, *, seconds: float = WINDOW) -> None:
        self.per_minute = per_minute
        self._window = window
        self._own = own
        self._slack = seconds - minute_of(seconds)

    def take(self, clock: Clock) -> Grant:
        """Take the next turn that is free."""
        shared = self._ask(lambda: self._window.take(self.per_minute), clock)
        if shared is not None:
            warn_of_smaller_limit(shared.allowed, self.per_minute)
        return self._with_own(shared, clock)

    def confirm(self, grant: Grant, clock: Clock) -> Grant:
        """Return what became of a turn that was waited for."""
        shared, own = grant.shared, grant.own
        if shared is None:
            return self._own.confirm(grant, clock)
        if own is not None:
            return _both(shared, self._own.confirm(own, clock))
        confirmed = self._ask(lambda: self._window.confirm(shared, self.per_minute), clock)
        return self._with_own(confirmed, clock)

    def answered(self, grant: Grant, clock: Clock) -> None:
        """Count a call that was slow to be answered by the time of its answer."""
        shared, own = grant.shared, grant.own or grant
        self._own.answered(own, clock)
        if shared is not None and clock() - own.at > self._slack:
            self._ask(lambda: self._window.answered(shared), clock)

    def refused(self, grant: Grant, clock: Clock, wait: float, *, lower: bool) -> None:
        """Let everybody wait, because the server refused a call."""
        shared = grant.shared
        self._own.refused(grant.own or grant, clock, wait, lower=lower)
        if shared is not None:
            self._ask(lambda: self._window.refused(shared, wait, lower=lower), clock)

    def usage(self, clock: Clock) -> Usage:
        """Return how much of the budget is used."""
        return self._ask(lambda: self._window.usage(self.per_minute), clock) or self._own.usage(clock)

    def place(self, clock: Clock) -> str:
        """Return where the budget is kept, for a person."""
        address = self._window.link.server.address
        if self._ask(lambda: self._window.usage(self.per_minute), clock) is None:
            return f"{address}, which does not answer: until it does, {self._own.place(clock)}"
        return address

    def _ask(self, question: Callable[[], T], clock: Clock) -> T | None:
        return self._window.link.ask(question, clock())

    def _with_own(self, shared: Grant | None, clock: Clock) -> Grant:
        """Return a turn that needs the machine's as well, once the cluster's has come; or the machine's alone."""
        if shared is None:
            return self._own.take(clock)
        if shared.wait > 0.0:
            return replace(shared, shared=shared)
        return _both(shared, self._own.take(clock))


def _both(shared: Grant, own: Grant) -> Grant:
    return replace(own, shared=shared, own=own)
