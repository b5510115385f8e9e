"""What a partial update would change in a record: plans, changes, and how they read in a log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

ObjectUpdates = Literal["merge", "replace"]

SAFE_FIELDS = frozenset(
    {
        "active",
        "allowOverlapping",
        "calendars",
        "classification",
        "dateRanges",
        "deniedMultipleAppointment",
        "duration",
        "end",
        "hasICall",
        "image",
        "incrementTime",
        "lang",
        "maxTimeToSchedule",
        "minTimeToSchedule",
        "name",
        "reminders",
        "start",
        "state",
        "timeBetween",
        "typeId",
        "userGroupId",
    }
)
"""Fields whose values may stand in a log or an error. The others may hold a guest's data or a private link."""

UNREADABLE_FIELDS = frozenset({"agentComment", "classification"})
"""Fields that the API accepts and never answers: whether they hold a value already cannot be known."""

_OBJECT_FIELDS = frozenset({"extraFields", "event"})
_INSTANT_FIELDS = frozenset({"start", "end", "startDate", "endDate"})
_SET_FIELDS = frozenset({"guests", "reminders", "dateRanges", "calendars", "include", "exclude"})
_MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Change:
    """What one write changes in one record, both sides narrowed to the fields that are sent. Its repr shows neither.

    :param id: the record's id.
    :param before: the fields' values as they were read; fields that cannot be read back are left out.
        Empty when the record was not read.
    :param after: the patch: the fields' values as they are sent.
    :param updated_at: the record's ``updatedAt`` after the write, or as it was read when nothing was written.
    """

    id: str
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    updated_at: str | None = None

    def __bool__(self) -> bool:
        return bool(self.after)

    @property
    def unreadable(self) -> list[str]:
        """The sent fields that cannot be read back, so that every run sends them again."""
        return [name for name in self.after if name in UNREADABLE_FIELDS]

    def inverse(self) -> dict[str, Any]:
        """Return the payload that puts the fields back to what they were read as."""
        return dict(self.before)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Return the change that :meth:`as_json` told."""
        return cls(told["id"], told["before"], told["after"], told["updatedAt"])

    def as_json(self) -> dict[str, Any]:
        """Return the change as it travels through XCom."""
        return {
            "id": self.id,
            "before": dict(self.before),
            "after": dict(self.after),
            "updatedAt": self.updated_at,
        }

    def lines(self) -> dict[str, str]:
        """Return one line a field for a log, :data:`SAFE_FIELDS` first; values only of these."""
        return {name: self._line(name) for name in sorted(self.after, key=lambda name: name not in SAFE_FIELDS)}

    def _line(self, name: str) -> str:
        value = self.after[name]
        if name in SAFE_FIELDS:
            was = _shown(self.before[name]) if name in self.before else "(not known)"
            return f"{name}: {was} -> {_shown(value)}"
        if value is None:
            return f"{name}: cleared"
        keys = f" {', '.join(value)}" if isinstance(value, dict) and value else ""
        return f"{name}: set{keys} (value not shown)"


def plan(
    record_id: str,
    current: Mapping[str, Any] | None,
    wanted: Mapping[str, Any],
    *,
    only_changed: bool,
    object_updates: ObjectUpdates,
) -> Change:
    """Return what a write would change: the differing fields, or all wanted ones with ``only_changed=False``.

    :param current: the record as the server answered it, or ``None`` when it was not read.
    :param wanted: a checked payload: plain JSON, times in UTC.
    :param object_updates: how the server treats objects: with ``merge`` only the wanted keys are compared.
    """
    if current is None:
        return Change(record_id, {}, dict(wanted))
    after = {
        name: value
        for name, value in wanted.items()
        if not only_changed or not holds(current, name, value, object_updates)
    }
    before = {
        name: _before(current.get(name), value, name, object_updates)
        for name, value in after.items()
        if name not in UNREADABLE_FIELDS
    }
    return Change(record_id, before, after, current.get("updatedAt"))


def holds(record: Mapping[str, Any], name: str, wanted: Any, object_updates: ObjectUpdates) -> bool:
    """Whether a record as read shows that it has the wanted value already.

    Times are compared as instants; guests, reminders, date ranges and calendars without regard to their order, and
    with absent and ``null`` members alike; e-mail addresses without regard to case. A field that cannot be read
    back is never shown to hold anything.
    """
    if name in UNREADABLE_FIELDS:
        return False
    current = record.get(name)
    if name in _OBJECT_FIELDS and object_updates == "merge" and isinstance(wanted, dict):
        kept = current if isinstance(current, dict) else {}
        return all(_same(kept.get(key), value, name) for key, value in wanted.items())
    return _same(current, wanted, name)


def _before(current: Any, wanted: Any, name: str, object_updates: ObjectUpdates) -> Any:
    """Narrow a merged object to the wanted keys, so that sending it back undoes the write and nothing else."""
    if name in _OBJECT_FIELDS and object_updates == "merge" and isinstance(wanted, dict) and isinstance(current, dict):
        return {key: current.get(key) for key in wanted}
    return current


def _same(one: Any, other: Any, name: str) -> bool:
    """Whether two values of a field mean the same to the API.

    Most records of a large update already hold what is wanted, letter for letter, which is found out first. Values are
    compared by their ``repr``, because Python's ``==`` takes ``True`` for ``1``.
    """
    return repr(one) == repr(other) or repr(_normal(one, name)) == repr(_normal(other, name))


def _normal(value: Any, name: str) -> Any:
    """Return a form of which two values have the same ``repr`` exactly when they mean the same to the API.

    The members of an object field are a customer's own: no name among them has a meaning to the API.

    :param name: of the member that holds the value, of the list that does, or of the object field around it.
    """
    if isinstance(value, str):
        if name in _INSTANT_FIELDS:
            return instant(value) or value
        return value.lower() if name == "email" else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        is_own = name in _OBJECT_FIELDS
        members = {key: _normal(value[key], name if is_own else key) for key in sorted(value)}
        return {key: member for key, member in members.items() if member is not None and member != {}}
    if isinstance(value, list):
        items = [_normal(item, name if name in _OBJECT_FIELDS else "") for item in value]
        return sorted(items, key=repr) if name in _SET_FIELDS else items
    return value


def instant(text: object) -> str | None:
    """Return an ISO 8601 time with an offset as ``YYYY-MM-DDTHH:MM:SS.ffffff`` in UTC, or ``None``."""
    moment = _moment(text)
    return None if moment is None else moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def epoch(text: object) -> float | None:
    """Return an ISO 8601 time with an offset as seconds since the epoch, or ``None``."""
    moment = _moment(text)
    return None if moment is None else moment.timestamp()


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        text = "[" + ", ".join(_short(item) for item in value) + "]"
    else:
        text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}... ({len(text)} characters)"


def _short(item: Mapping[str, Any]) -> str:
    if set(item) == {"startDate", "endDate"}:
        return f"{item['startDate']} to {item['endDate']}"
    return json.dumps(item, ensure_ascii=False)
