"""A report in a few lines for a terminal: counts, failures by cause, and what a revert would do. It makes no call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from onlive_provider.bulk.history import History, Source, outcomes_of, read_history
from onlive_provider.models.wording import counted
from onlive_provider.privacy import UUID_PATTERN, printable, without_personal_data
from onlive_provider.report.outcomes import Outcome

_MAX_CAUSES = 10
_MAX_NAMED = 3
_VARYING = re.compile(rf"{UUID_PATTERN.pattern}|\d[\d.,:T+Z-]*\d|\d", re.IGNORECASE)


class Disk:
    """Files on this machine's disk."""

    def open(self, path: str, mode: Literal["rb"]) -> IO[bytes]:
        """Open a file.

        :raises FileNotFoundError: there is none.
        """
        return Path(path).open(mode)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted; none where there is no such folder."""
        return sorted(each.name for each in Path(folder).iterdir()) if Path(folder).is_dir() else []

    def local_path(self, path: str) -> Path:
        """Return the path."""
        return Path(path)


@dataclass(slots=True)
class _Group:
    """What has one cause.

    :param message: the first one's.
    :param named: the first ones, in words.
    """

    message: str
    number: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.number += 1
        if len(self.named) < _MAX_NAMED:
            self.named.append(name)


class _Groups:
    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, message: str, name: str) -> None:
        """Add what has a cause; messages that differ in ids, numbers and times have one."""
        shown = without_personal_data(message)
        self._groups.setdefault(_VARYING.sub("#", shown), _Group(shown)).add(name)

    def lines(self) -> Iterator[str]:
        """Yield two lines for each cause, the most frequent first."""
        groups = sorted(self._groups.values(), key=lambda each: -each.number)
        for each in groups[:_MAX_CAUSES]:
            more = f" and {each.number - len(each.named):,} more" if each.number > len(each.named) else ""
            yield f"  {each.number:,} x {each.message}"
            yield f"    {'; '.join(each.named)}{more}"
        if len(groups) > _MAX_CAUSES:
            yield f"  and {counted(len(groups) - _MAX_CAUSES, 'more cause')}"


def digest(report_path: str) -> list[str]:
    """Return what a report says, in lines that show no guest's data and can do nothing to a terminal.

    :raises OnlivePayloadError: there is no such report, or it cannot be read.
    """
    disk = Disk()
    history = read_history(disk, report_path)
    newest = history.sources[0]
    lines = [f"{newest.path}: {newest.counts_text()}"]
    lines += _failures(outcomes_of(disk, newest))
    lines += _revert(history)
    if history.others:
        lines += ["", "Written by other DAG runs, and left alone unless given by path:"]
        lines += [f"  {each.path}: {each.run}" for each in history.others]
    return [printable(line) for line in lines]


def _failures(outcomes: Iterable[Outcome]) -> list[str]:
    groups = _Groups()
    for each in outcomes:
        if each.outcome == "failed":
            where = f"row {each.index}" if each.line is None else f"line {each.line}"
            name = f"{where}, {without_personal_data(each.id)}" if each.id else where
            groups.add(f"{each.error}: {each.message or ''}", name)
    return ["", "Failed, by cause:", *groups.lines()] if groups else []


def _revert(history: History) -> list[str]:
    lost, unsure, records = _Groups(), 0, 0
    for chain in history.chains:
        problem = chain.problem()
        if problem is not None:
            lost.add(str(problem), without_personal_data(chain.name))
            continue
        records += 1
        unsure += chain.writes[-1].may_be_made
    lines = ["", f"A revert would read {counted(records, 'record')} and put back those that nobody changed since"]
    if not history.chains:
        lines = ["", "A revert would find nothing to put back"]
    lines += [f"  {_writes(each)} in {each.path}" for each in history.sources if each.writes]
    if unsure:
        lines.append(f"  {counted(unsure, 'record')} would show first whether the last write was made")
    return [*lines, "", "It could not put back:", *lost.lines()] if lost else lines


def _writes(source: Source) -> str:
    return counted(source.writes, "write")
