"""The client for threads: the flows on one pooled ``requests`` session."""

from __future__ import annotations

import logging
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests import ConnectionError as RequestsConnectionError
from requests import ConnectTimeout, RequestException
from requests.exceptions import InvalidSchema, ProxyError, SSLError
from urllib3.exceptions import HTTPError, InvalidHeader, NewConnectionError, ProtocolError

from onlive_provider.client.budget.scope import open_budgets
from onlive_provider.client.environment import read_environment
from onlive_provider.client.flows import Clock, Flows
from onlive_provider.client.listing import ServiceListing
from onlive_provider.client.protocol import MAX_ANSWER_BYTES, Answer, Call, Failure, FailureKind, Request
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.steps import Flow, Note, Send, Wait
from onlive_provider.client.updates import Update, Updated, update
from onlive_provider.models.fields import APPOINTMENT, SERVICE

T = TypeVar("T")
_OBJECT = re.compile(r"<[^>]*>[:,]?\s*|\w+\(host=[^)]*\):\s*")
log = logging.getLogger(__name__)


class SleepingClock(Clock):
    """The machine's clock, and a thread's sleep."""

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)


class OnliveClient:
    """The Onlive API for one Connection: signed, paced and retried calls. Close it, or use it in a ``with`` block.

    :param settings: how to reach the API.
    :param clock: where the time comes from and how a thread waits.
    :param random: evenly distributed in [0, 1), for the jitter of a back-off.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: SleepingClock | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock or SleepingClock()
        self._flows = Flows(settings, open_budgets(settings), self._clock, random)
        self._session = _session(settings)

    def __repr__(self) -> str:
        return f"OnliveClient({self._settings.base_url})"

    def __enter__(self) -> OnliveClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def get_appointment(self, appointment_id: str) -> dict[str, Any]:
        """Return an appointment as the API answers it. One read.

        :raises OnliveNotFoundError: there is none with this id.
        """
        return self._run(self._flows.read(APPOINTMENT, appointment_id))

    def get_service(self, service_id: str) -> dict[str, Any]:
        """Return a service as the API answers it. One read.

        :raises OnliveNotFoundError: there is none with this id.
        """
        return self._run(self._flows.read(SERVICE, service_id))

    def put_appointment(self, appointment_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Send a patch as it is and return the API's answer. One write, and it notifies the guests.

        :param patch: plain JSON with the API's field names, times in UTC.
        """
        return self._run(self._flows.write(APPOINTMENT, appointment_id, patch, None))

    def put_service(self, service_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Send a patch as it is and return the API's answer. One write.

        :param patch: plain JSON with the API's field names, times in UTC.
        """
        return self._run(self._flows.write(SERVICE, service_id, patch, None))

    def update(self, wanted: Update) -> Updated:
        """Read, compare, and send only what changes. One read, and one write if anything differs."""
        return self._run(update(self._flows, wanted))

    def iter_services(self, **filters: str) -> Iterator[dict[str, Any]]:
        """Yield every service of the organization, page by page. One read per 20 services.

        :param filters: the list's documented filters: ``userGroupId``, ``search`` (in the name), ``typeId``, ``name``
            (exact), ``startDate`` and ``endDate`` (by availability).
        :raises OnlivePayloadError: a filter that the API does not document.
        """
        listing = ServiceListing(filters)
        while (query := listing.next_query()) is not None:
            yield from listing.read(self._run(self._flows.page(SERVICE, query)))

    def probe(self) -> None:
        """Make one signed, read-only call.

        :raises OnliveError: the Connection does not work.
        """
        self._run(self._flows.probe())

    def attempt(self, call: Call, profile: SigningProfile) -> Answer | Failure:
        """Make a call once, within the budget, signed with a profile that need not be the Connection's.

        :return: what came back, a refusal too: nothing is raised and nothing is sent again.
        """
        return self._run(self._flows.attempt(call, profile))

    def _run(self, flow: Flow[T]) -> T:
        outcome: Answer | Failure | None = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            outcome = None
            if isinstance(step, Send):
                outcome = self._exchange(step.request)
            elif isinstance(step, Wait):
                log.info("%s; waiting %.1f s", step.why, step.seconds)
                self._clock.sleep(step.seconds)
            elif isinstance(step, Note):
                for line in step.lines():
                    log.info("%s", line)

    def _exchange(self, request: Request) -> Answer | Failure:
        timeout = self._settings.timeout
        try:
            with self._session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                timeout=(timeout, timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response)
        except RequestException as error:
            return Failure(_kind(error), _detail(error))


class _Session(requests.Session):
    """A session that ignores redirects: to prepare for one, ``requests`` would read the whole answer."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return ``None``: no redirect is followed."""


def _session(settings: Settings) -> requests.Session:
    """Return a session with the environment's proxy and CA bundle, read once.

    ``trust_env`` stays off: it would also let a ``.netrc`` replace the Authorization header.

    :raises OnliveConfigError: the environment's proxy or CA bundle cannot be used.
    """
    environment = read_environment(settings.base_url)
    session = _Session()
    session.trust_env = False
    if environment.proxy is not None:
        session.proxies = {urlsplit(settings.base_url).scheme: environment.proxy}
    session.verify = environment.ca_bundle if settings.verify else False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _read(response: requests.Response) -> Answer | Failure:
    body = bytearray()
    try:
        for chunk in response.iter_content(64 * 1024):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                return Failure(FailureKind.TOO_LARGE, f"more than {MAX_ANSWER_BYTES} bytes")
    except RequestException as error:
        return Failure(FailureKind.LOST, _detail(error))
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, bytes(body))


def _kind(error: RequestException) -> FailureKind:
    """Return what an error means for the request's fate. After an unfamiliar one it may have arrived."""
    if isinstance(error, SSLError):
        cause = _cause(error)
        cut_off = isinstance(cause, HTTPError) and any(isinstance(inner, ssl.SSLEOFError) for inner in cause.args)
        return FailureKind.LOST if cut_off else FailureKind.TLS
    if isinstance(error, ConnectTimeout | ProxyError | InvalidSchema):
        return FailureKind.NOT_SENT
    if isinstance(error, RequestsConnectionError) and isinstance(_cause(error), NewConnectionError):
        return FailureKind.NOT_SENT
    return FailureKind.LOST


def _cause(error: RequestException) -> object:
    first = error.args[0] if error.args else error
    return getattr(first, "reason", None) or first


def _detail(error: RequestException) -> str:
    """Return the innermost cause on one line, without the address of a Python object.

    Of an answer that is not HTTP, only the kind of mistake: what the server sent may hold a guest's data.
    """
    cause = _cause(error)
    if isinstance(cause, ProtocolError | InvalidHeader):
        inner = cause.args[-1]
        if not isinstance(inner, OSError):
            return type(inner if isinstance(inner, Exception) else cause).__name__
        cause = inner
    return f"{type(cause).__name__}: {_OBJECT.sub('', str(cause))}"[:200]
