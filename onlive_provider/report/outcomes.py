"""What became of every record of a run: outcomes, written and read as JSON Lines, one outcome a line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import IO, Any, Literal, Self, TypeAlias, get_args

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import resource_named

OutcomeName: TypeAlias = Literal["updated", "unchanged", "skipped", "failed", "not_attempted", "planned"]
OUTCOME_NAMES: tuple[OutcomeName, ...] = get_args(OutcomeName)

HIDDEN = "<hidden>"
"""Stands in a report where a guest's e-mail address or phone number stood. It cannot be sent back."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_JSON_NAMES = {"updated_at": "updatedAt", "field_errors": "fieldErrors"}
_EMAIL = r"[^\s\"'<>,;:()\\=/?&]{1,64}(?:@|%40)[^\s\"'<>,;:()\\=/?&]+"
_PHONE = r"\+\d[\d ().-]{6,}\d"
_PERSONAL = re.compile(f"{_EMAIL}|{_PHONE}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row of the input. Its repr shows no values, which may be a guest's.

    :param index: the row's place in the input, from 0.
    :param line: the line of the input file on which it ends, from 1; ``None`` where there are no lines.
    :param resource: the kind of the record, e.g. ``appointment``; ``None`` only in what a run without a report keeps.
    :param id: the record's id; ``None`` when the row has none.
    :param outcome: ``planned`` stands for ``updated`` where nothing was to be written.
    :param before: the written fields as they were read; the inverse of the write.
    :param after: the fields as they were sent.
    :param updated_at: the record's ``updatedAt`` after the write, or as it was read.
    :param error: the error's class, e.g. ``OnliveConflictError``.
    :param message: the error's text, or why it was skipped.
    :param field_errors: ``{"field", "message"}`` of every field that was refused.
    :param attempts: calls that were sent for this record.
    :param retryable: whether the same update may succeed later without anybody changing anything.
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
    error: str | None = None
    message: str | None = field(default=None, repr=False)
    field_errors: Sequence[Mapping[str, str]] = field(default=(), repr=False)
    attempts: int = 0
    retryable: bool = False
    name: str | None = field(default=None, repr=False)

    def change(self, where: str = "") -> Change:
        """Return the write that the outcome stands for.

        :param where: what an error puts before the name of a member.
        :raises OnlivePayloadError: ``resource`` is missing or unknown.
        """
        resource = resource_named(self.resource, where)
        return Change(resource, self.id or "", self.before, self.after, self.updated_at)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as it stands in a report: members that say nothing are left out."""
        members = {name: getattr(self, member) for name, member in _MEMBERS.items()}
        return {name: value for name, value in members.items() if value or name == "index"}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the outcome of a report's line.

        :raises TypeError: it is no object with an index.
        :raises ValueError: it has no outcome, or an unknown one.
        """
        if not isinstance(data, dict) or not isinstance(data.get("index"), int):
            raise TypeError("an outcome is an object with an index")
        if data.get("outcome") not in OUTCOME_NAMES:
            raise ValueError(f"an outcome is one of {', '.join(OUTCOME_NAMES)}")
        given = {_MEMBERS[name]: value for name, value in data.items() if name in _MEMBERS}
        return cls(**{"line": None, "id": None, **given})


_MEMBERS = {_JSON_NAMES.get(each.name, each.name): each.name for each in fields(Outcome)}
"""What a member is called in JSON, and here."""


@dataclass(slots=True)
class Counts:
    """How many outcomes there are of each name."""

    total: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    not_attempted: int = 0
    planned: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.total += 1
        setattr(self, outcome.outcome, getattr(self, outcome.outcome) + 1)

    def as_json(self) -> dict[str, int]:
        """Return the counts by name, ``total`` first."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def may_hold_personal_data(line: bytes) -> bool:
    """Whether there may be something to hide in a line of JSON. To look for the signs is much cheaper than to hide.

    :param line: as :func:`to_line` makes it.
    """
    return b"@" in line or b"+" in line or b"%40" in line or b"phone" in line.lower()


def hide_personal_data(value: Any) -> Any:
    """Return JSON with :data:`HIDDEN` in the place of guests' e-mail addresses and phone numbers.

    Hidden are e-mail addresses and international phone numbers in any text, and whatever stands under a name with
    "phone" in it. A null stays a null, so that a cleared phone number shows as cleared.
    """
    if isinstance(value, str):
        # Nearly no text has one of these, and to look for them is much cheaper than to search.
        return _PERSONAL.sub(HIDDEN, value) if "@" in value or "+" in value or "%40" in value else value
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {
            hide_personal_data(name): _hide_all(member)
            if "phone" in str(name).casefold()
            else hide_personal_data(member)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_personal_data(item) for item in value]
    return value


def _hide_all(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {hide_personal_data(name): _hide_all(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_hide_all(item) for item in value]
    return None if value is None else HIDDEN


class ReportReader:
    """Gives the outcomes of a report, one at a time.

    A last line that was cut off, because the writer was killed, is left out.

    :param file: open for reading bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __iter__(self) -> Iterator[Outcome]:
        """Yield the outcomes.

        :raises OnlivePayloadError: a line is no outcome: the file is not a report.
        """
        lines = io.TextIOWrapper(self._file, encoding="utf-8", errors="surrogateescape", newline="\n")
        for number, line in enumerate(lines, start=1):
            try:
                outcome = Outcome.from_json(json.loads(line))
            except (TypeError, ValueError, RecursionError) as error:
                if not line.endswith("\n"):
                    return
                message = f"line {number} of the file is no outcome; accepted: a report that this provider wrote"
                raise OnlivePayloadError.of("report_path", message) from error
            yield outcome


def to_line(value: object) -> bytes:
    """Return compact JSON in UTF-8; a lone surrogate, which UTF-8 cannot hold, stands as its JSON escape."""
    return _JSON.encode(value).encode("utf-8", "backslashreplace")
