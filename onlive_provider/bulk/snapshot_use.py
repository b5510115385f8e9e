"""How a bulk task uses a snapshot: its work knows rows again, and no write leaves once another try has taken over."""

from __future__ import annotations

from dataclasses import replace

from onlive_provider.bulk.job import Job
from onlive_provider.bulk.lease import Lease
from onlive_provider.bulk.memory import Announcement, Memory, TaskEnd
from onlive_provider.bulk.snapshot import Snapshot
from onlive_provider.bulk.work import BulkWork
from onlive_provider.bulk.worklist import Worklist
from onlive_provider.errors import OnliveError, OnliveReportPlaceError
from onlive_provider.report.outcomes import Outcome


def with_snapshot(work: BulkWork, snapshot: Snapshot) -> BulkWork:
    """Return work that makes no call for a row that the snapshot knows, and remembers the others there."""
    work.summary.from_snapshot = 0
    plan = None if work.plan_worklist is None else _knowing(work.plan_worklist, snapshot)
    worklist, collectors = _knowing(work.worklist, snapshot), [*work.collectors, snapshot]
    return replace(work, worklist=worklist, plan_worklist=plan, collectors=collectors)


def _knowing(worklist: Worklist, snapshot: Snapshot) -> Job:
    assert isinstance(worklist, Job)
    return replace(worklist, snapshot=snapshot)


class SnapshotMemory:
    """A :class:`~onlive_provider.bulk.memory.Memory` that lets no write leave without a snapshot's lease, too."""

    is_flushed = True

    def __init__(self, memory: Memory, lease: Lease) -> None:
        self._memory = memory
        self._lease = lease

    @property
    def remembers(self) -> bool:
        """Whether a retry finds anything here."""
        return self._memory.remembers

    @property
    def pause(self) -> float:
        """Seconds between two flushes."""
        return self._memory.pause

    @property
    def saving_pause(self) -> float:
        """Seconds between two savings at least."""
        return self._memory.saving_pause

    def recall(self, index: int) -> Outcome | Announcement | None:
        """Return what earlier tries left of a row."""
        return self._memory.recall(index)

    def announce(self, index: int, announcement: Announcement) -> None:
        """Remember that a write is about to be sent."""
        self._memory.announce(index, announcement)

    def flush(self) -> None:
        """Make durable what was announced, and make sure that no later try has taken over.

        :raises OnliveReportPlaceError: it cannot be made durable, or the snapshot's store is away.
        :raises OnliveReportTakenError: a later try has taken over.
        """
        self._memory.flush()
        self._keep_lease()

    def may_write(self) -> bool:
        """Whether an announced write may leave now.

        :raises OnliveReportTakenError: a later try has taken over.
        """
        return self._memory.may_write() and self._lease.is_held()

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome."""
        self._memory.record(outcome)

    def save(self) -> None:
        """Put what is remembered where a retry finds it, and say that this process is alive."""
        self._memory.save()
        self._keep_lease()

    def finish(self, end: TaskEnd) -> None:
        """Store what the task leaves behind."""
        self._memory.finish(end)

    def _keep_lease(self) -> None:
        try:
            if not self._lease.is_held():
                self._lease.renew()
        except OnliveError:
            raise
        except Exception as error:
            why = f"The place of the snapshot does not answer ({type(error).__name__})"
            raise OnliveReportPlaceError(f"{why}: nothing more is sent. A retry of the task goes on") from error
