"""A rollout from its plan to its end, as phases to be carried out one after another. It makes no call itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.breaker import Stop
from onlive_provider.bulk.chain import Chain
from onlive_provider.bulk.in_progress import with_write
from onlive_provider.bulk.memory import Announcement, Memory, is_of_unknown_fate
from onlive_provider.bulk.revert import RevertList
from onlive_provider.bulk.worklist import Inspection, Worklist
from onlive_provider.client.steps import Note
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveNotHeldError, OnliveUnknownFateError
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import SERVICE
from onlive_provider.models.instants import epoch
from onlive_provider.models.wording import counted
from onlive_provider.report.outcomes import Counts, Outcome
from onlive_provider.rollout.plan import plan_again, plan_service
from onlive_provider.rollout.service import RolloutService
from onlive_provider.rollout.table import plan_table
from onlive_provider.rollout.worklists import ServiceList, verify, write
from onlive_provider.seasons import Season
from onlive_provider.seasons.target import Mode, Target


@dataclass(frozen=True, slots=True)
class Phase:
    """What one run carries out.

    :param name: for the log.
    :param worklist: what is to be done with each service.
    :param total: how many services the worklist has.
    :param on_outcome: called with each outcome; returns whether the services that are left are to be left alone.
    :param on_write: called before each write that a retry has to know of.
    """

    name: str
    worklist: Worklist
    total: int
    on_outcome: Callable[[Outcome], bool]
    on_write: Callable[[Announcement], None] = lambda _: None


Step: TypeAlias = Phase | Note


@dataclass(kw_only=True)
class Rollout:
    """Plans all services, writes batch after batch, checks each, and puts everything back when it goes wrong.

    :param ids: all services.
    :param batches: the services of each batch, as :func:`~onlive_provider.rollout.batches.split` gives them.
    :param plan_only: stop after the plan.
    """

    ids: Sequence[str]
    seasons: Sequence[Season]
    mode: Mode
    target: Target
    batches: Sequence[Sequence[str]]
    revert_on_failure: bool
    plan_only: bool
    table: str = field(default="", init=False)
    stopped_by: str = field(default="", init=False)
    _services: dict[str, RolloutService] = field(init=False)
    _written: list[RolloutService] = field(default_factory=list, init=False)
    _limit: Allowance = field(init=False)
    _memory: Memory = field(init=False)
    _stop: Stop | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        batch_of = {each: number for number, ids in enumerate(self.batches, 1) for each in ids}
        self._services = {
            each: RolloutService(each, index, batch_of.get(each), each) for index, each in enumerate(self.ids)
        }

    def begin(self, limit: Allowance, memory: Memory) -> None:
        """Learn what earlier tries of the same rollout wrote. Must be called before :meth:`phases`.

        :param limit: more failures than this stop the rollout.
        :param memory: what earlier tries announced or wrote, and where this one announces its writes.
        """
        self._limit, self._memory = limit, memory
        for index in range(len(self.ids)):
            found = memory.recall(index)
            if isinstance(found, Announcement):
                self._services[found.change.id].announced = found
            elif found is not None and found.outcome == "updated" and found.id is not None:
                service, change = self._services[found.id], found.change()
                service.earlier = change
                service.announced = Announcement(change, epoch(change.updated_at) or 1.0)

    def phases(self) -> Iterator[Step]:
        """Yield phases and notes. Each must be carried out or logged before the next is asked for."""
        yield self._phase("plan", self._inspect, list(self._services.values()), self._take_plan)
        plans = [each.plan for each in self._services.values() if each.plan is not None and not each.failure]
        problems = {each.label: each.why for each in self._services.values() if each.failure}
        self.table = plan_table(plans, problems, seasons=self.seasons, mode=self.mode)
        yield Note(self.table)
        self._judge("the plan")
        if self.plan_only:
            return
        for number, ids in enumerate(self.batches, 1):
            if self.stopped_by:
                break
            yield from self._batch(number, [self._services[each] for each in ids])
        if self.stopped_by and self.revert_on_failure and self._written:
            yield Note(f"Stopped in {self.stopped_by}; putting back {counted(len(self._written), 'service')}")
            yield self._revert()

    def take_stop(self, stop: Stop | None) -> None:
        """Take note that a phase was stopped because of the key, the Connection or the server, if it was."""
        self._stop = self._stop or stop

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcome of each service as of this moment."""
        for each in self._services.values():
            yield each.outcome(plan_only=self.plan_only)

    def counts_by_batch(self) -> list[dict[str, int]]:
        """Return for each batch how many services it has and how many outcomes of each name."""
        counts = [Counts() for _ in self.batches]
        for each in self._services.values():
            if each.batch is not None:
                counts[each.batch - 1].add(each.outcome(plan_only=self.plan_only))
        return [{"size" if name == "total" else name: n for name, n in each.as_json().items()} for each in counts]

    def reason(self) -> str:
        """Return why the rollout was stopped and what became of what was written."""
        back = [each for each in self._written if each.reverted and each.reverted.outcome in ("updated", "unchanged")]
        left = [each for each in self._written if each not in back]
        text = f"The rollout was stopped in {self.stopped_by}. Written: {counted(len(self._written), 'service')}"
        text += f"; put back: {len(back):,}." if self._written else "."
        if left:
            names = ", ".join(each.label for each in left[:10])
            more = f" and {len(left) - 10:,} more" if len(left) > 10 else ""
            text += f" Not put back: {names}{more}."
        return text

    @property
    def may_go_well_later(self) -> bool:
        """Whether a retry may get to the end: the failures that would stay are few enough not to stop it."""
        failures = [each.failure for each in self._services.values() if each.failure is not None]
        lasting = [each for each in failures if not each.retryable]
        if any(each.error == OnliveNotHeldError.__name__ for each in lasting):
            return False
        if self._stop is not None:
            return self._stop.error.retryable
        return len(lasting) < len(failures) and not self._limit.is_exceeded(len(lasting), len(self.ids))

    def _batch(self, number: int, services: Sequence[RolloutService]) -> Iterator[Step]:
        name = f"batch {number} of {len(self.batches)}"
        waiting = [each for each in services if each.is_to_write]
        yield Note(f"{name.capitalize()}: {counted(len(services), 'service')}, {len(waiting):,} to write")
        while True:
            if waiting:
                yield self._phase(name, self._write, waiting, self._take_write, self._announce)
            written = [each for each in services if each.written or _may_be_written(each)]
            if written:
                yield self._phase(f"{name}, read again", self._verify, written, self._take_check)
            self._judge(name)
            # A write of unknown fate stops the batch, and may turn out to have been made.
            waiting = [each for each in services if each.is_to_write]
            if self.stopped_by or not waiting:
                break
        if written and not self.stopped_by:
            held = sum(each.written is not None and each.failure is None for each in services)
            yield Note(f"{name.capitalize()}: read again, {held:,} of {counted(len(written), 'service')} as sent")

    def _phase(
        self,
        name: str,
        work: Callable[[RolloutService], Update | Inspection],
        services: Sequence[RolloutService],
        take: Callable[[RolloutService, Outcome], bool],
        on_write: Callable[[Announcement], None] = lambda _: None,
    ) -> Phase:
        return Phase(name, ServiceList(services, work), len(services), self._taking(take), on_write)

    def _revert(self) -> Phase:
        def take(service: RolloutService, outcome: Outcome) -> bool:
            service.reverted = outcome
            return False

        chains = [Chain.of(each.written) for each in reversed(self._written) if each.written is not None]
        worklist = RevertList(chains, plan_only=False)
        return Phase("putting back", worklist, len(chains), self._taking(take))

    def _taking(self, take: Callable[[RolloutService, Outcome], bool]) -> Callable[[Outcome], bool]:
        def on_outcome(outcome: Outcome) -> bool:
            assert outcome.id is not None
            service = self._services[outcome.id]
            service.attempts += outcome.attempts
            return take(service, outcome)

        return on_outcome

    def _announce(self, announcement: Announcement) -> None:
        service = self._services[announcement.change.id]
        service.announced = announcement
        self._memory.announce(service.index, announcement)

    def _inspect(self, service: RolloutService) -> Inspection:
        return Inspection(SERVICE, service.id, lambda record: self._plan(service, record))

    def _write(self, service: RolloutService) -> Update:
        assert service.plan is not None
        return write(service.plan)

    def _verify(self, service: RolloutService) -> Inspection:
        assert service.plan is not None
        return verify(service.plan, service.written.updated_at if service.written else None)

    def _plan(self, service: RolloutService, record: Mapping[str, Any]) -> None:
        service.name = str(record.get("name") or service.id)
        known = {**record, "id": service.id}
        earlier = service.announced and service.announced.change
        again = earlier and plan_again(known, earlier.before, self.seasons, self.mode, self.target)
        service.plan = again or plan_service(known, self.seasons, self.mode, self.target)
        if again:
            self._add_written(service, again.change(record.get("updatedAt")))

    def _take_plan(self, service: RolloutService, outcome: Outcome) -> bool:
        service.failure = outcome if outcome.outcome == "failed" else None
        if service.failure is not None and service.announced is not None and service.earlier is None:
            # An earlier try announced a write: what became of it is still to be found out.
            lost = replace(outcome, error=OnliveUnknownFateError.__name__)
            service.failure = with_write(lost, service.announced)
        return False

    def _take_write(self, service: RolloutService, outcome: Outcome) -> bool:
        if outcome.outcome == "updated":
            self._add_written(service, outcome.change())
        elif outcome.outcome == "failed":
            service.failure = outcome
        else:
            service.settled = outcome.outcome == "unchanged"
        return outcome.outcome == "failed" and self._has_too_many_failures()

    def _take_check(self, service: RolloutService, outcome: Outcome) -> bool:
        if outcome.outcome == "failed" and service.written:
            service.failure = outcome
        elif outcome.outcome == "unchanged" and not service.written:
            assert service.plan is not None
            service.failure = None
            self._add_written(service, service.plan.change(outcome.updated_at))
        return False

    def _add_written(self, service: RolloutService, change: Change) -> None:
        service.written = change
        self._written.append(service)

    def _judge(self, where: str) -> None:
        failures = [each for each in self._services.values() if each.failure is not None]
        not_held = [each for each in failures if each.failure and each.failure.error == OnliveNotHeldError.__name__]
        if not_held:
            self.stopped_by = f"{where}: service {not_held[0].label} does not hold what was sent"
        elif self._stop is not None:
            self.stopped_by = where
        elif self._has_too_many_failures():
            self.stopped_by = f"{where}: {len(failures):,} failed, allowed are {self._limit}"

    def _has_too_many_failures(self) -> bool:
        failed = sum(each.failure is not None for each in self._services.values())
        return self._limit.is_exceeded(failed, len(self.ids))


def _may_be_written(service: RolloutService) -> bool:
    return service.failure is not None and is_of_unknown_fate(service.failure)
