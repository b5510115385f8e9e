"""The logic of a call, without I/O: generators that yield what they need done and are sent the outcome.

A driver runs a flow. For each :class:`Send` it makes the exchange and sends back an ``Answer`` or a ``Failure``; for
each :class:`Wait` it waits; each :class:`Note` it logs. So all drivers retry, pace, sign and verify in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onlive_provider import errors
from onlive_provider.client import retry
from onlive_provider.client.budget.budget import Budget, Budgets, Grant
from onlive_provider.client.protocol import (
    Answer,
    Call,
    Failure,
    build_request,
    failure_error,
    read_object,
    status_error,
)
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.steps import Flow, Note, Send, Wait
from onlive_provider.models.changes import holds, is_known
from onlive_provider.models.fields import SERVICE, Resource
from onlive_provider.models.instants import epoch

Record = dict[str, Any]


class Clock:
    """The machine's clock. Each driver adds its own way to wait; tests put another clock in its place."""

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()


@dataclass(slots=True)
class Flows:
    """The flows of one access key at one address, and what they learn about its server's clock.

    :param random: returns an evenly distributed number in [0, 1), for the jitter of a back-off.
    """

    settings: Settings
    budgets: Budgets
    clock: Clock
    random: Callable[[], float]
    _ahead: float = field(default=0.0, init=False)
    _correction: float = field(default=0.0, init=False)

    def read(self, resource: Resource, record_id: str) -> Flow[Record]:
        """Read one record."""
        return (yield from self._call(Call("GET", resource.record_path(record_id)), _Patience(self.clock)))

    def page(self, resource: Resource, query: Mapping[str, str]) -> Flow[Record]:
        """Read one page of a list."""
        return (yield from self._call(Call("GET", resource.path, tuple(query.items())), _Patience(self.clock)))

    def probe(self) -> Flow[None]:
        """Make one signed, read-only call, without a retry, a correction of the clock or a wait for the budget."""
        call = Call("GET", SERVICE.path, (("limit", "1"),))
        patience = _Patience(self.clock)
        outcome = yield from self._attempt(call, patience, waits=False)
        if _record(outcome) is None:
            raise self._error(call, outcome, patience, attempts=1)

    def attempt(self, call: Call, profile: SigningProfile) -> Flow[Answer | Failure]:
        """Make a call once, signed with a profile that need not be the Connection's, and return what came back."""
        return (yield from self._attempt(call, _Patience(self.clock), profile))

    def write(
        self, resource: Resource, record_id: str, patch: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> Flow[Record]:
        """Send a patch. If its fate is unknown, look the record up before sending it again.

        :param before: the record as it was read, if it was; a look-up compares ``updatedAt`` with it.
        :return: the record as the API answered it, or as the look-up found it.
        """
        call = Call("PUT", resource.record_path(record_id), payload=patch)
        patience = _Patience(self.clock)

        def look_up() -> Flow[Record | None]:
            yield Note(f"{call}: it is not known whether the write was made; reading the record to find out")
            record = yield from self._call(Call("GET", call.path), patience)
            return record if self.shows(resource, record, patch, before, patience.first_sent) else None

        return (yield from self._call(call, patience, look_up))

    def _call(
        self, call: Call, patience: _Patience, look_up: Callable[[], Flow[Record | None]] | None = None
    ) -> Flow[Record]:
        attempts = 0
        clock_corrected = False
        while True:
            outcome = yield from self._attempt(call, patience)
            attempts += 1
            record = _record(outcome)
            if record is not None:
                return record
            if not clock_corrected and self._clock_was_off(outcome) and self._has_patience(attempts, patience):
                clock_corrected = True
                self._correction = self._ahead
                yield Note(f"{call}: refused, and the clocks differ by {self._ahead:.0f} s; signing by the server's")
                continue
            delay = self._delay(outcome, attempts, patience)
            self._heed(call, outcome, patience, delay)
            if look_up is not None and retry.fate_is_unknown(outcome):
                wait = max(delay or 0.0, retry.SETTLING_DELAY)
                yield Wait(wait, f"{call}: {_why(outcome)}; the write may still be under way")
                record = yield from self._settle(call, look_up, patience, attempts)
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
        self, call: Call, look_up: Callable[[], Flow[Record | None]], patience: _Patience, attempts: int
    ) -> Flow[Record | None]:
        try:
            record = yield from look_up()
        except errors.OnliveCallError as failed:
            raise errors.OnliveUnknownFateError(
                f"no answer says whether the write was made, and looking it up failed: {failed}",
                call=str(call),
                attempts=attempts,
                elapsed=patience.elapsed(),
                retry_after=failed.retry_after,
            ) from failed
        made = "the write was made and is not sent again" if record is not None else "the write was not made"
        yield Note(f"{call}: {made}")
        return record

    def _attempt(
        self, call: Call, patience: _Patience, profile: SigningProfile | None = None, *, waits: bool = True
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
        request = build_request(
            call,
            base_url=self.settings.base_url,
            profile=profile or self.settings.profile,
            credentials=self.settings.credentials,
            now=self.clock.time() + self._correction,
        )
        outcome = yield Send(request)
        assert outcome is not None
        budget.answered(grant, self.clock.monotonic)
        if isinstance(outcome, Answer):
            server_time = retry.server_time(outcome)
            if server_time is not None:
                self._ahead = server_time - self.clock.time()
        return outcome

    def _heed(self, call: Call, outcome: Answer | Failure, patience: _Patience, delay: float | None) -> None:
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

    def _delay(self, outcome: Answer | Failure, attempts: int, patience: _Patience) -> float | None:
        """Return the seconds to wait before the call is sent again, or ``None`` if it must not be."""
        if not retry.may_be_sent_again(outcome):
            return None
        delay = retry.backoff(attempts, self.random())
        if isinstance(outcome, Answer):
            delay = max(delay, retry.retry_after(outcome, self.clock.time()) or 0.0)
        return delay if self._has_patience(attempts, patience, delay) else None

    def _has_patience(self, attempts: int, patience: _Patience, delay: float = 0.0) -> bool:
        """Whether a call may be sent once more after a delay."""
        in_time = patience.elapsed() + delay <= self.settings.max_elapsed
        return attempts < self.settings.max_attempts and in_time

    def _clock_was_off(self, outcome: Answer | Failure) -> bool:
        """Whether the call was refused with 401 and signed with a time that is not the server's."""
        return _shows_skew(outcome) and abs(self._ahead - self._correction) > retry.SKEW_TOLERANCE

    def _error(
        self, call: Call, outcome: Answer | Failure, patience: _Patience, attempts: int
    ) -> errors.OnliveCallError:
        elapsed = patience.elapsed()
        if isinstance(outcome, Failure):
            return failure_error(outcome, call=call, attempts=attempts, elapsed=elapsed)
        skewed = _shows_skew(outcome) and abs(self._ahead) > retry.SKEW_TOLERANCE
        return status_error(
            outcome,
            call=str(call),
            attempts=attempts,
            elapsed=elapsed,
            retry_after=retry.retry_after(outcome, self.clock.time()),
            skew=self._ahead if skewed else None,
        )

    def shows(
        self,
        resource: Resource,
        record: Mapping[str, Any],
        patch: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        first_sent: float,
    ) -> bool:
        """Whether a record read after a write of unknown fate shows that the write was made.

        :param before: the record as it was read before the write, if it was.
        :param first_sent: seconds since the epoch, when the write first left; only used without ``before``.
        """
        readable = {name: value for name, value in patch.items() if is_known(resource, record, name)}
        mode = self.settings.object_updates
        if not all(holds(resource, record, name, value, mode) for name, value in readable.items()):
            return False
        if len(readable) == len(patch):
            return True
        baseline = epoch((before or {}).get("updatedAt"))
        if baseline is None:
            # An `updatedAt` may have whole seconds, as the `Date` has.
            baseline = first_sent + self._ahead - 1.0
        updated_at = epoch(record.get("updatedAt"))
        return updated_at is not None and updated_at > baseline


class _Patience:
    """How long a call has been tried, without waits for the budget, when it was first sent, and its last turn."""

    def __init__(self, clock: Clock) -> None:
        self.first_sent = 0.0
        self.grant: Grant | None = None
        self._clock = clock
        self._started = clock.monotonic()

    def pause(self, seconds: float) -> None:
        self._started += seconds

    def elapsed(self) -> float:
        return self._clock.monotonic() - self._started


def _record(outcome: Answer | Failure) -> Record | None:
    if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
        return read_object(outcome)
    return None


def _turn(call: Call, grant: Grant) -> str:
    """Say what a call's turn waits for."""
    kind = "writes" if call.is_write else "reads"
    if grant.reason == "closed":
        return f"the server asked all {kind} of this access key to wait"
    if grant.reason == "slowed":
        pace = f"{grant.pace:.0f} of {grant.allowed:,}"
        return f"the server refused {kind} within the budget, so that only {pace} a minute are made for a while"
    return f"its turn among the {grant.allowed:,} {kind} a minute of this access key is still to come"


def _shows_skew(outcome: Answer | Failure) -> bool:
    return isinstance(outcome, Answer) and outcome.status == 401 and retry.server_time(outcome) is not None


def _why(outcome: Answer | Failure) -> str:
    if isinstance(outcome, Failure):
        return f"{outcome.kind.value} ({outcome.detail})"
    return f"the server answered {outcome.status}"
