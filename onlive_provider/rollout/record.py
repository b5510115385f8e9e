"""The state of one record in a rollout: its plan, its write, its check, its revert, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from onlive_provider.bulk.in_progress import with_write
from onlive_provider.bulk.memory import Announcement
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import SERVICE, Resource
from onlive_provider.models.instants import epoch
from onlive_provider.privacy import without_personal_data
from onlive_provider.report.outcomes import Outcome, OutcomeName
from onlive_provider.rollout.planner import RecordPlan


@dataclass(slots=True)
class RolloutRecord:
    """What has happened to one record so far.

    :param index: its place in the input, from 0.
    :param line: its line of the input, from 1, if that has lines.
    :param batch: the batch it is in, from 1; ``None`` beyond the last.
    :param name: for people, of a service that was read; ``None`` where it may be a guest's.
    :param plan: set once the record was read and could be planned.
    :param written: its write, set once it is known that it was made.
    :param failure: the outcome of the phase that failed: the plan, the write or the check.
    :param reverted: the outcome of putting it back.
    :param settled: it held everything already when its write was due.
    :param earlier: its write by an earlier try, where that is known to have been made.
    :param left: its write by an earlier try, which was made or may have been.
    :param announced: its last write, from the moment at which it was about to be sent, by this try or an earlier one.
    """

    resource: Resource
    id: str
    index: int
    line: int | None = None
    batch: int | None = None
    name: str | None = None
    plan: RecordPlan | None = None
    written: Change | None = None
    failure: Outcome | None = None
    reverted: Outcome | None = None
    settled: bool = False
    earlier: Change | None = None
    left: Announcement | None = None
    announced: Announcement | None = None
    attempts: int = 0

    def recall(self, left: Outcome | Announcement | None) -> None:
        """Take note of what earlier tries left of it."""
        if isinstance(left, Outcome):
            if left.outcome == "updated" and left.id is not None:
                self.earlier = left.change()
                left = Announcement(self.earlier, epoch(self.earlier.updated_at) or 1.0)
            else:
                left = None if left.sent_at is None else Announcement(left.change(), left.sent_at)
        self.left = self.announced = left

    def read(self, record: Mapping[str, Any]) -> None:
        """Take note of the record as it was read."""
        if self.resource is SERVICE:
            self.name = str(record["name"]) if record.get("name") else None

    @property
    def is_to_write(self) -> bool:
        """Whether its plan asks for a write that was not tried."""
        tried = self.written or self.failure or self.settled
        return self.plan is not None and self.plan.differs and not tried

    @property
    def label(self) -> str:
        """The record by id and name."""
        return self.id if self.name is None else f'{self.id} "{without_personal_data(self.name)}"'

    @property
    def why(self) -> str:
        """Why it failed, in a line."""
        if self.failure is None:
            return ""
        named = [f"{each['field']}: {each['message']}" for each in self.failure.field_errors if each["field"]]
        return "; ".join(named) or " ".join((self.failure.message or "").split())

    def outcome(self, *, plan_only: bool) -> Outcome:
        """Return what became of it.

        ``before`` and ``after`` hold the field as it was and as the plan wants it, whatever the outcome, where there
        is a plan. But an earlier try's write stays in the report, where this one neither made another nor took it back.
        """
        name = self.outcome_name(plan_only=plan_only)
        if self.plan is None and self.earlier is not None:
            why = f", and could not be read again: {self.why}" if self.failure is not None else ""
            shown = self._written_earlier(self.earlier, why)
        elif self.failure is not None:
            shown = self._failed(self.failure)
        elif self.reverted is not None and self.reverted.outcome != "not_attempted":
            shown = self._reverted(self.reverted)
        elif self.written is not None:
            lost = "; the task was stopped before it was put back" if self.reverted is not None else ""
            written = self._bare("updated", f"written in {self._where()}{lost}")
            shown = replace(written, updated_at=self.written.updated_at)
        elif name == "updated" and self.earlier is not None:
            shown = self._written_earlier(self.earlier, ", and changed by somebody since")
        else:
            shown = self._bare(name, self._where())
        if self.written is None and name != "updated" and shown.sent_at is None:
            shown = with_write(shown, self.left)  # So that a revert finds it.
        return replace(shown, attempts=self.attempts)

    def outcome_name(self, *, plan_only: bool) -> OutcomeName:
        """Return what became of it in a word, without the cost of its fields."""
        if self.plan is None and self.earlier is not None:
            return "updated"
        if self.failure is not None:
            return "failed"
        if self.reverted is not None and self.reverted.outcome != "not_attempted":
            return "failed" if self.reverted.outcome == "failed" else "skipped"
        if self.written is not None:
            return "updated"
        name: OutcomeName = "not_attempted"
        if self.plan is not None and (self.settled or not self.plan.differs):
            name = "unchanged"
        elif self.plan is not None and plan_only:
            name = "planned"
        return "updated" if self.earlier is not None and name != "planned" else name

    def _written_earlier(self, change: Change, why: str) -> Outcome:
        """Return the outcome of a record that an earlier try wrote and that does not show it now."""
        shown = self._bare("updated", f"written by an earlier try{why}")
        return replace(shown, before=change.before, after=change.after, updated_at=change.updated_at)

    def _failed(self, failure: Outcome) -> Outcome:
        message = failure.message or ""
        may_stand = failure.sent_at is not None
        if self.written is not None:
            message = f"written in {self._where()}; {message}"
            may_stand = self.reverted is None or self.reverted.outcome not in ("updated", "unchanged")
            if not may_stand:
                message = f"{message}; put back to what it was"
            elif self.reverted is not None:
                message = f"{message}; not put back: {self.reverted.message or 'the task was stopped'}"
        return self._with_error(message, failure, may_stand=may_stand)

    def _reverted(self, reverted: Outcome) -> Outcome:
        if reverted.outcome == "failed":
            message = f"written in {self._where()} and not put back: {reverted.message}"
            return self._with_error(message, reverted, may_stand=True)
        shown = self._bare("skipped", f"written in {self._where()} and put back")
        return replace(shown, updated_at=reverted.updated_at)

    def _with_error(self, message: str, cause: Outcome, *, may_stand: bool) -> Outcome:
        """Return the outcome of a record that failed.

        :param may_stand: whether it may hold what was written.
        """
        failed = self._bare("failed", message)
        failed = replace(failed, error=cause.error, field_errors=cause.field_errors, retryable=cause.retryable)
        return with_write(failed, self.announced) if may_stand else failed

    def _bare(self, outcome: OutcomeName, message: str) -> Outcome:
        before: Mapping[str, Any] = {}
        after: Mapping[str, Any] = {}
        updated_at = None
        if self.plan is not None:
            before, updated_at = self.plan.former(), self.plan.updated_at
            after = self.plan.patch() if self.plan.differs else before
        return Outcome(
            self.index,
            self.line,
            self.id,
            outcome,
            resource=self.resource.name,
            before=before,
            after=after,
            updated_at=updated_at,
            message=f"{without_personal_data(self.name or self.id)}: {message}",
            name=self.name,
        )

    def _where(self) -> str:
        return "no batch" if self.batch is None else f"batch {self.batch}"
