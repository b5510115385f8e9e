"""Puts back what reports or changes say was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from onlive_provider.bulk.chain import Chain
from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.worklist import Worklist, failed
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change
from onlive_provider.report.outcomes import Outcome


class RevertList(Worklist):
    """Puts each written record back to what it was, unless somebody changed it since.

    :param chains: what was written, in the order in which it is put back.
    """

    def __init__(self, chains: Sequence[Chain], *, plan_only: bool) -> None:
        self._chains = chains
        self._plan_only = plan_only

    def rows(self) -> Iterator[Row]:
        """Yield a row for each record."""
        return (Row(index, None, {}) for index in range(len(self._chains)))

    def prepare(self, row: Row | BadRow) -> Update | Outcome:
        """Return the update that puts a record back, or the failure of one that cannot be."""
        chain = self._chains[row.index]
        problem = chain.problem()
        if problem is not None:
            return failed(row, chain.resource, chain.id, OnlivePayloadError([problem]))
        return Update(
            resource=chain.resource,
            id=chain.id,
            payload=chain.inverse(),
            plan_only=self._plan_only,
            by_all_members=True,
            payload_for=chain.payload_for,
        )

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        chain = self._chains[row.index]
        return Outcome(row.index, row.line, chain.id, "not_attempted", resource=chain.resource.name)


def chains_of(changes: Sequence[Change]) -> list[Chain]:
    """Return a chain for each record, that with the last write first.

    :param changes: the first one made first.
    """
    found: dict[tuple[str, str], list[Change]] = {}
    for change in reversed(changes):
        found.setdefault((change.resource.name, change.id), []).append(change)
    return [Chain.of(*reversed(each)) for each in found.values()]


def read_changes(value: object, field: str) -> list[Change]:
    """Read a change, or a list of them, as an operator pushes it, in the given order.

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
    return [change for change in changes if change]


def _refused(field: str, message: str) -> OnlivePayloadError:
    accepted = "accepted: the `change` of an update, a list of them, or the result of a task that has a report"
    return OnlivePayloadError.of(field, f"{message}; {accepted}")
