"""Whether a server's value means what was wanted, whatever the server does to what it stores.

- Values are compared as their :data:`~onlive_provider.models.fields.Kind` says: times as instants, e-mail addresses
  without case.
- Items of an array are found by what identifies them (:attr:`~onlive_provider.models.fields.Field.key`) and compared on
  the wanted members only: a server adds ids, states and defaults.
- ``null``, empty and absent mean the same, except among the customer's own keys of a free object: there ``[]``, ``{}``
  and ``""`` are values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from onlive_provider.models.fields import UNKNOWN, Field
from onlive_provider.models.instants import instant
from onlive_provider.privacy import UUID_PATTERN

ObjectUpdates: TypeAlias = Literal["merge", "replace"]
"""What a server does with an object: ``merge`` keeps the keys that an update does not name, ``replace`` drops them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a server's value is compared with a wanted one.

    :param object_updates: with ``merge`` a free object is compared on the wanted keys, with ``replace`` on all.
    :param by_all_members: compare items on every member that the API reference names, also on those that the wanted
        item lacks, and on no other. For a wanted value that came from the server: it gives members of its own, such
        as ids, anew at each write.
    :param ignores_spelling: texts are compared without case and blanks around them, and with each blank inside as one
        space.
    """

    object_updates: ObjectUpdates
    by_all_members: bool = False
    ignores_spelling: bool = False

    def holds(self, current: Any, wanted: Any, row: Field) -> bool:
        """Whether the current value of a field, or of a member of an item, means the wanted one."""
        if row.key and isinstance(current, list) and isinstance(wanted, list):
            return self._holds_items(current, wanted, row)
        if row.kind == "object":
            return self._holds_members(current or {}, wanted or dict.fromkeys(row.members), row.members)
        if row.kind == "free object" and self.object_updates == "merge" and isinstance(wanted, dict):
            held = current if isinstance(current, dict) else {}
            return all(repr(self._free(held.get(key))) == repr(self._free(value)) for key, value in wanted.items())
        return repr(self._normal(current, row)) == repr(self._normal(wanted, row))

    def _holds_items(self, current: list[Any], wanted: list[Any], row: Field) -> bool:
        if len(current) != len(wanted):
            return False
        within = replace(self, object_updates="replace") if self.by_all_members else self
        left = defaultdict(list)
        for item in current:
            left[self._identity(item, row)].append(item)
        groups = defaultdict(list)
        for item in wanted:
            groups[self._identity(item, row)].append(item)
        return all(within._fit(left[identity], items, row) for identity, items in groups.items())

    def _fit(self, current: list[Any], wanted: list[Any], row: Field) -> bool:
        """Whether each wanted item, all of one identity, finds a current one of its own."""
        if len(current) < len(wanted):
            return False
        taken_by: dict[int, int] = {}

        def finds(item: int, tried: set[int]) -> bool:
            for place, each in enumerate(current):
                if place not in tried and self._holds_members(each, wanted[item], row.members):
                    tried.add(place)
                    # Whoever has the place may find another.
                    if place not in taken_by or finds(taken_by[place], tried):
                        taken_by[place] = item
                        return True
            return False

        return all(finds(item, set()) for item in range(len(wanted)))

    def _identity(self, item: Any, row: Field) -> str:
        if not isinstance(item, dict):
            return repr(self._free(item))
        return repr([self._normal(item.get(name), row.members[name]) for name in row.key])

    def _holds_members(self, current: Any, wanted: Any, rows: Mapping[str, Field]) -> bool:
        if not isinstance(current, dict) or not isinstance(wanted, dict):
            return repr(self._free(current)) == repr(self._free(wanted))
        names = rows if self.by_all_members else wanted
        for name in names:
            value = wanted.get(name)
            # In an item, which is replaced, an empty object clears; merged into another it would set no key.
            if not self.holds(current.get(name), None if _is_empty(value) else value, rows.get(name, UNKNOWN)):
                return False
        return True

    def _normal(self, value: Any, row: Field) -> Any:
        """Return a normal form: two values have the same ``repr`` exactly if they mean the same to the API.

        Their ``repr`` is compared because to Python ``True == 1``.
        """
        if isinstance(value, str):
            return self._text(value, row)
        normal = self._free(value)
        if row.kind == "set" and isinstance(normal, list):
            normal = sorted(normal, key=repr)
        return None if _is_empty(normal) else normal

    def _text(self, text: str, row: Field) -> str:
        if row.kind == "instant":
            return instant(text) or text
        if row.kind == "email" or (row.kind == "id" and ("@" in text or UUID_PATTERN.fullmatch(text.strip()))):
            return text.strip().lower()
        return self._spelled(text)

    def _free(self, value: Any) -> Any:
        """Return the normal form of free JSON, in which only ``null`` and an absent key are the same."""
        if isinstance(value, str):
            return self._spelled(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, dict):
            return {key: self._free(value[key]) for key in sorted(value) if value[key] is not None}
        if isinstance(value, list):
            return [self._free(item) for item in value]
        return value

    def _spelled(self, text: str) -> str:
        return " ".join(text.split()).casefold() if self.ignores_spelling else text


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | dict) and not value
