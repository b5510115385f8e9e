"""What a rollout does with a record: write its plan, and verify that it holds what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.worklist import Inspection, Worklist
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveNotHeldError, OnliveStaleRecordError
from onlive_provider.models.changes import shown
from onlive_provider.models.instants import instant
from onlive_provider.report.outcomes import Outcome
from onlive_provider.rollout.planner import RecordPlan
from onlive_provider.rollout.record import RolloutRecord


class RecordList(Worklist):
    """Records, in the order in which they are worked on.

    :param work: returns what is to be done with a record.
    """

    stop_on_long_retry_after = False

    def __init__(self, records: Sequence[RolloutRecord], work: Callable[[RolloutRecord], Update | Inspection]) -> None:
        self._records = records
        self._work = work

    def prepare(self, row: Row | BadRow) -> Update | Inspection:
        """Return what is to be done with a row's record."""
        return self._work(self._records[row.index])

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        record = self._records[row.index]
        return Outcome(row.index, None, record.id, "not_attempted", resource=record.resource.name)


def write(record: RolloutRecord, plan: RecordPlan) -> Update:
    """Return the update that a plan asks for, refused where the record was changed since it was planned."""

    def check(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
        if patch:
            refuse_if_moved(record, plan, current)

    # To send also what is in place, the record has to be guarded by its time, or it would not be read.
    guard = plan.updated_at if plan.sends_all else None
    return Update(
        resource=plan.resource,
        id=plan.id,
        payload=plan.patch(),
        only_changed=guard is None,
        expected_updated_at=guard,
        check=check,
    )


def refuse_if_moved(record: RolloutRecord, plan: RecordPlan, current: Mapping[str, Any]) -> None:
    """Refuse a record that no longer is what its plan saw.

    :param current: the record as it was read.
    :raises OnliveStaleRecordError: its ``updatedAt`` or one of the planned fields is another.
    """
    found, moved = current.get("updatedAt"), plan.moved_fields(current)
    if moved or (instant(found) or found) != (instant(plan.updated_at) or plan.updated_at):
        verb = "is" if len(moved) == 1 else "are"
        which = f": {' and '.join(moved)} {verb} not what the plan saw" if moved else ""
        raise OnliveStaleRecordError(_words(record), f"{plan.updated_at}, when it was planned{which}", found)


def verify(record: RolloutRecord, plan: RecordPlan) -> Inspection:
    """Return the check that a written record holds what its plan says, or that a write of unknown fate was made."""
    written_at = record.written.updated_at if record.written else None

    def compare(current: Mapping[str, Any]) -> bool:
        if not plan.missing_fields(current) if record.written else plan.is_shown_by(current):
            return False
        found = current.get("updatedAt")
        moved = found if written_at is not None and instant(found) != instant(written_at) else None
        raise OnliveNotHeldError(_not_held(record, plan, current, moved))

    return Inspection(plan.resource, plan.id, compare)


def _words(record: RolloutRecord) -> str:
    return f"{record.resource.name} {record.label}"


def _not_held(record: RolloutRecord, plan: RecordPlan, held: Mapping[str, Any], changed_at: str | None) -> str:
    cause = f", changed by somebody else at {changed_at}" if changed_at else ""
    lines = []
    for name in plan.missing_fields(held):
        row = plan.resource.field(name)
        sides = f"sent {shown(plan.patch()[name], row)}, holds {shown(held.get(name), row)}"
        lines.append(sides if row.shown else f"{name} (values not shown)")
    return f"{_words(record)} does not hold what was sent{cause}: {'; '.join(lines)}"
