"""The client for many records at once: the same flows on one ``aiohttp`` session, with bounded concurrency."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import NamedTuple, TypeVar

import aiohttp
from yarl import URL

from onlive_provider.client.budget.scope import open_budgets
from onlive_provider.client.environment import Environment, proxy_variable, read_environment, split_proxy, trust
from onlive_provider.client.flows import Clock, Flows
from onlive_provider.client.protocol import MAX_ANSWER_BYTES, Answer, Failure, FailureKind, Request
from onlive_provider.client.settings import Settings
from onlive_provider.client.steps import Flow, Send, Step, Wait
from onlive_provider.client.updates import Update, Updated, update
from onlive_provider.errors import OnliveConfigError

T = TypeVar("T")
OnStep = Callable[[Step], None]
"""Called with each step of a flow before it is done. What it raises ends the flow."""


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
        self._environment = read_environment(settings.base_url)
        self._way = _way(settings.base_url, self._environment)
        self._turns = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"AsyncOnliveClient({self._settings.base_url})"

    async def __aenter__(self) -> AsyncOnliveClient:
        """Open the session.

        :raises OnliveTlsError: the CA bundle cannot be read.
        """
        timeout = self._settings.timeout
        needs_tls = self._settings.base_url.startswith("https:") or self._way.proxy is not None
        tls = trust(self._environment.ca_bundle) if needs_tls and self._settings.verify else False
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            # `connect` and not `sock_connect`: only `connect` bounds a proxy's answer to a CONNECT.
            timeout=aiohttp.ClientTimeout(total=None, connect=timeout, sock_read=timeout),
            trust_env=False,
        )
        # aiohttp resends idempotent requests, PUT among them, when a connection breaks. Whether a write is sent again
        # is up to the flows, which look the record up first. There is no public switch. This one is read before it is
        # set, so that an aiohttp without it fails here instead of sending a write twice.
        if self._session._retry_connection:
            self._session._retry_connection = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

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
                on_step(step)
                if isinstance(step, Send):
                    outcome = await self._exchange(step.request)
                elif isinstance(step, Wait):
                    await self._clock.wait(step.seconds)

    async def _exchange(self, request: Request) -> Answer | Failure:
        assert self._session is not None
        way = self._way
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                headers={**request.headers, **way.headers} if way.headers else request.headers,
                data=request.body,
                proxy=way.proxy,
                proxy_headers=way.tunnel_headers,
                allow_redirects=False,
            ) as response:
                return await _read(response)
        except (aiohttp.ClientError, OSError) as error:
            return Failure(_kind(error), self._detail(error))

    def _detail(self, error: Exception) -> str:
        """Return the cause on one line. Most of aiohttp's own messages repeat what the server sent, or the address."""
        cause = _cause(error)
        name = type(cause).__name__
        if isinstance(cause, aiohttp.ClientHttpProxyError):
            return f"{name}: the proxy answered {cause.status}"
        if isinstance(cause, TimeoutError) and cause.errno is None:
            return f"{name}: timeout={self._settings.timeout:g}"
        return f"{name}: {cause}"[:200] if isinstance(cause, OSError) else name


class _Way(NamedTuple):
    """How requests go through the proxy, if there is one.

    :param headers: for the proxy, sent with the request's own.
    :param tunnel_headers: for the proxy, sent with the request for a tunnel.
    """

    proxy: str | None = None
    headers: Mapping[str, str] | None = None
    tunnel_headers: Mapping[str, str] | None = None


def _way(base_url: str, environment: Environment) -> _Way:
    """Return how to get to the server.

    :raises OnliveConfigError: the environment's proxy is a SOCKS proxy, which aiohttp cannot use.
    """
    if environment.proxy is None:
        return _Way()
    address, headers = split_proxy(environment.proxy)
    if address.startswith("socks"):
        raise OnliveConfigError(
            proxy_variable(base_url),
            "is a SOCKS proxy, which bulk tasks do not support; accepted is an http:// or https:// proxy",
        )
    # By default aiohttp sends an http proxy's credentials once per connection, and not with every request.
    tunnels = base_url.startswith("https:")
    return _Way(address, None, headers) if tunnels else _Way(address, headers)


async def _read(response: aiohttp.ClientResponse) -> Answer | Failure:
    body = bytearray()
    while not response.content.at_eof():
        body += await response.content.readany()
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            return Failure(FailureKind.TOO_LARGE, f"more than {MAX_ANSWER_BYTES} bytes")
    return Answer(response.status, response.headers, bytes(body))


def _kind(error: Exception) -> FailureKind:
    """Return what an error means for the request's fate. After an unfamiliar one it may have arrived."""
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = _cause(error)
        if isinstance(cause, ConnectionResetError):
            return FailureKind.LOST
        return FailureKind.TLS if isinstance(error, aiohttp.ClientSSLError) else FailureKind.NOT_SENT
    not_sent = (aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
    return FailureKind.NOT_SENT if isinstance(error, not_sent) else FailureKind.LOST


def _cause(error: Exception) -> Exception:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
