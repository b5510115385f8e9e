"""What a partial update changes in a record: the plan, the change, and how it reads in a log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

from onlive_provider.models.fields import DATE_RANGE, UNKNOWN, Field, Kind, Resource, resource_named
from onlive_provider.models.instants import instant

ObjectUpdates: TypeAlias = Literal["merge", "replace"]
"""What a server does with an object: ``merge`` keeps the keys that an update does not name, ``replace`` drops them."""

_MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Change:
    """What one write changes in one record. Both sides hold only the fields that are sent. Its repr shows neither.

    :param id: the record's id.
    :param before: the values as they were read, without fields that cannot be read back. Empty if the record was not
        read.
    :param after: the patch: the values as they are sent.
    :param updated_at: the record's ``updatedAt`` after the write, or as it was read if nothing was written.
    """

    resource: Resource = field(repr=False)
    id: str
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    updated_at: str | None = None

    def __bool__(self) -> bool:
        return bool(self.after)

    @property
    def unreadable(self) -> list[str]:
        """The fields of the patch that cannot be read back, so that every run sends them again."""
        return [name for name in self.after if not self.resource.field(name).readable]

    def inverse(self) -> dict[str, Any]:
        """Return the payload that restores the fields."""
        return dict(self.before)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Return the change of what :meth:`as_json` returned.

        :param where: what an error puts before the name of a member.
        :raises OnlivePayloadError: ``resource`` is missing or unknown.
        """
        return cls(
            resource_named(data.get("resource"), where), data["id"], data["before"], data["after"], data["updatedAt"]
        )

    def as_json(self) -> dict[str, Any]:
        """Return the change as it travels through XCom."""
        return {
            "resource": self.resource.name,
            "id": self.id,
            "before": dict(self.before),
            "after": dict(self.after),
            "updatedAt": self.updated_at,
        }

    def lines(self) -> dict[str, str]:
        """Return one line per field for a log. Fields whose values may be shown come first."""
        names = sorted(self.after, key=lambda name: not self.resource.field(name).shown)
        return {name: self._line(name) for name in names}

    def _line(self, name: str) -> str:
        value = self.after[name]
        if self.resource.field(name).shown:
            was = _shown(self.before[name]) if name in self.before else "(not known)"
            return f"{name}: {was} -> {_shown(value)}"
        if value is None:
            return f"{name}: cleared"
        keys = f" {', '.join(value)}" if isinstance(value, dict) and value else ""
        return f"{name}: set{keys} (value not shown)"


def plan(
    resource: Resource,
    record_id: str,
    current: Mapping[str, Any] | None,
    wanted: Mapping[str, Any],
    *,
    only_changed: bool,
    object_updates: ObjectUpdates,
) -> Change:
    """Return what a write would change: the fields that differ, or all wanted ones with ``only_changed=False``.

    :param current: the record as the server answered it, or ``None`` when it was not read.
    :param wanted: a checked payload: plain JSON, times in UTC.
    """
    if current is None:
        return Change(resource, record_id, {}, dict(wanted))
    after = {
        name: value
        for name, value in wanted.items()
        if not only_changed or not holds(resource, current, name, value, object_updates)
    }
    before = {
        name: _before(row, current.get(name), value, object_updates)
        for name, value in after.items()
        if (row := resource.field(name)).readable
    }
    return Change(resource, record_id, before, after, current.get("updatedAt"))


def holds(resource: Resource, record: Mapping[str, Any], name: str, wanted: Any, object_updates: ObjectUpdates) -> bool:
    """Whether a record, as it was read, already has the wanted value.

    Values are compared as their :data:`~onlive_provider.models.fields.Kind` says, absent and ``null`` members alike.
    If the server merges objects, only the wanted keys are compared. A field that cannot be read back never has the
    wanted value, as far as is known.
    """
    row = resource.fields.get(name, UNKNOWN)
    if not row.readable:
        return False
    current = record.get(name)
    # In a large update most records already hold the wanted value, letter for letter: check that first.
    if repr(current) == repr(wanted):
        return True
    if isinstance(wanted, dict) and _is_merged(row, object_updates):
        kept = current if isinstance(current, dict) else {}
        return all(_same(kept.get(key), value, row.members.get(key, UNKNOWN)) for key, value in wanted.items())
    return _same(current, wanted, row)


def _is_merged(row: Field, object_updates: ObjectUpdates) -> bool:
    return object_updates == "merge" and row.kind in ("object", "free object")


def narrow(value: Any, row: Field) -> Any:
    """Return a field's value with the members that the API reference names, and no others."""
    if isinstance(value, list):
        return [narrow(item, row) for item in value]
    if isinstance(value, dict) and row.members:
        return {name: narrow(value.get(name), member) for name, member in row.members.items()}
    return value


def _before(row: Field, current: Any, wanted: Any, object_updates: ObjectUpdates) -> Any:
    """Narrow a merged object to the wanted keys, so that sending it back undoes this write and nothing else."""
    if isinstance(wanted, dict) and isinstance(current, dict) and _is_merged(row, object_updates):
        return {key: current.get(key) for key in wanted}
    return current


def _same(one: Any, other: Any, row: Field) -> bool:
    """Whether two values mean the same to the API. Their ``repr`` is compared: to Python ``True == 1``."""
    return repr(_normal(one, row.kind, row.members)) == repr(_normal(other, row.kind, row.members))


def _normal(value: Any, kind: Kind, members: Mapping[str, Field]) -> Any:
    """Return a normal form: two values have the same ``repr`` exactly if they mean the same to the API.

    :param members: what is known of the members of an object, or of each object in a set. The others are a customer's
        own, or new: no name among them has a meaning.
    """
    if isinstance(value, str):
        if kind == "instant":
            return instant(value) or value
        return value.lower() if kind == "email" else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        normal = {}
        for key in sorted(value):
            row = members.get(key, UNKNOWN)
            member = _normal(value[key], row.kind, row.members)
            if member is not None and member != {}:
                normal[key] = member
        return normal
    if isinstance(value, list):
        items = [_normal(item, "object", members) for item in value]
        return sorted(items, key=repr) if kind == "set" else items
    return value


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        text = "[" + ", ".join(_short(item) for item in value) + "]"
    else:
        text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}... ({len(text)} characters)"


def _short(item: Mapping[str, Any]) -> str:
    if item.keys() == DATE_RANGE.keys():
        return " to ".join(str(item[name]) for name in DATE_RANGE)
    return json.dumps(item, ensure_ascii=False)


def holds_in_other_spelling(
    resource: Resource, record: Mapping[str, Any], name: str, wanted: Any, object_updates: ObjectUpdates
) -> bool:
    return holds(resource, {name: _plain(record.get(name))}, name, _plain(wanted), object_updates)


def _plain(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value
