"""All that tasks wrote to one record, and what puts it back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onlive_provider.bulk.trail import Trail, trails
from onlive_provider.client.flows import Flows
from onlive_provider.client.verdict import Verdict
from onlive_provider.errors import FieldError, OnlivePayloadError, OnliveStaleRecordError
from onlive_provider.models.changes import Change
from onlive_provider.models.comparison import ObjectUpdates
from onlive_provider.models.fields import Resource
from onlive_provider.models.instants import instant
from onlive_provider.privacy import HIDDEN
from onlive_provider.report.outcomes import to_line


@dataclass(frozen=True, slots=True)
class Write:
    """One write to a record.

    :param change: its ``updated_at`` is the record's after a write that was made, and as read before a write that may
        have been made.
    :param sent_at: of a write that may have been made: when it left, in seconds since the epoch.
    """

    change: Change
    sent_at: float | None = None

    @property
    def may_be_made(self) -> bool:
        """Whether it is not known that it was made."""
        return self.sent_at is not None

    def packed(self) -> bytes:
        """Return the write in a form that takes little memory."""
        return to_line({**self.change.as_json(), "sentAt": self.sent_at})

    @classmethod
    def unpacked(cls, packed: bytes) -> Write:
        """Return what :meth:`packed` returned."""
        data = json.loads(packed)
        return cls(Change.from_json(data), data["sentAt"])


class Chain:
    """The writes to one record, kept in little memory until they are looked at.

    :param packed: the writes, the oldest first.
    """

    __slots__ = ("_packed", "id", "resource")

    def __init__(self, resource: Resource, record_id: str, packed: Sequence[bytes]) -> None:
        self.resource = resource
        self.id = record_id
        self._packed = packed

    @classmethod
    def of(cls, *changes: Change) -> Chain:
        """Return the chain of writes to one record that were made, the oldest first."""
        return cls(changes[0].resource, changes[0].id, [Write(change).packed() for change in changes])

    def __len__(self) -> int:
        return len(self._packed)

    @property
    def name(self) -> str:
        """The record in words."""
        return f"{self.resource.name} {self.id}"

    @property
    def packed(self) -> Sequence[bytes]:
        """The writes in their packed form, the oldest first."""
        return self._packed

    @property
    def writes(self) -> list[Write]:
        """The writes, the oldest first."""
        return [Write.unpacked(each) for each in self._packed]

    def problem(self) -> FieldError | None:
        """Return why the record cannot be put back, where that is known before it is read."""
        *earlier, last = self.writes
        for write in earlier if last.may_be_made else [*earlier, last]:
            if (lost := _lost(write.change)) is not None:
                return lost
        if not last.change:
            return FieldError("", "cannot be put back: a write may have been made, and the report does not say of what")
        if not last.may_be_made and not instant(last.change.updated_at):
            return FieldError(
                "updatedAt", "is missing: there is no way to know whether somebody has changed the record since"
            )
        return None

    def inverse(self) -> dict[str, Any]:
        """Return each field as it was before the first write to it."""
        return {name: value for write in reversed(self.writes) for name, value in write.change.inverse().items()}

    def broken(self, object_updates: ObjectUpdates) -> list[str]:
        """Return the fields that were changed between two of the writes: put back is what the later one found."""
        if len(self) < 2:
            return []
        return sorted({trail.name for trail in _trails(self.writes, object_updates) if trail.former().is_broken})

    def payload_for(self, flows: Flows, current: Mapping[str, Any]) -> dict[str, Any]:
        """Return what puts the record back: what it does not hold already.

        :param current: the record as it was read.
        :raises OnliveStaleRecordError: somebody else changed it since it was written.
        :raises OnlivePayloadError: it is not known what stood there, or whether a write was made.
        """
        writes = self.writes
        while writes:
            last = writes[-1]
            missing = [each for each in _trails(writes, flows.settings.object_updates) if not each.is_back(current)]
            if not missing and not last.change.not_known:
                return {}
            if not last.may_be_made:
                self._refuse_if_changed_since(last, current)
                return self._payload(missing, writes, current)
            if _was_made(last, flows, current):
                if (lost := _lost(last.change)) is not None:
                    raise OnlivePayloadError([lost])
                return self._payload(missing, writes, current)
            writes.pop()
        return {}

    def _refuse_if_changed_since(self, last: Write, current: Mapping[str, Any]) -> None:
        found, expected = current.get("updatedAt"), last.change.updated_at
        if instant(found) != instant(expected):
            raise OnliveStaleRecordError(self.name, str(expected), found)

    def _payload(self, missing: Sequence[Trail], writes: Sequence[Write], current: Mapping[str, Any]) -> dict[str, Any]:
        payload: dict[str, Any] = {}
        for trail in missing:
            try:
                former = trail.to_put_back(current, len(writes) - 1)
            except LookupError:
                expected = writes[trail.steps[-1].number].change.updated_at
                words = f"{trail.name} of {self.name}"
                raise OnliveStaleRecordError(words, expected, current.get("updatedAt")) from None
            if former is None:
                continue
            if trail.key is None:
                payload[trail.name] = former.value
            else:
                payload.setdefault(trail.name, {})[trail.key] = former.value
        return payload


def _trails(writes: Sequence[Write], object_updates: ObjectUpdates) -> list[Trail]:
    return trails([each.change for each in writes], [each.may_be_made for each in writes], object_updates)


def _lost(change: Change) -> FieldError | None:
    """Return why what stood there before a write is not known, if it is not."""
    if change.not_known:
        lost = ", ".join(change.not_known)
        return FieldError(lost, "cannot be put back: what stood there before the write was not read")
    hidden = [name for name, value in change.before.items() if HIDDEN in str(value)]
    if hidden:
        lost = ", ".join(hidden)
        message = (
            "cannot be put back: guests' data were left out; a `change` holds them with xcom_personal_data=True, "
            "a report with report_personal_data=True"
        )
        return FieldError(lost, message)
    return None


def _was_made(write: Write, flows: Flows, current: Mapping[str, Any]) -> bool:
    """Return whether a record shows that a write was made.

    :raises OnliveStaleRecordError: it holds neither what was sent nor what stood there before.
    :raises OnlivePayloadError: it does not show it.
    """
    assert write.sent_at is not None
    change, found = write.change, current.get("updatedAt")
    if HIDDEN in repr((change.before, change.after)):
        # Values that the report does not hold cannot be compared, so only the time says anything.
        if instant(found) and instant(found) == instant(change.updated_at):
            return False
        verdict = Verdict.UNKNOWN
    else:
        before = {**change.before, "updatedAt": change.updated_at} if change.updated_at else None
        verdict = flows.verdict(change.resource, current, change.after, before, write.sent_at)
    sent = datetime.fromtimestamp(write.sent_at, UTC).isoformat(timespec="seconds")
    if verdict is Verdict.UNKNOWN:
        unsure = f"the record does not show whether a write at {sent}, which got no answer, was made"
        message = f"cannot be put back: {unsure}; look at it, and correct it by hand"
        raise OnlivePayloadError.of(", ".join(change.after), message)
    if verdict is Verdict.CHANGED_BY_OTHERS:
        words = f"{change.resource.name} {change.id}, to which a write at {sent} got no answer,"
        raise OnliveStaleRecordError(words, change.updated_at, found)
    return verdict is Verdict.MADE
