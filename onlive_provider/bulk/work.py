"""The work of a bulk task: one run over its input, or two where the first only compares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from onlive_provider.bulk.announcer import Announcer
from onlive_provider.bulk.brake import Brake
from onlive_provider.bulk.memory import Announcement
from onlive_provider.bulk.row_set import RowSet
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.run import BulkRun
from onlive_provider.bulk.summary import Summary
from onlive_provider.bulk.task_run import Collector, TaskRun
from onlive_provider.bulk.tracing import SpanName
from onlive_provider.bulk.worklist import Worklist
from onlive_provider.report.outcomes import Outcome


@dataclass(frozen=True)
class BulkWork:
    """Rows, and what is to be done with each.

    :param rows: begins the input anew at each call, in the order of the index from 0.
    :param fingerprint: of the input and the options, see :func:`fingerprint_of`.
    :param total: how many rows there are, where that is known.
    :param read_share: returns how much of the input was read, from 0 to 1, where the total is not known.
    :param collectors: what takes the outcomes besides the summary.
    :param plan_worklist: the same as ``worklist``, except that nothing is written; ``None`` where ``worklist`` itself
        writes nothing.
    :param brake: decides, once all rows are compared, whether anything is written.
    :param span: what the run over ``worklist`` is called in a trace.
    """

    rows: Callable[[], Iterator[Row | BadRow]]
    worklist: Worklist
    fingerprint: str
    total: int | None = None
    read_share: Callable[[], float] = lambda: 0.0
    summary: Summary = field(default_factory=Summary)
    collectors: Sequence[Collector] = ()
    plan_worklist: Worklist | None = None
    brake: Brake | None = None
    span: SpanName = "onlive.write"

    def carry_out(self, task: TaskRun) -> None:
        """Give every row its outcome. Those that stand since an earlier try are not worked on again.

        With a brake all rows are compared first. Then those that differ are written, unless they are too many.
        """
        if self.brake is None:
            run = self._run(task, self.worklist, self.rows(), lambda index: self._recall(task, index), task.take)
            task.run(run, total=self.total, read_share=self.read_share, span=self.span)
            task.cut_short = task.is_stopped and run.counts.not_attempted > 0
            return
        task.summary.waiting = waiting = RowSet()
        try:
            if self._compare(task, self.brake, waiting) and waiting and not task.is_stopped:
                self._write(task, waiting)
        finally:
            for index in waiting:
                task.take(Outcome(index, None, id=None, outcome="planned"))
            task.cut_short = task.is_stopped and (len(waiting) > 0 or task.summary.counts.not_attempted > 0)

    def _compare(self, task: TaskRun, brake: Brake, waiting: RowSet) -> bool:
        """Compare all rows, and return whether those that differ may be written.

        :param waiting: takes the rows that are to be written.
        """

        def take(outcome: Outcome) -> None:
            brake.add(outcome)
            if outcome.outcome == "planned" and self.plan_worklist is not None:
                waiting.add(outcome.index)
            else:
                task.take(outcome)

        worklist = self.worklist if self.plan_worklist is None else self.plan_worklist
        run = self._run(task, worklist, self.rows(), task.memory.recall, take)
        name = "" if self.plan_worklist is None else "Comparing"
        task.run(run, total=self.total, read_share=self.read_share, name=name, span="onlive.plan")
        if run.counts.not_attempted or run.breaker.stop is not None or run.is_given_up:
            return False
        task.summary.too_many_changes = brake.exceeded(run.counts.total)
        if task.summary.too_many_changes is None:
            task.log.info("%s", brake.count_text(run.counts.total))
        return task.summary.too_many_changes is None

    def _write(self, task: TaskRun, waiting: RowSet) -> None:
        """Write the rows that wait, and let each that has its outcome wait no longer."""

        def take(outcome: Outcome) -> None:
            waiting.discard(outcome.index)
            task.take(outcome)

        rows = (row for row in self.rows() if row.index in waiting)
        run = self._run(task, self.worklist, rows, lambda _: None, take)
        task.run(run, total=len(waiting), name="Writing", span=self.span)

    def _run(
        self,
        task: TaskRun,
        worklist: Worklist,
        rows: Iterator[Row | BadRow],
        recall: Callable[[int], Outcome | Announcement | None],
        take: Callable[[Outcome], None],
    ) -> BulkRun:
        """Return a run whose outcomes are remembered.

        :param take: takes each outcome, those of earlier tries too.
        """

        def record(outcome: Outcome) -> None:
            task.memory.record(outcome)
            take(outcome)

        return BulkRun(
            worklist,
            rows,
            concurrency=task.concurrency,
            on_outcome=record,
            on_write=task.memory.announce,
            recall=recall,
            on_recalled=take,
            remembers=task.memory.remembers,
            announcer=Announcer(task.memory),
        )

    def _recall(self, task: TaskRun, index: int) -> Outcome | Announcement | None:
        """Return what earlier tries left of a row, except that what one with a brake only planned is to be written."""
        recalled = task.memory.recall(index)
        is_planned = isinstance(recalled, Outcome) and recalled.outcome == "planned"
        return None if is_planned and self.plan_worklist is not None else recalled


def fingerprint_of(value: object) -> str:
    """Return a hash of an input and its options, given as JSON or nearly JSON."""
    return hashlib.sha256(json.dumps(value, default=str, skipkeys=True).encode()).hexdigest()
