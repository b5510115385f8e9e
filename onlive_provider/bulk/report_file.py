"""A report, or the working file of one, as a revert reads it: each row's outcome, and what was written for it."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from onlive_provider.bulk.chain import Write
from onlive_provider.bulk.kept import WRITES
from onlive_provider.bulk.memory import UNKNOWN_FATES, is_of_unknown_fate, settles
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change
from onlive_provider.report.outcomes import Outcome, ReportReader, to_line

_UNREADABLE = (KeyError, RecursionError, TypeError, ValueError)
_LONG_AGO = 0.0
_SIGNS = (*WRITES, *(f'"error":"{name}"'.encode() for name in UNKNOWN_FATES))
"""What a line holds that may tell of a write; other lines do not have to be parsed to know that they do not."""


class DagRun(NamedTuple):
    """Which DAG run wrote a file, as far as the file says."""

    dag_id: str | None = None
    run_id: str | None = None

    def may_be(self, other: DagRun) -> bool:
        """Whether neither says that it is another run."""
        return all(mine is None or yours is None or mine == yours for mine, yours in zip(self, other, strict=True))

    def __str__(self) -> str:
        return f"DAG {self.dag_id or 'unknown'}, run {self.run_id or 'unknown'}"


@dataclass(slots=True)
class ReportRow:
    """One row of the input.

    :param outcome: the last one; ``None`` where the run was killed before it had any.
    :param settled: the last outcome that says what became of the writes before it.
    :param pending: writes after that one which were about to be sent, the oldest first.
    """

    outcome: Outcome | None = None
    settled: Outcome | None = None
    pending: list[Write] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take note of an outcome, in the order of time."""
        self.outcome = outcome
        if settles(outcome):
            self.settled = outcome
            self.pending.clear()

    def writes(self, known: Container[int] = ()) -> list[Write]:
        """Return the writes that were made, or may have been, the oldest first.

        :param known: fingerprints of outcomes whose writes are left out.
        """
        outcomes = [self.settled] if self.pending or self.outcome is self.settled else [self.settled, self.outcome]
        writes = [write for each in outcomes if each is not None for write in _written(each, known)]
        return writes + self.pending


class ReportFile:
    """A file that a task wrote: a report, which has one outcome a line, or a working file.

    ``run`` is the DAG run that wrote it, ``is_working_file`` which of the two it is. ``unreadable`` counts the lines of
    a working file that a full disk cut short; ``known`` holds a fingerprint of each outcome with a write, once the rows
    were read, also of those that did not stay.

    :param path: for errors; ``None`` where the caller knows which file it is.
    :param lines: from the beginning; the last one may be cut off.
    :raises FileNotFoundError: the lines come from a file that does not exist.
    """

    def __init__(self, path: str | None, lines: Iterator[bytes]) -> None:
        self.known: set[int] = set()
        self.unreadable = 0
        self._path = path
        self._first = next(lines, b"")
        self._rest = lines
        self.is_working_file = isinstance(_parsed(self._first).get("identity"), dict)
        self.is_empty = not self._first
        said = task_of(self._first)
        self.run = DagRun(_text(said.get("dag_id")), _text(said.get("run_id")))

    def rows(self) -> Iterator[ReportRow]:
        """Yield the rows: of a report in the order of its lines, of a working file by their first lines.

        :raises OnlivePayloadError: a line of a report is not an outcome, or does not say what it is about.
        """
        return self._rows_of_working_file() if self.is_working_file else self._rows_of_report()

    def written_ids(self) -> Iterator[str]:
        """Yield the id of each record that was written, or may have been; some more than once. Takes little memory.

        :raises OnlivePayloadError: a line that may tell of a write cannot be read.
        """
        for number, line in enumerate(self._lines(), start=1):
            if any(sign in line for sign in _SIGNS):
                record_id = _parsed(line).get("id")
                if isinstance(record_id, str):
                    yield record_id
                elif line.endswith(b"\n"):  # The last one may be cut off; what it announced was not sent.
                    raise OnlivePayloadError.of("report_path", f"{self._where(number)}cannot be read")

    def _lines(self) -> Iterator[bytes]:
        if self._first:
            yield self._first
        yield from self._rest

    def _rows_of_report(self) -> Iterator[ReportRow]:
        for number, outcome in enumerate(ReportReader(self._lines(), self._path or "the file"), start=1):
            _check(outcome, self._where(number))
            row = ReportRow()
            row.add(outcome)
            self._know(outcome)
            yield row

    def _rows_of_working_file(self) -> Iterator[ReportRow]:
        rows: dict[int, ReportRow] = {}
        for number, line in enumerate(self._rest, start=2):
            try:
                data = json.loads(line)
                found = _announced(data) if "writing" in data else Outcome.from_json(data)
            except _UNREADABLE:
                self.unreadable += line.endswith(b"\n")
                continue
            if isinstance(found, Outcome):
                _check(found, self._where(number))
                rows.setdefault(found.index, ReportRow()).add(found)
                self._know(found)
            else:
                rows.setdefault(data["writing"], ReportRow()).pending.append(found)
        return iter(rows.values())

    def _know(self, outcome: Outcome) -> None:
        if _written(outcome):
            self.known.add(_fingerprint(outcome))

    def _where(self, number: int) -> str:
        return f"line {number}: " if self._path is None else f"{self._path}, line {number}: "


def _fingerprint(outcome: Outcome) -> int:
    """Return a number that is the same for the same outcome in two files, and hardly ever for two."""
    return hash(to_line(outcome.as_json()))


def _written(outcome: Outcome, known: Container[int] = ()) -> list[Write]:
    """Return the write that an outcome says was made, or may have been, if there is one that is not known already."""
    change = outcome.change()
    if outcome.outcome == "updated" and change:
        found = Write(change)
    elif outcome.sent_at is not None:
        found = Write(change, outcome.sent_at)
    elif is_of_unknown_fate(outcome):
        found = Write(replace(change, before={}, after={}), _LONG_AGO)
    else:
        return []
    return [] if known and _fingerprint(outcome) in known else [found]


def _announced(data: Mapping[str, Any]) -> Write:
    if not isinstance(data["writing"], int):
        raise TypeError("writing is the index of a row")
    change = Change.from_json(data)
    if not isinstance(change.before, dict) or not isinstance(change.after, dict) or not isinstance(change.id, str):
        raise TypeError("an announcement has objects before and after, and an id")
    return Write(change, float(data["at"]))


def _check(outcome: Outcome, where: str) -> None:
    """Refuse an outcome that names no kind of record, or whose members are of another kind than a report's.

    :raises OnlivePayloadError: it is one.
    """
    outcome.change(where)
    for name, value, kind, accepted in (
        ("id", outcome.id, str | None, "text"),
        ("before", outcome.before, dict, "an object"),
        ("after", outcome.after, dict, "an object"),
        ("updatedAt", outcome.updated_at, str | None, "text"),
        ("sentAt", outcome.sent_at, float | int | None, "a number"),
    ):
        if not isinstance(value, kind):
            raise OnlivePayloadError.of(f"{where}{name}", f"got {type(value).__name__}; accepted: {accepted}")


def task_of(first_line: bytes) -> Mapping[str, Any]:
    """Return the task instance that a file's first line says wrote it: a report's, a plan's, or a working file's."""
    head = _parsed(first_line)
    said = head.get("identity", head.get("task"))
    return said if isinstance(said, dict) else {}


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(line)
    except (RecursionError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
