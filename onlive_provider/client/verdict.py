"""Looking up a write of unknown fate: what a record that is read after it says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from onlive_provider import errors
from onlive_provider.client.protocol import Call
from onlive_provider.models.changes import holds, holds_all, holds_in_other_spelling, is_known
from onlive_provider.models.comparison import ObjectUpdates
from onlive_provider.models.fields import Resource
from onlive_provider.models.instants import epoch


class Verdict(Enum):
    """What became of a write, as far as the record shows it."""

    MADE = "the write was made"
    NOT_MADE = "the record is as it was"
    CHANGED_BY_OTHERS = "somebody else changed the record"
    UNKNOWN = "the record does not show whether the write was made"


def verdict(
    resource: Resource,
    record: Mapping[str, Any],
    patch: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    *,
    object_updates: ObjectUpdates,
    sent_at: float,
) -> Verdict:
    """Return what a record says about a write.

    Only a record that is as it was before is one whose write was not made. ``updatedAt`` tells the rest: it decides
    about fields that cannot be read back, about values that were there before the write, and about values that the
    server spells in its own way.

    :param record: as it was read after the write.
    :param before: the record as it was read before the write, or ``None`` if it was not.
    :param sent_at: seconds since the epoch by the server's clock, right before the write left. Used without ``before``.
    """
    readable = {name: value for name, value in patch.items() if is_known(resource, record, name)}
    moved = _moved(record, before, sent_at)
    if not readable:
        if moved and before is not None and _others_changed(resource, record, patch, before):
            return Verdict.UNKNOWN
        return _by_time(moved)
    if all(
        # A value that came from the server may hold members, such as ids, that it gives anew at each write.
        holds(resource, record, name, value, object_updates) or holds_all(resource, record, name, value, object_updates)
        for name, value in readable.items()
    ):
        was_there = before is None or all(
            holds(resource, before, name, value, object_updates) for name, value in readable.items()
        )
        if not was_there or (moved is None and len(readable) == len(patch)):
            return Verdict.MADE
        return _by_time(moved)
    if moved is not False and all(
        holds_in_other_spelling(resource, record, name, value, object_updates) for name, value in readable.items()
    ):
        return Verdict.MADE
    as_before = before is None or all(
        holds(resource, record, name, before[name], "replace") for name in readable if name in before
    )
    return Verdict.NOT_MADE if as_before and not moved else Verdict.CHANGED_BY_OTHERS


def _by_time(moved: bool | None) -> Verdict:
    if moved is None:
        return Verdict.UNKNOWN
    return Verdict.MADE if moved else Verdict.NOT_MADE


def _moved(record: Mapping[str, Any], before: Mapping[str, Any] | None, sent_at: float) -> bool | None:
    """Whether the record was changed since it was read, or since the write left; ``None`` if no time says it."""
    now = epoch(record.get("updatedAt"))
    earlier = sent_at if before is None else epoch(before.get("updatedAt"))
    return None if now is None or earlier is None else now > earlier


def _others_changed(
    resource: Resource, record: Mapping[str, Any], patch: Mapping[str, Any], before: Mapping[str, Any]
) -> bool:
    """Whether a field that the write did not name has another value than before."""
    names = (name for name in resource.fields if name not in patch and name in before)
    return any(not holds(resource, record, name, before[name], "replace") for name in names if name in record)


@dataclass(frozen=True, slots=True)
class LookUp:
    """How the fate of a write is found out: by reading the record and comparing it.

    :param before: the record as it was read before the write, if it was.
    """

    call: Call
    resource: Resource
    record_id: str
    patch: Mapping[str, Any] = field(repr=False)
    before: Mapping[str, Any] | None = field(repr=False)

    @property
    def is_final(self) -> bool:
        """Whether nobody can find out later: a run that reads the record first could not tell what is missing."""
        known = self.before or {}
        return not all(is_known(self.resource, known, name) for name in self.patch)

    def stale(self, record: Mapping[str, Any]) -> errors.OnliveStaleRecordError:
        """Return the error of a record that somebody else changed meanwhile."""
        expected = (self.before or {}).get("updatedAt")
        name = f"{self.resource.name} {self.record_id}"
        return errors.OnliveStaleRecordError(name, expected, record.get("updatedAt"), was_sent=True)

    def unknown_fate(self, why: str, **where: Any) -> errors.OnliveUnknownFateError:
        """Return the error of a write that may have been made."""
        kind = errors.OnliveUnsettledWriteError if self.is_final else errors.OnliveUnknownFateError
        return kind(f"no answer says whether the write was made, and {why}", **where)
