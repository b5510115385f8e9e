"""What writes did to one field of a record, or to one key of an object that the server merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from onlive_provider.models.changes import Change, holds_all, holds_in_other_spelling
from onlive_provider.models.comparison import ObjectUpdates
from onlive_provider.models.fields import Resource


class Step(NamedTuple):
    """What one write did.

    :param number: the write's place among all writes to the record, from 0.
    :param may_be_made: whether it is not known that the write was made.
    """

    number: int
    before: Any
    sent: Any
    may_be_made: bool


class Former(NamedTuple):
    """What a field held before the first write of an unbroken chain.

    :param is_broken: whether that is not the first write of all: what an earlier one sent no longer stood there when
        the next one was made.
    """

    value: Any
    is_broken: bool


@dataclass(slots=True)
class Trail:
    """The steps of one field.

    :param key: of an object that the server merges; ``None`` where the field is one value.
    :param steps: the oldest first; at least one.
    """

    resource: Resource
    name: str
    key: str | None
    object_updates: ObjectUpdates
    steps: list[Step] = field(default_factory=list)

    def former(self, steps: Sequence[Step] | None = None) -> Former:
        """Return what the steps have to be put back to."""
        *earlier, last = self.steps if steps is None else steps
        value = last.before
        for step in reversed(earlier):
            stood = {self.name: self.payload(value)}
            if self.shows(stood, step.sent):
                value = step.before
            elif not (step.may_be_made and self.shows(stood, step.before)):
                return Former(value, is_broken=True)
        return Former(value, is_broken=False)

    def is_back(self, record: Mapping[str, Any]) -> bool:
        """Whether a record as read holds what stood there before."""
        return self._holds_all(record, self.former().value)

    def to_put_back(self, record: Mapping[str, Any], last: int) -> Former | None:
        """Return what is to be put back, or ``None`` where nothing is.

        :param last: the number of the record's last write, of which it is known that nobody wrote after it.
        :raises LookupError: the record holds something else than was sent.
        """
        steps = list(self.steps)
        while steps:
            former, newest = self.former(steps), steps[-1]
            if self._holds_all(record, former.value):
                return None
            if newest.number == last or self.shows(record, newest.sent):
                return former
            if not (newest.may_be_made and self._holds_all(record, newest.before)):
                raise LookupError(self.name)
            steps.pop()
        return None

    def shows(self, record: Mapping[str, Any], value: Any) -> bool:
        """Whether a record holds a value that was sent, as the server may have stored it."""
        where = self.resource, record, self.name, self.payload(value), self.object_updates
        return holds_in_other_spelling(*where) or holds_all(*where)

    def payload(self, value: Any) -> Any:
        """Return a value as it stands in a payload or a record."""
        return value if self.key is None else {self.key: value}

    def _holds_all(self, record: Mapping[str, Any], value: Any) -> bool:
        return holds_all(self.resource, record, self.name, self.payload(value), self.object_updates)


def trails(changes: Sequence[Change], may_be_made: Sequence[bool], object_updates: ObjectUpdates) -> list[Trail]:
    """Return the trail of each field that the writes to one record named, without what was not known before them.

    :param changes: of one record, the oldest first.
    :param may_be_made: for each whether it is not known that it was made.
    """
    found: dict[tuple[str, str | None], Trail] = {}
    keyed = {
        name
        for change in changes
        for name in change.before
        if object_updates == "merge"
        and change.resource.field(name).kind == "free object"
        and (len(changes) > 1 or _sets_keys(change, name))
    }
    for number, (change, unsure) in enumerate(zip(changes, may_be_made, strict=True)):
        for name, before in change.before.items():
            sent = change.after.get(name)
            sides = _by_key(before, sent) if name in keyed else {None: (before, sent)}
            for key, (was, became) in sides.items():
                trail = found.setdefault((name, key), Trail(change.resource, name, key, object_updates))
                trail.steps.append(Step(number, was, became, unsure))
    return list(found.values())


def _sets_keys(change: Change, name: str) -> bool:
    """Whether a write set some keys of an object, and left its others alone."""
    return isinstance(change.before[name], dict) and isinstance(change.after.get(name), dict)


def _by_key(before: Any, sent: Any) -> Mapping[str | None, tuple[Any, Any]]:
    """Return both sides by key. A value that is not an object clears each key that the other side has."""
    old = before if isinstance(before, dict) else {}
    new = sent if isinstance(sent, dict) else {}
    return {key: (old.get(key), new.get(key)) for key in (new or old)}
