"""A rollout from its plan to its end, as phases to be carried out one after another. It makes no call itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.brake import Brake
from onlive_provider.bulk.breaker import Stop
from onlive_provider.bulk.chain import Chain
from onlive_provider.bulk.in_progress import with_write
from onlive_provider.bulk.memory import Announcement, Memory, is_of_unknown_fate
from onlive_provider.bulk.revert import RevertList
from onlive_provider.bulk.tracing import SpanName
from onlive_provider.bulk.worklist import Inspection
from onlive_provider.client.steps import Note
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveNotHeldError, OnliveUnknownFateError
from onlive_provider.models.changes import Change
from onlive_provider.models.wording import counted
from onlive_provider.report.outcomes import Counts, Outcome
from onlive_provider.rollout.phase import Phase, Step
from onlive_provider.rollout.planner import Planner, RecordPlan, write_of
from onlive_provider.rollout.record import RolloutRecord
from onlive_provider.rollout.worklists import RecordList, verify, write


@dataclass(kw_only=True)
class Rollout:
    """Plans all records, writes batch after batch, checks each, and puts everything back when it goes wrong.

    :param planner: plans each record.
    :param records: all of them.
    :param batches: the ids of each batch, as :func:`~onlive_provider.rollout.batches.split` gives them.
    :param plan_only: stop after the plan.
    :param brake: decides, once all records are planned, whether anything is written.
    :param total: of how many records the brake allows a share; by default of ``records``.
    """

    planner: Planner
    records: Sequence[RolloutRecord]
    batches: Sequence[Sequence[str]]
    revert_on_failure: bool
    plan_only: bool
    brake: Brake | None = None
    total: int | None = None
    too_many_changes: str | None = field(default=None, init=False)
    table: str = field(default="", init=False)
    stopped_by: str = field(default="", init=False)
    _by_id: dict[str, RolloutRecord] = field(init=False)
    _written: list[RolloutRecord] = field(default_factory=list, init=False)
    _limit: Allowance = field(init=False)
    _memory: Memory = field(init=False)
    _stop: Stop | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._by_id = {each.id: each for each in self.records}
        for number, ids in enumerate(self.batches, 1):
            for each in ids:
                self._by_id[each].batch = number

    def begin(self, limit: Allowance, memory: Memory) -> None:
        """Learn what earlier tries of the same rollout wrote. Must be called before :meth:`phases`.

        :param limit: more failures than this stop the rollout.
        :param memory: what earlier tries announced or wrote, and where this one announces its writes.
        """
        self._limit, self._memory = limit, memory
        for record in self.records:
            record.recall(memory.recall(record.index))

    def phases(self) -> Iterator[Step]:
        """Yield phases and notes. Each must be carried out or logged before the next is asked for."""
        yield self._phase("plan", "onlive.plan", self._inspect, self.records, self._take_plan)
        self.table = self.planner.table(self.plans, self.problems)
        yield Note(self.table)
        self._judge("the plan")
        if self.brake is not None and not self.stopped_by:
            self.too_many_changes = self._ask(self.brake)
        if self.plan_only or self.too_many_changes:
            return
        for number, ids in enumerate(self.batches, 1):
            if self.stopped_by:
                break
            yield from self._batch(number, [self._by_id[each] for each in ids])
        if self.stopped_by and self.revert_on_failure and self._written:
            yield Note(f"Stopped in {self.stopped_by}; putting back {self._counted(len(self._written))}")
            yield self._revert()

    @property
    def plans(self) -> list[RecordPlan]:
        """The plans of all records that could be planned."""
        return [each.plan for each in self.records if each.plan is not None and not each.failure]

    @property
    def problems(self) -> dict[str, str]:
        """Record to why it failed."""
        return {each.label: each.why for each in self.records if each.failure}

    def take_stop(self, stop: Stop | None) -> None:
        """Take note that a phase was stopped because of the key, the Connection or the server, if it was."""
        self._stop = self._stop or stop

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcome of each record as of this moment."""
        for each in self.records:
            yield self._outcome(each)

    def counts_by_batch(self) -> list[dict[str, int]]:
        """Return for each batch how many records it has and how many outcomes of each name."""
        counts = [Counts() for _ in self.batches]
        for each in self.records:
            if each.batch is not None:
                counts[each.batch - 1].add(self._outcome(each))
        return [{"size" if name == "total" else name: n for name, n in each.as_json().items()} for each in counts]

    def reason(self) -> str:
        """Return why the rollout was stopped and what became of what was written."""
        back = [each for each in self._written if each.reverted and each.reverted.outcome in ("updated", "unchanged")]
        left = [each for each in self._written if each not in back]
        text = f"The rollout was stopped in {self.stopped_by}. Written: {self._counted(len(self._written))}"
        text += f"; put back: {len(back):,}." if self._written else "."
        if left:
            names = ", ".join(each.label for each in left[:10])
            more = f" and {len(left) - 10:,} more" if len(left) > 10 else ""
            text += f" Not put back: {names}{more}."
        return text

    @property
    def may_go_well_later(self) -> bool:
        """Whether a retry may get to the end: the failures that would stay are few enough not to stop it."""
        failures = [each.failure for each in self.records if each.failure is not None]
        lasting = [each for each in failures if not each.retryable]
        if any(each.error == OnliveNotHeldError.__name__ for each in lasting):
            return False
        if self._stop is not None:
            return self._stop.error.retryable
        return len(lasting) < len(failures) and not self._limit.is_exceeded(len(lasting), len(self.records))

    def _batch(self, number: int, records: Sequence[RolloutRecord]) -> Iterator[Step]:
        name = f"batch {number} of {len(self.batches)}"
        waiting = [each for each in records if each.is_to_write]
        yield Note(f"{name.capitalize()}: {self._counted(len(records))}, {len(waiting):,} to write")
        while True:
            if waiting:
                writing = self._phase(name, "onlive.batch", self._write, waiting, self._take_write)
                yield replace(writing, on_write=self._announce, batch=number)
            written = [each for each in records if each.written or _may_be_written(each)]
            if written:
                reading = self._phase(f"{name}, read again", "onlive.verify", self._verify, written, self._take_check)
                yield replace(reading, batch=number)
            self._judge(name)
            # A write of unknown fate stops the batch, and may turn out to have been made.
            waiting = [each for each in records if each.is_to_write]
            if self.stopped_by or not waiting:
                break
        if written and not self.stopped_by:
            held = sum(each.written is not None and each.failure is None for each in records)
            yield Note(f"{name.capitalize()}: read again, {held:,} of {self._counted(len(written))} as sent")

    def _phase(
        self,
        name: str,
        span: SpanName,
        work: Callable[[RolloutRecord], Update | Inspection],
        records: Sequence[RolloutRecord],
        take: Callable[[RolloutRecord, Outcome], bool],
    ) -> Phase:
        return Phase(
            name=name,
            span=span,
            worklist=RecordList(records, work),
            total=len(records),
            on_outcome=self._taking(take),
        )

    def _revert(self) -> Phase:
        def take(record: RolloutRecord, outcome: Outcome) -> bool:
            record.reverted = outcome
            return False

        chains = [Chain.of(each.written) for each in reversed(self._written) if each.written is not None]
        worklist = RevertList(chains, plan_only=False)
        return Phase(
            name="putting back",
            span="onlive.put_back",
            worklist=worklist,
            total=len(chains),
            on_outcome=self._taking(take),
        )

    def _taking(self, take: Callable[[RolloutRecord, Outcome], bool]) -> Callable[[Outcome], bool]:
        def on_outcome(outcome: Outcome) -> bool:
            assert outcome.id is not None
            record = self._by_id[outcome.id]
            record.attempts += outcome.attempts
            return take(record, outcome)

        return on_outcome

    def _announce(self, announcement: Announcement) -> None:
        record = self._by_id[announcement.change.id]
        record.announced = announcement
        self._memory.announce(record.index, announcement)

    def _inspect(self, record: RolloutRecord) -> Inspection:
        return Inspection(record.resource, record.id, lambda current: self._plan(record, current))

    def _write(self, record: RolloutRecord) -> Update:
        assert record.plan is not None
        return write(record, record.plan)

    def _verify(self, record: RolloutRecord) -> Inspection:
        assert record.plan is not None
        return verify(record, record.plan)

    def _plan(self, record: RolloutRecord, current: Mapping[str, Any]) -> bool:
        record.read(current)
        known = {**current, "id": record.id}
        again = record.announced and self.planner.plan_again(known, record.announced.change)
        record.plan = again or self.planner.plan(known)
        if again:
            self._add_written(record, write_of(again, current.get("updatedAt")))
        return record.is_to_write

    def _take_plan(self, record: RolloutRecord, outcome: Outcome) -> bool:
        record.failure = outcome if outcome.outcome == "failed" else None
        if record.failure is not None and record.announced is not None and record.earlier is None:
            # An earlier try announced a write: what became of it is still to be found out.
            lost = replace(outcome, error=OnliveUnknownFateError.__name__)
            record.failure = with_write(lost, record.announced)
        return False

    def _take_write(self, record: RolloutRecord, outcome: Outcome) -> bool:
        if outcome.outcome == "updated":
            self._add_written(record, outcome.change())
        elif outcome.outcome == "failed":
            record.failure = outcome
        else:
            record.settled = outcome.outcome == "unchanged"
        return outcome.outcome == "failed" and self._has_too_many_failures()

    def _take_check(self, record: RolloutRecord, outcome: Outcome) -> bool:
        if outcome.outcome == "failed" and record.written:
            record.failure = outcome
        elif outcome.outcome == "unchanged" and not record.written:
            assert record.plan is not None
            record.failure = None
            self._add_written(record, write_of(record.plan, outcome.updated_at))
        return False

    def _add_written(self, record: RolloutRecord, change: Change) -> None:
        record.written = change
        self._written.append(record)

    def _judge(self, where: str) -> None:
        failures = [each for each in self.records if each.failure is not None]
        not_held = [each for each in failures if each.failure and each.failure.error == OnliveNotHeldError.__name__]
        if not_held:
            self.stopped_by = f"{where}: {self.planner.resource.name} {not_held[0].label} does not hold what was sent"
        elif self._stop is not None:
            self.stopped_by = where
        elif self._has_too_many_failures():
            self.stopped_by = f"{where}: {len(failures):,} failed, allowed: {self._limit}"

    def _ask(self, brake: Brake) -> str | None:
        """Return why nothing is written, if more records of the batches would change than allowed."""
        for each in self.records:
            if each.batch is not None:
                brake.add(each.outcome(plan_only=True))
        return brake.exceeded(len(self.records) if self.total is None else self.total)

    def _outcome(self, record: RolloutRecord) -> Outcome:
        return record.outcome(plan_only=self.plan_only or self.too_many_changes is not None)

    def _counted(self, number: int) -> str:
        return counted(number, self.planner.resource.name)

    def _has_too_many_failures(self) -> bool:
        failed = sum(each.failure is not None for each in self.records)
        return self._limit.is_exceeded(failed, len(self.records))


def _may_be_written(record: RolloutRecord) -> bool:
    return record.failure is not None and is_of_unknown_fate(record.failure)
