"""The inverse of what a report or a change says was written, as a list of work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from onlive_provider.bulk.job import failed
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.client.updates import Update
from onlive_provider.errors import FieldError, OnlivePayloadError, OnliveStaleRecordError
from onlive_provider.models.changes import Change, instant
from onlive_provider.models.fields import APPOINTMENT, SERVICE, Resource
from onlive_provider.privacy import HIDDEN
from onlive_provider.report.outcomes import Outcome

_FIELDS_OF_BOTH = frozenset({"extraFields"})
_SERVICE_FIELDS = frozenset(
    {
        "active",
        "allowOverlapping",
        "calendars",
        "dateRanges",
        "deniedMultipleAppointment",
        "duration",
        "hasICall",
        "image",
        "incrementTime",
        "maxTimeToSchedule",
        "minTimeToSchedule",
        "name",
        "timeBetween",
        "typeId",
        "userGroupId",
    }
)


class RevertList:
    """Puts each written record back to what it was, unless somebody changed it since.

    :param undecided: the kind of records whose fields both kinds have.
    """

    stop_on_error = False
    stop_when_put_off = True

    def __init__(self, *, undecided: Resource, plan_only: bool) -> None:
        self._undecided = undecided
        self._plan_only = plan_only

    def prepare(self, row: Row | BadRow) -> Update | Outcome:
        """Return the inverse update, or the outcome of a write that cannot be reverted."""
        assert isinstance(row, Row)
        change = Change.from_json(row.values)
        problem = _problem(change)
        if problem is not None:
            return failed(row, change.id, OnlivePayloadError([problem]), 0)
        resource = kind_of(row.values) or self._undecided

        def check(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
            found = current.get("updatedAt")
            if patch and instant(found) != instant(change.updated_at):
                raise OnliveStaleRecordError(f"{resource.name} {change.id}", str(change.updated_at), found)

        return Update(resource=resource, id=change.id, payload=change.inverse(), plan_only=self._plan_only, check=check)

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        assert isinstance(row, Row)
        return Outcome(row.index, row.line, row.values["id"], "not_attempted")

    def recall(self, row: Row | BadRow) -> None:
        """Remember nothing: a report names each record once."""


def written(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return the changes that a report says were made, the last one first."""
    changes = [
        {"id": each.id, "before": each.before, "after": each.after, "updatedAt": each.updated_at}
        for each in outcomes
        if each.outcome == "updated"
    ]
    return changes[::-1]


def read_changes(value: object, field: str) -> list[dict[str, Any]]:
    """Read a change, or a list of them, as an operator pushes it; the last one comes first.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: it is anything else.
    """
    given = [value] if isinstance(value, Mapping) else value
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise _refused(field, f"got {type(value).__name__}")
    changes = []
    for position, change in enumerate(given):
        if not isinstance(change, Mapping) or not {"id", "before", "after", "updatedAt"} <= set(change):
            raise _refused(f"{field}[{position}]" if given is value else field, "is not a change")
        if not isinstance(change["before"], Mapping) or not isinstance(change["after"], Mapping):
            raise _refused(f"{field}[{position}]" if given is value else field, "has no objects before and after")
        if change["after"]:
            changes.append(dict(change))
    return changes[::-1]


def rows_of(changes: Sequence[Mapping[str, Any]]) -> Iterator[Row | BadRow]:
    """Yield the changes as rows."""
    for index, change in enumerate(changes):
        yield Row(index, None, change)


def kind_of(change: Mapping[str, Any]) -> Resource | None:
    """Return the kind of record that has the changed fields, or ``None`` where both kinds have them all."""
    own = set(change["after"]) - _FIELDS_OF_BOTH
    if not own:
        return None
    return SERVICE if own & _SERVICE_FIELDS else APPOINTMENT


def _problem(change: Change) -> FieldError | None:
    before = change.before
    unknown = [name for name in change.after if name not in before]
    if unknown:
        lost = ", ".join(unknown)
        return FieldError(lost, "cannot be put back: what stood there before the write was not read")
    hidden = [name for name, value in before.items() if HIDDEN in str(value)]
    if hidden:
        lost = ", ".join(hidden)
        message = "cannot be put back: the report holds no personal data; write it with report_personal_data=True"
        return FieldError(lost, message)
    if not instant(change.updated_at):
        return FieldError("updatedAt", "is missing: whether somebody changed the record since cannot be known")
    return None


def _refused(field: str, message: str) -> OnlivePayloadError:
    accepted = "accepted: the `change` of an update, a list of them, or the result of a task that has a report"
    return OnlivePayloadError.of(field, f"{message}; {accepted}")
