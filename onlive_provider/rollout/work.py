"""The work of a rollout's task: the phases of the rollout, one run after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from onlive_provider.bulk.announcer import Announcer
from onlive_provider.bulk.breaker import Stop
from onlive_provider.bulk.rows import Row
from onlive_provider.bulk.run import BulkRun
from onlive_provider.bulk.task_run import Collector, TaskRun
from onlive_provider.client.steps import Note
from onlive_provider.privacy import hide_personal_data
from onlive_provider.report.outcomes import Outcome
from onlive_provider.rollout.phase import Phase
from onlive_provider.rollout.run import Rollout
from onlive_provider.rollout.summary import RolloutSummary


@dataclass(frozen=True, slots=True)
class RolloutWork:
    """A rollout, carried out phase by phase.

    :param fingerprint: of the records, the plan and the options.
    :param summary: what counts the outcomes.
    :param others: the outcomes of rows that are not worked on.
    """

    rollout: Rollout
    fingerprint: str
    summary: RolloutSummary
    others: Iterable[Outcome] = ()

    @property
    def collectors(self) -> Sequence[Collector]:
        """Nothing takes the outcomes but the summary."""
        return ()

    def carry_out(self, task: TaskRun) -> None:
        """Carry out phase after phase until the task is asked to stop, and record what became of each record."""
        self.rollout.begin(task.limit, task.memory)
        try:
            for step in self.rollout.phases():
                if task.is_stopped:
                    task.cut_short = True
                    return
                if isinstance(step, Note):
                    for line in step.lines():
                        task.log.info("%s", hide_personal_data(line))
                else:
                    self.rollout.take_stop(_carry_out(step, task))
        finally:
            for outcome in chain(self.rollout.outcomes(), self.others):
                task.record(outcome)


def _carry_out(phase: Phase, task: TaskRun) -> Stop | None:
    """Carry out one phase, and return why it was stopped before its end, if it was."""

    def take(outcome: Outcome) -> None:
        if phase.on_outcome(outcome):
            run.stop()

    run = BulkRun(
        phase.worklist,
        (Row(index, None, {}) for index in range(phase.total)),
        concurrency=task.concurrency,
        on_outcome=take,
        on_write=lambda _, announcement: phase.on_write(announcement),
        remembers=task.memory.remembers,
        announcer=Announcer(task.memory),
    )
    try:
        about = {} if phase.batch is None else {"batch": phase.batch}
        task.run(run, total=phase.total, span=phase.span, about=about)
    finally:
        counts = run.reads, run.writes, run.counts.failed
        task.log.info("%s: %d reads, %d writes, %d failed", phase.name.capitalize(), *counts)
    return run.breaker.stop
