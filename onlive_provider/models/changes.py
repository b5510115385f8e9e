"""What a partial update changes in a record: the plan, the change, and how it reads in a log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from onlive_provider.models.comparison import Comparison, ObjectUpdates
from onlive_provider.models.fields import DATE_RANGE, Field, Resource, resource_named
from onlive_provider.models.sentences import path_of
from onlive_provider.privacy import without_personal_data

_MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Change:
    """What one write changes in one record. Both sides hold only the fields that are sent. Its repr shows no values.

    :param id: the record's id.
    :param before: the values as they were read, without fields that the server did not answer. Empty if the record was
        not read.
    :param after: the patch: the values as they are sent.
    :param updated_at: the record's ``updatedAt`` after the write, or as it was read if nothing was written.
    """

    resource: Resource = field(repr=False)
    id: str
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    updated_at: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return bool(self.after)

    @property
    def unreadable(self) -> list[str]:
        """The fields of the patch that cannot be read back, so that every run sends them again."""
        return [name for name in self.after if not self.resource.field(name).readable]

    @property
    def not_known(self) -> list[str]:
        """The fields of the patch of which nobody knows what they held before, so that it cannot be put back."""
        return [name for name in self.after if name not in self.before]

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
        return {name: self._line(name) for name in self._names()}

    def sides(self) -> dict[str, tuple[str, str]]:
        """Return for each field what it holds before and after, for a table. Fields that may be shown come first."""
        return {name: (self._before(name), self._after(name)) for name in self._names()}

    def _names(self) -> list[str]:
        return sorted(self.after, key=lambda name: not self.resource.field(name).shown)

    def _before(self, name: str) -> str:
        row = self.resource.field(name)
        if name not in self.before:
            return "(not known)"
        return shown(self.before[name], row) if row.shown else "(not shown)"

    def _after(self, name: str) -> str:
        value, row = self.after[name], self.resource.field(name)
        if row.shown:
            return shown(value, row)
        if value is None:
            return "cleared"
        keys = f" {', '.join(path_of((key,)) for key in value)}" if isinstance(value, dict) and value else ""
        return f"set{keys} (value not shown)"

    def _line(self, name: str) -> str:
        if not self.resource.field(name).shown:
            return f"{name}: {self._after(name)}"
        return f"{name}: {self._before(name)} -> {self._after(name)}"


def plan(
    resource: Resource,
    record_id: str,
    current: Mapping[str, Any] | None,
    wanted: Mapping[str, Any],
    *,
    only_changed: bool,
    object_updates: ObjectUpdates,
    by_all_members: bool = False,
) -> Change:
    """Return what a write would change: the fields that differ, or all wanted ones with ``only_changed=False``.

    :param current: the record as the server answered it, or ``None`` when it was not read.
    :param wanted: a checked payload: plain JSON, times in UTC.
    :param by_all_members: see :class:`~onlive_provider.models.comparison.Comparison`.
    """
    if current is None:
        return Change(resource, record_id, {}, dict(wanted))
    comparison = Comparison(object_updates, by_all_members=by_all_members)
    after = {
        name: value
        for name, value in wanted.items()
        if not only_changed or not _holds(resource, current, name, value, comparison)
    }
    before = {
        name: _before(resource.field(name), current[name], value, object_updates)
        for name, value in after.items()
        if is_known(resource, current, name)
    }
    return Change(resource, record_id, before, after, current.get("updatedAt"))


def is_known(resource: Resource, record: Mapping[str, Any], name: str) -> bool:
    """Whether a record, as it was read, says what a field holds. A field that it does not name is not ``null``."""
    return resource.field(name).readable and name in record


def holds(resource: Resource, record: Mapping[str, Any], name: str, wanted: Any, object_updates: ObjectUpdates) -> bool:
    """Whether a record, as it was read, already has the wanted value: on what the caller gave, and nothing else.

    If the server merges objects, only the wanted keys are compared. A field that the record does not answer never has
    the wanted value, as far as is known.
    """
    return _holds(resource, record, name, wanted, Comparison(object_updates))


def holds_in_other_spelling(
    resource: Resource, record: Mapping[str, Any], name: str, wanted: Any, object_updates: ObjectUpdates
) -> bool:
    """Whether a record has the wanted value if texts are trimmed, in any case, and each blank in them is one space.

    For a look-up of a write that the server has stored in its own spelling.
    """
    return _holds(resource, record, name, wanted, Comparison(object_updates, ignores_spelling=True))


def holds_all(
    resource: Resource, record: Mapping[str, Any], name: str, wanted: Any, object_updates: ObjectUpdates
) -> bool:
    """Whether a record has a value that came from the server: on all members of its items that the reference names."""
    return _holds(resource, record, name, wanted, Comparison(object_updates, by_all_members=True))


def _holds(resource: Resource, record: Mapping[str, Any], name: str, wanted: Any, comparison: Comparison) -> bool:
    if not is_known(resource, record, name):
        return False
    # In a large update most records already hold the wanted value, letter for letter: check that first.
    return repr(record[name]) == repr(wanted) or comparison.holds(record[name], wanted, resource.field(name))


def _before(row: Field, current: Any, wanted: Any, object_updates: ObjectUpdates) -> Any:
    """Narrow a merged object to the wanted keys, so that sending it back undoes this write and nothing else."""
    is_merged = object_updates == "merge" and row.kind == "free object"
    if is_merged and isinstance(wanted, dict) and isinstance(current, dict):
        return {key: current.get(key) for key in wanted}
    return current


def shown(value: Any, row: Field) -> str:
    """Return a value for a log or an error, on one line, cut where it is long, without guests' data.

    Members that the API reference does not name are left out: a server adds them, and they may hold anybody's data.
    """
    if isinstance(value, list) and row.members:
        text = "[" + ", ".join(_short(item, row) for item in value) + "]"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = without_personal_data(text)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}... ({len(text)} characters)"


def _short(item: Any, row: Field) -> str:
    if isinstance(item, dict) and row.members is DATE_RANGE:
        return " to ".join(str(item.get(name)) for name in DATE_RANGE)
    return json.dumps(_named(item, row), ensure_ascii=False)


def _named(value: Any, row: Field) -> Any:
    """Return a value with the members that the API reference names, and the names of the others."""
    if not isinstance(value, dict) or not row.members:
        return value
    return {
        path_of((name,)): _named(member, row.members[name]) if name in row.members else "(not shown)"
        for name, member in value.items()
    }
