"""The logic of a call, without I/O: generators that yield what they need done and are sent the outcome.

A driver runs a flow. For each :class:`Send` it makes the exchange and sends back an ``Answer`` or a ``Failure``; for
each :class:`Wait` it waits; each :class:`Note` it logs. So all drivers retry, pace, sign and verify in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onlive_provider import errors
from onlive_provider.client import retry
from onlive_provider.client.answers import Fate, failure_error, fate_of, is_refusal, is_success, status_error
from onlive_provider.client.budget.budget import Budget, Budgets, Grant
from onlive_provider.client.patience import Clock, Patience
from onlive_provider.client.protocol import Answer, Call, Failure, build_request
from onlive_provider.client.server_clock import ServerClock
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.steps import Flow, Note, Send, Wait
from onlive_provider.client.verdict import LookUp, Verdict, verdict
from onlive_provider.models.fields import SERVICE, Resource

Record = dict[str, Any]
_MAX_CORRECTIONS = 2
"""How often a call is signed again by the server's clock: a second time if the first answer's ``Date`` was wrong."""


@dataclass(slots=True)
class Flows:
    """The flows of one access key at one address, and what they learn about its server's clock.

    :param random: returns an evenly distributed number in [0, 1), for the jitter of a back-off.
    """

    settings: Settings
    budgets: Budgets
    clock: Clock
    random: Callable[[], float]
    _server_clock: ServerClock = field(default_factory=ServerClock, init=False)

    def read(self, resource: Resource, record_id: str) -> Flow[Record]:
        """Read one record."""
        return (yield from self._call(Call.read(resource, record_id), Patience(self.clock)))

    def page(self, resource: Resource, query: Mapping[str, str]) -> Flow[Record]:
        """Read one page of a list."""
        return (yield from self._call(Call.page(resource, query), Patience(self.clock)))

    def probe(self) -> Flow[None]:
        """Make one signed, read-only call, without a retry, a correction of the clock or a wait for the budget."""
        call = Call.page(SERVICE, {"limit": "1"})
        patience = Patience(self.clock)
        outcome = yield from self._attempt(call, patience, waits=False)
        if fate_of(call, outcome) is not Fate.ANSWERED:
            raise self._error(call, outcome, patience, attempts=1)

    def attempt(self, call: Call, profile: SigningProfile) -> Flow[Answer | Failure]:
        """Make a call once, signed with a profile that need not be the Connection's, and return what came back."""
        return (yield from self._attempt(call, Patience(self.clock), profile))

    def write(
        self, resource: Resource, record_id: str, patch: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> Flow[Record]:
        """Send a patch. If its fate is unknown, look the record up before sending it again.

        :param before: the record as it was read, if it was; a look-up compares the record with it.
        :return: the record as the API answered it, or as the look-up found it.
        :raises OnliveStaleRecordError: a look-up found that somebody else changed the record since it was read.
        :raises OnliveUnknownFateError: no answer and no look-up says whether the write was made.
        """
        call = Call.write(resource, record_id, patch)
        patience = Patience(self.clock)
        look_up = LookUp(Call.read(resource, record_id), resource, record_id, patch, before)
        return (yield from self._call(call, patience, look_up))

    def verdict(
        self,
        resource: Resource,
        record: Mapping[str, Any],
        patch: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        first_sent: float,
    ) -> Verdict:
        """Return what a record that was read after a write of unknown fate says about it.

        :param before: the record as it was read before the write, if it was.
        :param first_sent: seconds since the epoch, when the write first left; only used without ``before``.
        """
        # An `updatedAt` may have whole seconds, as the `Date` has.
        sent_at = first_sent + self._server_clock.ahead - 1.0
        mode = self.settings.object_updates
        return verdict(resource, record, patch, before, object_updates=mode, sent_at=sent_at)

    def _call(self, call: Call, patience: Patience, look_up: LookUp | None = None) -> Flow[Record]:
        attempts = 0
        corrections = 0
        while True:
            outcome = yield from self._attempt(call, patience)
            attempts += 1
            fate = fate_of(call, outcome)
            if fate is Fate.ANSWERED:
                assert isinstance(outcome, Answer)
                assert outcome.document is not None
                return outcome.document
            skew = self._skew(outcome, patience)
            if skew is not None and corrections < _MAX_CORRECTIONS and self._has_patience(attempts, patience):
                corrections += 1
                patience.correction = skew
                yield Note(f"{call}: refused, and the clocks differ by {skew:.0f} s; signing by the server's")
                continue
            delay = self._delay(outcome, attempts, patience)
            self._heed(call, outcome, patience, delay)
            patience.is_broken = fate is Fate.UNKNOWN
            if fate is Fate.UNKNOWN and look_up is not None:
                record = yield from self._settle(call, outcome, look_up, patience, attempts)
                if record is not None:
                    return record
                if not self._has_patience(attempts, patience):
                    delay = None
            elif delay is not None:
                limit = self.settings.max_attempts
                yield Wait(delay, f"{call}: {_why(outcome)}; attempt {attempts + 1} of {limit} follows")
            if delay is None:
                raise self._error(call, outcome, patience, attempts)

    def _settle(
        self, call: Call, outcome: Answer | Failure, look_up: LookUp, patience: Patience, attempts: int
    ) -> Flow[Record | None]:
        """Look the record up until it shows that the write was made, with growing pauses.

        :return: the record, or ``None`` if the write was not made.
        """
        asked = isinstance(outcome, Answer) and retry.retry_after(outcome, self.clock.time())
        limit = self.settings.max_elapsed
        for number, pause in enumerate(retry.SETTLING_PAUSES):
            wait = pause if number or not asked or patience.elapsed() + asked > limit else max(asked, pause)
            if number and patience.elapsed() + wait > limit:
                break
            yield Wait(wait, f"{call}: {_why(outcome)}; the write may still be under way")
            if not number:
                yield Note(f"{call}: it is not known whether the write was made; reading the record to find out")
            try:
                record = yield from self._call(look_up.call, patience)
            except errors.OnliveCallError as failed:
                if isinstance(outcome, Answer) and 400 <= outcome.status < 500 and outcome.status != 408:
                    return None  # Refused, though not in the API's words.
                where = {"attempts": attempts, "elapsed": patience.elapsed(), "retry_after": failed.retry_after}
                raise look_up.unknown_fate(f"looking it up failed: {failed}", call=str(call), **where) from failed
            found = self.verdict(look_up.resource, record, look_up.patch, look_up.before, patience.first_sent)
            yield Note(f"{call}: {found.value}{'; it is not sent again' if found is Verdict.MADE else ''}")
            if found is Verdict.MADE:
                return record
            if found is Verdict.CHANGED_BY_OTHERS:
                raise look_up.stale(record)
            if found is Verdict.UNKNOWN:
                where = {"attempts": attempts, "elapsed": patience.elapsed()}
                raise look_up.unknown_fate("the record does not show it", call=str(call), **where)
        yield Note(f"{call}: the write was not made")
        return None

    def _attempt(
        self, call: Call, patience: Patience, profile: SigningProfile | None = None, *, waits: bool = True
    ) -> Flow[Answer | Failure]:
        budget = self._budget(call)
        grant = budget.take(self.clock.monotonic)
        while waits and grant.wait > 0.0:
            began = self.clock.monotonic()
            yield Wait(grant.wait, f"{call}: {_turn(call, grant)}")
            patience.pause(self.clock.monotonic() - began)
            grant = budget.confirm(grant, self.clock.monotonic)
        patience.grant = grant
        patience.first_sent = patience.first_sent or self.clock.time()
        correction = patience.correction
        patience.signed_at = self.clock.time() + (self._server_clock.correction if correction is None else correction)
        request = build_request(
            call,
            base_url=self.settings.base_url,
            profile=profile or self.settings.profile,
            credentials=self.settings.credentials,
            now=patience.signed_at,
        )
        outcome = yield Send(request, lambda answer: fate_of(call, answer) is not Fate.UNKNOWN, patience.is_broken)
        assert outcome is not None
        budget.answered(grant, self.clock.monotonic)
        if isinstance(outcome, Answer):
            server_time = retry.server_time(outcome)
            if server_time is not None:
                self._server_clock.see(server_time - self.clock.time())
            if correction is not None and outcome.status != 401 and (is_success(outcome) or is_refusal(outcome)):
                self._server_clock.correction = correction
        return outcome

    def _heed(self, call: Call, outcome: Answer | Failure, patience: Patience, delay: float | None) -> None:
        """Let all calls of the key wait when the server wants fewer: as long as this one does, or would at most."""
        if not isinstance(outcome, Answer) or outcome.status not in retry.BUSY_STATUSES:
            return
        assert patience.grant is not None
        if delay is None:
            delay = min(retry.retry_after(outcome, self.clock.time()) or 0.0, self.settings.max_elapsed)
        lower = outcome.status in retry.OVER_LIMIT_STATUSES
        self._budget(call).refused(patience.grant, self.clock.monotonic, delay, lower=lower)

    def _budget(self, call: Call) -> Budget:
        return self.budgets.writes if call.is_write else self.budgets.reads

    def _delay(self, outcome: Answer | Failure, attempts: int, patience: Patience) -> float | None:
        """Return the seconds to wait before the call is sent again, or ``None`` if it must not be."""
        if not retry.may_be_sent_again(outcome):
            return None
        delay = retry.backoff(attempts, self.random())
        if isinstance(outcome, Answer):
            delay = max(delay, retry.retry_after(outcome, self.clock.time()) or 0.0)
        return delay if self._has_patience(attempts, patience, delay) else None

    def _has_patience(self, attempts: int, patience: Patience, delay: float = 0.0) -> bool:
        """Whether a call may be sent once more after a delay."""
        in_time = patience.elapsed() + delay <= self.settings.max_elapsed
        return attempts < self.settings.max_attempts and in_time

    def _skew(self, outcome: Answer | Failure, patience: Patience) -> float | None:
        """Return the seconds by which the server's clock is ahead, if a call was refused for the time it was signed."""
        ahead = self._shown_skew(outcome)
        if ahead is None:
            return None
        off = self.clock.time() + ahead - patience.signed_at
        return ahead if abs(off) > retry.SKEW_TOLERANCE else None

    def _shown_skew(self, outcome: Answer | Failure) -> float | None:
        """Return the seconds by which the server's clock is ahead, as a refusal with 401 shows."""
        if not isinstance(outcome, Answer) or outcome.status != 401:
            return None
        server_time = retry.server_time(outcome)
        return None if server_time is None else server_time - self.clock.time()

    def _error(
        self, call: Call, outcome: Answer | Failure, patience: Patience, attempts: int
    ) -> errors.OnliveCallError:
        elapsed = patience.elapsed()
        if isinstance(outcome, Failure):
            return failure_error(outcome, call=call, attempts=attempts, elapsed=elapsed)
        skew = self._shown_skew(outcome)
        return status_error(
            outcome,
            call=str(call),
            attempts=attempts,
            elapsed=elapsed,
            retry_after=retry.retry_after(outcome, self.clock.time()),
            skew=None if skew is None or abs(skew) <= retry.SKEW_TOLERANCE else skew,
        )


def _turn(call: Call, grant: Grant) -> str:
    """Say what a call's turn waits for."""
    kind = "writes" if call.is_write else "reads"
    if grant.reason == "closed":
        return f"the server asked all {kind} of this access key to wait"
    if grant.reason == "slowed":
        pace = f"{grant.pace:.0f} of {grant.allowed:,}"
        return f"the server refused {kind} within the budget, so that only {pace} a minute are made for a while"
    return f"its turn among the {grant.allowed:,} {kind} a minute of this access key is still to come"


def _why(outcome: Answer | Failure) -> str:
    if isinstance(outcome, Failure):
        return f"{outcome.kind.value} ({outcome.detail})"
    if is_success(outcome):
        return f"the server answered {outcome.status}, and not with the record"
    return f"the server answered {outcome.status}"
