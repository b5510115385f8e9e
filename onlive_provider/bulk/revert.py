"""Reverts what a report or a change says was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.worklist import Worklist, failed
from onlive_provider.client.updates import Update
from onlive_provider.errors import FieldError, OnlivePayloadError, OnliveStaleRecordError
from onlive_provider.models.changes import Change
from onlive_provider.models.instants import instant
from onlive_provider.privacy import HIDDEN
from onlive_provider.report.outcomes import Outcome


class RevertList(Worklist):
    """Puts each written record back to what it was, unless somebody changed it since.

    :param changes: what was written, in the order in which it is put back.
    """

    def __init__(self, changes: Sequence[Change], *, plan_only: bool) -> None:
        self._changes = changes
        self._plan_only = plan_only

    def rows(self) -> Iterator[Row]:
        """Yield a row for each change."""
        return (Row(index, None, {}) for index in range(len(self._changes)))

    def prepare(self, row: Row | BadRow) -> Update | Outcome:
        """Return the inverse update, or the failure of a change that cannot be reverted."""
        change = self._changes[row.index]
        problem = _problem(change)
        if problem is not None:
            return failed(row, change.resource, change.id, OnlivePayloadError([problem]))

        def check(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
            found = current.get("updatedAt")
            if patch and instant(found) != instant(change.updated_at):
                raise OnliveStaleRecordError(f"{change.resource.name} {change.id}", str(change.updated_at), found)

        return Update(
            resource=change.resource,
            id=change.id,
            payload=change.inverse(),
            plan_only=self._plan_only,
            by_all_members=True,
            check=check,
        )

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        change = self._changes[row.index]
        return Outcome(row.index, row.line, change.id, "not_attempted", resource=change.resource.name)


def written(outcomes: Iterable[Outcome]) -> list[Change]:
    """Return the changes that a report says were made, the last one first.

    :raises OnlivePayloadError: a line does not say which resource it is about.
    """
    changes = []
    for line, each in enumerate(outcomes, start=1):
        change = each.change(f"line {line}: ")
        if each.outcome == "updated":
            changes.append(change)
    return changes[::-1]


def read_changes(value: object, field: str) -> list[Change]:
    """Read a change, or a list of them, as an operator pushes it; the last one comes first.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: it is anything else.
    """
    given = [value] if isinstance(value, Mapping) else value
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise _refused(field, f"got {type(value).__name__}")
    changes = []
    for position, change in enumerate(given):
        where = f"{field}[{position}]" if given is value else field
        if not isinstance(change, Mapping) or not {"id", "before", "after", "updatedAt"} <= set(change):
            raise _refused(where, "is not a change")
        if not isinstance(change["before"], Mapping) or not isinstance(change["after"], Mapping):
            raise _refused(where, "has no objects before and after")
        changes.append(Change.from_json(change, f"{where}."))
    return [change for change in reversed(changes) if change]


def _problem(change: Change) -> FieldError | None:
    before = change.before
    if change.not_known:
        lost = ", ".join(change.not_known)
        return FieldError(lost, "cannot be put back: what stood there before the write was not read")
    hidden = [name for name, value in before.items() if HIDDEN in str(value)]
    if hidden:
        lost = ", ".join(hidden)
        message = (
            "cannot be put back: guests' data were left out; a `change` holds them with xcom_personal_data=True, "
            "a report with report_personal_data=True"
        )
        return FieldError(lost, message)
    if not instant(change.updated_at):
        return FieldError("updatedAt", "is missing: whether somebody changed the record since cannot be known")
    return None


def _refused(field: str, message: str) -> OnlivePayloadError:
    accepted = "accepted: the `change` of an update, a list of them, or the result of a task that has a report"
    return OnlivePayloadError.of(field, f"{message}; {accepted}")
