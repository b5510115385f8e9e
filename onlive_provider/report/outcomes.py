"""The outcomes of a run, one for each record, written and read as JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Literal, Self, TypeAlias, get_args

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import resource_named

OutcomeName: TypeAlias = Literal["updated", "unchanged", "skipped", "failed", "not_attempted", "planned"]
OUTCOME_NAMES: tuple[OutcomeName, ...] = get_args(OutcomeName)

AS_IN_SNAPSHOT = "as in the snapshot; not read"
"""The message of a row that is ``unchanged`` because the snapshot says so: it cost no call."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_JSON_NAMES = {"updated_at": "updatedAt", "sent_at": "sentAt", "field_errors": "fieldErrors"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row of the input. Its repr shows no values: they may be a guest's.

    :param index: the row's place in the input, from 0.
    :param line: the line of the input file on which the row ends, from 1; ``None`` if the input has no lines.
    :param resource: the kind of the record, e.g. ``appointment``; ``None`` only in what a run without a report keeps.
    :param id: the record's id; ``None`` when the row has none.
    :param outcome: ``planned`` is what ``updated`` would be if the run had been allowed to write.
    :param before: the written fields as they were read; the inverse of the write.
    :param after: the fields as they were sent.
    :param updated_at: the record's ``updatedAt`` after the write, or as it was read.
    :param sent_at: seconds since the epoch; only of a write that may have been made and is not known to have been.
    :param error: the error's class, e.g. ``OnliveConflictError``.
    :param message: the error's text, or why it was skipped.
    :param field_errors: ``{"field", "message"}`` of every field that was refused.
    :param attempts: calls that were sent for this record.
    :param retryable: whether the same update may succeed later with nothing changed.
    :param name: the record's name, for people; ``None`` where it was not read or may be a guest's.
    """

    index: int
    line: int | None
    resource: str | None = field(default=None, kw_only=True)
    id: str | None = field(repr=False)
    outcome: OutcomeName
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    after: Mapping[str, Any] = field(default_factory=dict, repr=False)
    updated_at: str | None = None
    sent_at: float | None = None
    error: str | None = None
    message: str | None = field(default=None, repr=False)
    field_errors: Sequence[Mapping[str, str]] = field(default=(), repr=False)
    attempts: int = 0
    retryable: bool = False
    name: str | None = field(default=None, repr=False)

    @property
    def is_from_snapshot(self) -> bool:
        """Whether the row cost no call, because the snapshot says that its record was given it before."""
        return self.message == AS_IN_SNAPSHOT

    def change(self, where: str = "") -> Change:
        """Return the write that the outcome stands for.

        :param where: what an error puts before the name of a member.
        :raises OnlivePayloadError: ``resource`` is missing or unknown.
        """
        resource = resource_named(self.resource, where)
        return Change(resource, self.id or "", self.before, self.after, self.updated_at)

    @property
    def place(self) -> str:
        """Where the row stands, for a person: its line where the input has lines, else its index."""
        return f"row {self.index}" if self.line is None else f"line {self.line}"

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as a report holds it, without empty members."""
        members = zip(_MEMBERS, _VALUES(self), strict=True)
        return {name: value for name, value in members if value or name == "index"}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the outcome of a report's line.

        :raises TypeError: it is not an object with an index.
        :raises ValueError: its outcome is missing or unknown.
        """
        if not isinstance(data, dict) or not isinstance(data.get("index"), int):
            raise TypeError("an outcome is an object with an index")
        if data.get("outcome") not in OUTCOME_NAMES:
            raise ValueError(f"an outcome is one of {', '.join(OUTCOME_NAMES)}")
        given = {_MEMBERS[name]: value for name, value in data.items() if name in _MEMBERS}
        return cls(**{"line": None, "id": None, **given})


_MEMBERS = {_JSON_NAMES.get(each.name, each.name): each.name for each in fields(Outcome)}
"""Names of members: in JSON, and here."""
_VALUES = attrgetter(*_MEMBERS.values())


@dataclass(slots=True)
class Counts:
    """The number of outcomes by name."""

    total: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    not_attempted: int = 0
    planned: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.add_name(outcome.outcome)

    def add_name(self, name: OutcomeName, number: int = 1) -> None:
        """Count outcomes of a name."""
        self.total += number
        setattr(self, name, getattr(self, name) + number)

    def as_json(self) -> dict[str, int]:
        """Return the counts by name, ``total`` first."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def by_name(self) -> str:
        """Return the outcomes that there are, for a person, without their sum."""
        counts = self.as_json().items()
        return ", ".join(f"{number:,} {name}" for name, number in counts if number and name != "total")


class ReportReader:
    """Iterates over the outcomes of a report.

    A last line that was cut off when the writer was killed is skipped, and so is the first line of a saved plan.

    :param lines: of the file, from the first one.
    :param name: of the file, for errors.
    """

    def __init__(self, lines: Iterable[bytes], name: str = "the file") -> None:
        self._lines = lines
        self._name = name

    def __iter__(self) -> Iterator[Outcome]:
        """Yield the outcomes.

        :raises OnlivePayloadError: a line is not an outcome, so the file is not a report.
        """
        for number, line in enumerate(self._lines, start=1):
            try:
                data = json.loads(line)
                if number == 1 and isinstance(data, dict) and "plan" in data:
                    continue
                outcome = Outcome.from_json(data)
            except (TypeError, ValueError, RecursionError) as error:
                if not line.endswith(b"\n"):
                    return
                message = (
                    f"line {number} of {self._name} is not an outcome; accepted: a report that this provider wrote"
                )
                raise OnlivePayloadError.of("report_path", message) from error
            yield outcome


def to_line(value: object) -> bytes:
    """Return compact JSON in UTF-8. Lone surrogates, which UTF-8 cannot encode, are written as JSON escapes."""
    return _JSON.encode(value).encode("utf-8", "backslashreplace")
