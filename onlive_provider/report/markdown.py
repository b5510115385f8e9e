"""A plan as Markdown, for somebody who approves it: the total first, then one table."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onlive_provider.models.changes import Change
from onlive_provider.models.wording import counted
from onlive_provider.privacy import on_one_line, without_personal_data
from onlive_provider.report.cells import cut

MAX_MARKDOWN = 47_000
"""Bytes of Markdown as an XCom holds it, where the whole XCom is one: 48 KB fit into any of Airflow's databases."""

_MAX_CELL = 80
_MAX_WHY = 300
_MAX_NAMED = 10
_MAX_REPORTS = 3
_MAX_PROBLEMS = 20
_PUNCTUATION = re.compile(r"([!-+.:-@\[-`{-~])")


def changes_markdown(
    changing: Sequence[Change],
    problems: Mapping[str, str],
    *,
    total: int,
    noun: str,
    reports: Sequence[str],
    fields: Mapping[str, int] | None = None,
    more: int = 0,
    room: int = MAX_MARKDOWN,
) -> str:
    """Return a plan of any fields: how many records change, which fields, and a row for each field of each record.

    Values that may be a guest's are not shown.

    :param changing: the changes.
    :param problems: record to why it cannot be planned.
    :param total: how many records were planned, or could not be.
    :param noun: what a record is called: ``appointment``.
    :param reports: where the whole reports are.
    :param fields: field to how many records change in it; counted in ``changing`` by default.
    :param more: how many records change besides.
    :param room: bytes that the text may take as ASCII JSON.
    """
    counts = Counter(fields or (name for change in changing for name in change.after))
    named = ", ".join(f"{escaped(name)} {number:,}" for name, number in counts.most_common(_MAX_NAMED))
    return PlanPage(
        total=f"{how_many(len(changing) + more, total, noun)}{': ' if named else ''}{named}",
        problems=problems,
        header=(noun.capitalize(), "Field", "Before", "After"),
        records=(
            [
                [change.id if not place else "", *(escaped(cut(text, _MAX_CELL)) for text in (name, *sides))]
                for place, (name, sides) in enumerate(change.sides().items())
            ]
            for change in changing
        ),
        number=len(changing) + more,
        noun=noun,
        reports=reports,
    ).text(room)


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, without guests' data: no link, no picture, no column of its own."""
    return _literal(without_personal_data(text))


def _literal(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", on_one_line(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPage:
    """The parts of the text.

    :param total: one sentence, without its full stop.
    :param problems: record to why it cannot be planned.
    :param records: the rows of cells of each record that changes; see :func:`escaped`.
    :param number: how many records change.
    :param noun: what a record is called.
    :param reports: where the whole reports are.
    :param numbers: how many of the last columns are numbers.
    """

    total: str
    problems: Mapping[str, str]
    header: Sequence[str]
    records: Iterable[Sequence[Sequence[str]]]
    number: int
    noun: str
    reports: Sequence[str]
    numbers: int = 0

    def text(self, room: int) -> str:
        """Return the text: the total and the way to the reports always, of the table as much as there is room for.

        :param room: bytes that it may take as ASCII JSON.
        """
        begin = [f"**{self.total}.**", "", *self._problems()]
        if self.number:
            begin += [_row(self.header), _row(["---"] * (len(self.header) - self.numbers) + ["--:"] * self.numbers)]
        left = room - _size(begin) - _size(self._end(self.number))
        rows: list[str] = []
        shown = 0
        for record in self.records:
            lines = [_row(cells) for cells in record]
            left -= _size(lines)
            if left < 0:
                break
            rows += lines
            shown += 1
        return "\n".join([*begin, *rows, *self._end(self.number - shown)])

    def _problems(self) -> list[str]:
        if not self.problems:
            return []
        lines = [f"**{len(self.problems):,} cannot be planned:**", ""]
        shown = list(self.problems.items())[:_MAX_PROBLEMS]
        lines += [f"- {escaped(cut(f'{name}: {why}', _MAX_WHY))}" for name, why in shown]
        if len(self.problems) > len(shown):
            lines.append(f"- and {len(self.problems) - len(shown):,} more")
        return [*lines, ""]

    def _end(self, left_out: int) -> list[str]:
        lines = ["", f"and {counted(left_out, f'more {self.noun}')}"] if left_out else []
        if self.reports:
            paths = ", ".join(_literal(path) for path in self.reports[:_MAX_REPORTS])
            more = f" and {len(self.reports) - _MAX_REPORTS:,} more" if len(self.reports) > _MAX_REPORTS else ""
            lines += ["", f"The whole {'report' if len(self.reports) == 1 else 'reports'}: {paths}{more}"]
        return lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _size(lines: Iterable[str]) -> int:
    return sum(len(json.dumps(line)) for line in lines)


def how_many(changing: int, total: int, noun: str) -> str:
    """Return ``13 of 36 services change``."""
    verb = "changes" if changing == 1 else "change"
    return f"{changing:,} of {counted(total, noun)} {verb}"
