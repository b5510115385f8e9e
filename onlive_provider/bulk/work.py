"""The work of a bulk task: one run over its input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from onlive_provider.bulk.announcer import Announcer
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.run import BulkRun
from onlive_provider.bulk.summary import Summary
from onlive_provider.bulk.task_run import Collector, TaskRun
from onlive_provider.bulk.worklist import Worklist


@dataclass(frozen=True)
class BulkWork:
    """Rows, and what is to be done with each.

    :param rows: in the order of their index, from 0.
    :param fingerprint: of the input and the options, see :func:`fingerprint_of`.
    :param total: how many rows there are, where that is known.
    :param read_share: returns how much of the input was read, from 0 to 1, where the total is not known.
    :param collectors: what takes the outcomes besides the summary.
    """

    rows: Iterator[Row | BadRow]
    worklist: Worklist
    fingerprint: str
    total: int | None = None
    read_share: Callable[[], float] = lambda: 0.0
    summary: Summary = field(default_factory=Summary)
    collectors: Sequence[Collector] = ()

    def carry_out(self, task: TaskRun) -> None:
        """Give every row its outcome. Those that stand since an earlier try are not worked on again."""
        run = BulkRun(
            self.worklist,
            self.rows,
            concurrency=task.concurrency,
            on_outcome=task.record,
            on_write=task.memory.announce,
            recall=task.memory.recall,
            on_recalled=task.take,
            remembers=task.memory.remembers,
            announcer=Announcer(task.memory),
        )
        task.run(run, total=self.total, read_share=self.read_share)
        task.cut_short = task.is_stopped and run.counts.not_attempted > 0


def fingerprint_of(value: object) -> str:
    """Return a hash of an input and its options, given as JSON or nearly JSON."""
    return hashlib.sha256(json.dumps(value, default=str, skipkeys=True).encode()).hexdigest()
