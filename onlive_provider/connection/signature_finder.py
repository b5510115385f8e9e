"""Finds the signing profile that a server accepts: signed reads, one likely profile after the other.

A search never writes. Only if it is asked for, one more call per form of the body proves how the body is signed: a PUT
to the nil UUID, which no record has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from onlive_provider import errors
from onlive_provider.client import retry
from onlive_provider.client.answers import failure_error, status_error
from onlive_provider.client.protocol import Answer, Call, Failure, FailureKind, build_request
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.sync import OnliveClient, SleepingClock
from onlive_provider.connection.diagnosis import explain
from onlive_provider.connection.signature_candidates import Candidate, body_variants, candidates
from onlive_provider.models.fields import SERVICE

PROBE_BODY: Mapping[str, Any] = {"extraFields": {}}
"""A body that is not empty and would change nothing, if there were a record to change."""
PATIENCE = 3
"""How many times in a row a server may be busy, or not answer, before the search stops."""
LONGEST_WAIT = 120.0
"""Seconds: a server that asks for a longer wait ends the search."""

_ANY_TIME = 1_750_000_000.0
_BROWSER_LOGINS = ("basic", "digest", "negotiate", "ntlm")
_JSON_REFUSALS = (400, 404, 422)


class StoppedError(Exception):
    """The search cannot go on; the message is a sentence.

    ``likely`` is the profile that got a 403 where others got a 401: its signature was probably right.
    """

    likely: SigningProfile | None = None


@dataclass(slots=True)
class Search:
    """A search, and what it has seen so far.

    :param settings: the Connection's; its own profile is tried first.
    :param service_id: read this service instead of the list, for a key that may not list.
    :param on_progress: called with how many profiles were tried, and of how many.
    :param clock: where the time comes from and how to wait.
    """

    settings: Settings
    service_id: str | None = None
    on_progress: Callable[[int, int], None] = lambda tried, total: None
    clock: SleepingClock = field(default_factory=SleepingClock)
    tried: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    writes: int = 0

    def find(self) -> SigningProfile | None:
        """Try one profile after the other with a signed read, and return the first that is accepted, if any is.

        :raises StoppedError: the server's answers say nothing about a signature, or ask to stop.
        """
        with OnliveClient(self.settings, clock=self.clock) as client:
            read = self._read()
            to_try = list(self._different(read))
            for number, candidate in enumerate(to_try, 1):
                self.on_progress(number, len(to_try))
                self.tried[candidate.family] += 1
                try:
                    answer = self._send(client, read, candidate.profile)
                    if self._is_accepted(answer, read) and self._depends_on_key(
                        client, read, candidate.profile, answer
                    ):
                        return candidate.profile
                except StoppedError as stopped:
                    if self.statuses[403] and self.statuses[401]:
                        stopped.likely = candidate.profile
                    raise
        return None

    def prove_body(self, found: SigningProfile) -> SigningProfile | None:
        """Prove how the body is signed, with PUTs to an id that no record has, and return the profile that is right.

        :param found: a profile that is right for reads; profiles that sign a read alike are tried after it.
        :raises StoppedError: as :meth:`find`; also when the server accepts the PUT, which no server should.
        """
        write = Call.write(SERVICE, str(UUID(int=0)), PROBE_BODY)
        with OnliveClient(self.settings, clock=self.clock) as client:
            for profile in self._alike(found, write):
                self.writes += 1
                answer = self._send(client, write, profile)
                if 200 <= answer.status < 300:
                    raise StoppedError(
                        f"The server answered {answer.status} to a PUT of a service that cannot exist; "
                        "the search stops, because it is no Onlive API or keeps records under any id."
                    )
                if answer.status != 401 and self._is_accepted(answer, write):
                    return profile
        return None

    def _read(self) -> Call:
        if self.service_id is not None:
            return Call.read(SERVICE, self.service_id)
        return Call.page(SERVICE, {"limit": "1"})

    def _different(self, call: Call) -> Iterator[Candidate]:
        """Yield the candidates that sign a call differently, the Connection's own profile first."""
        seen = set()
        own = Candidate(self.settings.profile, "the Connection's own profile")
        for candidate in (own, *candidates()):
            signed = self._signed(call, candidate.profile)
            if signed is not None and signed not in seen:
                seen.add(signed)
                yield candidate

    def _alike(self, found: SigningProfile, write: Call) -> Iterator[SigningProfile]:
        """Yield the profiles that sign a read as one does and a write each differently, that one first."""
        read = self._read()
        wanted, seen = self._signed(read, found), set()
        alike = [found, *(each.profile for each in candidates() if self._signed(read, each.profile) == wanted)]
        for profile in (*alike, *(variant for each in alike for variant in body_variants(each))):
            signed = self._signed(write, profile)
            if signed not in seen and self._signed(read, profile) == wanted:
                seen.add(signed)
                yield profile

    def _signed(self, call: Call, profile: SigningProfile) -> str | None:
        """Return a call's Authorization at one fixed time, or ``None`` when the secret has not the profile's form."""
        settings = self.settings
        try:
            request = build_request(
                call, base_url=settings.base_url, profile=profile, credentials=settings.credentials, now=_ANY_TIME
            )
        except errors.OnliveConfigError:
            return None
        return request.headers["Authorization"]

    def _send(self, client: OnliveClient, call: Call, profile: SigningProfile) -> Answer:
        """Make a call until the server says something about it."""
        for attempt in range(1, PATIENCE + 1):
            outcome = client.attempt(call, profile)
            if isinstance(outcome, Failure):
                if outcome.kind is not FailureKind.LOST or attempt == PATIENCE:
                    raise StoppedError(explain(failure_error(outcome, call=call, attempts=attempt, elapsed=0.0)))
                wait = retry.backoff(attempt, 1.0)
            else:
                self.statuses[outcome.status] += 1
                if outcome.status not in retry.RETRIED_STATUSES:
                    return outcome
                wait = retry.retry_after(outcome, self.clock.time()) or retry.backoff(attempt, 1.0)
                if attempt == PATIENCE or wait > LONGEST_WAIT:
                    raise StoppedError(self._explained(outcome, call, attempt))
            self.clock.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _is_accepted(self, answer: Answer, call: Call) -> bool:
        """Whether an answer says that the signature is right; one that says nothing about it ends the search."""
        is_json = answer.document is not None
        if answer.status == 401:
            self._check_clock(answer, call)
            login = answer.headers.get("www-authenticate", "").lower()
            if not is_json and login.startswith(_BROWSER_LOGINS):
                raise StoppedError(
                    "The server answers and is not the Onlive API: it asks for a login of another kind. "
                    f"{errors.OnliveAnswerError.advice}"
                )
            return False
        if is_json and 200 <= answer.status < 300:
            return True
        expected = call.is_write or (self.service_id is not None and answer.status == 404)
        if is_json and answer.status in _JSON_REFUSALS and (expected or self.statuses[401]):
            # Not the 401 of a wrong signature: the server looked at the request itself.
            return True
        raise StoppedError(self._explained(answer, call, 1))

    def _depends_on_key(self, client: OnliveClient, call: Call, profile: SigningProfile, answer: Answer) -> bool:
        """Whether a refusal of the request itself proves the signature: with a wrong key it must be another answer.

        A server may answer 400 to a signature of a length that it does not know, whatever the key.
        """
        if 200 <= answer.status < 300:
            return True
        wrong = replace(profile, signing_key=f"not {profile.signing_key}")
        return self._send(client, call, wrong).status != answer.status

    def _check_clock(self, answer: Answer, call: Call) -> None:
        server_time = retry.server_time(answer)
        ahead = 0.0 if server_time is None else server_time - self.clock.time()
        if abs(ahead) > retry.SKEW_TOLERANCE:
            raise StoppedError(self._explained(answer, call, 1, skew=ahead))

    def _explained(self, answer: Answer, call: Call, attempts: int, skew: float | None = None) -> str:
        wait = retry.retry_after(answer, self.clock.time())
        return explain(
            status_error(answer, call=str(call), attempts=attempts, elapsed=0.0, retry_after=wait, skew=skew)
        )
