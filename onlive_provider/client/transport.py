"""One exchange over ``aiohttp``: a signed request goes out, and an answer or the reason why there is none comes back.

Both clients use it, so that no failure means one thing to a single update and another to a bulk task.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import NamedTuple

import aiohttp
from yarl import URL

from onlive_provider.client.environment import Environment, proxy_variable, read_environment, split_proxy, trust
from onlive_provider.client.protocol import MAX_ANSWER_BYTES, Answer, Failure, FailureKind
from onlive_provider.client.settings import Settings
from onlive_provider.client.steps import Send
from onlive_provider.errors import OnliveConfigError


class Transport:
    """Connections to one server, for one event loop. Open it before its first exchange, and close it after the last.

    :param settings: how to reach the API. A call is given up after ``timeout`` seconds without a connection, after
        ``timeout`` seconds without a byte of the answer, and after twice as many in all.
    :raises OnliveConfigError: the environment's proxy or CA bundle cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._environment = read_environment(settings.base_url)
        self._way = _way(settings.base_url, self._environment)
        self._tls: ssl.SSLContext | bool = False
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def open(self) -> None:
        """Get ready; nothing is sent.

        :raises OnliveTlsError: the CA bundle cannot be read.
        """
        needs_tls = self._settings.base_url.startswith("https:") or self._way.proxy is not None
        if needs_tls and self._settings.verify:
            self._tls = trust(self._environment.ca_bundle)
        self._sessions = {}

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def exchange(self, send: Send) -> Answer | Failure:
        """Send a request once and return what came back."""
        session = self._session(is_fresh=send.on_fresh_connection)
        way, request = self._way, send.request
        exchange = _Exchange()
        _current.set(exchange)
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers={**request.headers, **way.headers} if way.headers else request.headers,
                data=request.body,
                proxy=way.proxy,
                proxy_headers=way.tunnel_headers,
                allow_redirects=False,
            ) as response:
                answer = await _read(response)
        except _UsedUpConnectionError:
            if send.on_fresh_connection:
                return Failure(FailureKind.NOT_SENT, "it sends data before it is asked for any")
            return await self.exchange(replace(send, on_fresh_connection=True))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Failure(_kind(error, exchange), self._detail(error))
        if isinstance(answer, Failure) or not send.is_expected(answer):
            exchange.abort()
        return answer

    def _session(self, *, is_fresh: bool) -> aiohttp.ClientSession:
        """Return the session with pooled connections, or the one that opens a connection for each request."""
        if is_fresh in self._sessions:
            return self._sessions[is_fresh]
        timeout = self._settings.timeout
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls, force_close=is_fresh),
            cookie_jar=_NoCookies(),
            # `connect` and not `sock_connect`: only `connect` bounds a proxy's answer to a CONNECT.
            timeout=aiohttp.ClientTimeout(total=2.0 * timeout, connect=timeout, sock_read=timeout),
            request_class=_Request,
            trust_env=False,
        )
        # aiohttp resends idempotent requests, PUT among them, when a connection breaks. Whether a write is sent again
        # is up to the flows, which look the record up first. There is no public switch. This one is read before it is
        # set, so that an aiohttp without it fails here instead of sending a write twice.
        if session._retry_connection:
            session._retry_connection = False
        self._sessions[is_fresh] = session
        return session

    def _detail(self, error: Exception) -> str:
        """Return the cause on one line. Most of aiohttp's own messages repeat what the server sent, or the address."""
        cause = _cause(error)
        name = type(cause).__name__
        if isinstance(cause, aiohttp.ClientHttpProxyError):
            return f"{name}: the proxy answered {cause.status}"
        if isinstance(cause, TimeoutError) and cause.errno is None:
            return f"{name}: timeout={self._settings.timeout:g}"
        return f"{name}: {cause}"[:200] if isinstance(cause, OSError) else name


class _Exchange:
    """What is known of an exchange that is under way: whether its request may have left, and over what."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None

    @property
    def has_left(self) -> bool:
        return self.transport is not None

    def abort(self) -> None:
        """Close the connection, so that no other request is answered by what is still on its way."""
        if self.transport is not None:
            self.transport.abort()


_current: ContextVar[_Exchange] = ContextVar("_current")


class _UsedUpConnectionError(Exception):
    """A pooled connection that holds what nobody asked for. Nothing was sent over it."""


class _Request(aiohttp.ClientRequest):
    """A request that says when it leaves, and that leaves over no connection with something left on it.

    aiohttp would take what a server sent unasked, such as a second copy of its former answer, for the next answer.
    """

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Write the request."""
        protocol = conn.protocol
        if protocol is None or protocol.should_close:
            raise _UsedUpConnectionError
        transport = protocol.transport
        assert isinstance(transport, asyncio.Transport)
        _current.get().transport = transport
        return await super().send(conn)


class _NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookie, and reads none: aiohttp 3.12 and 3.13 log what they cannot read of one, anybody's data."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Leave the headers unread."""


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
            "is a SOCKS proxy, which is not supported; accepted is an http:// or https:// proxy",
        )
    # By default aiohttp sends an http proxy's credentials once per connection, and not with every request.
    tunnels = base_url.startswith("https:")
    return _Way(address, None, headers) if tunnels else _Way(address, headers)


async def _read(response: aiohttp.ClientResponse) -> Answer | Failure:
    """Return an answer. An error status counts even if its body is too large or breaks off."""
    body = bytearray()
    is_error = response.status >= 300
    try:
        while not response.content.at_eof():
            body += await response.content.readany()
            if len(body) > MAX_ANSWER_BYTES:
                response.close()
                if is_error:
                    return Answer(response.status, response.headers, b"")
                return Failure(FailureKind.TOO_LARGE, f"more than {MAX_ANSWER_BYTES} bytes")
    except (aiohttp.ClientError, OSError):
        if not is_error:
            raise
    return Answer(response.status, response.headers, bytes(body))


def _kind(error: Exception, exchange: _Exchange) -> FailureKind:
    """Return what an error means for the request's fate: it never left, or that is not known."""
    if exchange.has_left:
        return FailureKind.LOST
    cause = _cause(error)
    is_tls = isinstance(error, aiohttp.ClientSSLError) and not isinstance(cause, ConnectionResetError)
    return FailureKind.TLS if is_tls else FailureKind.NOT_SENT


def _cause(error: Exception) -> Exception:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
