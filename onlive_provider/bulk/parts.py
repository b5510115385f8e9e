"""The parts of a .jsonl or .csv file, one for each row, whether it can be read as a row or not."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from onlive_provider.bulk.columns import ERROR_COLUMN
from onlive_provider.bulk.lines import Lines, RowTooLongError, is_utf8
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.wording import counted

MARK = f"{ERROR_COLUMN}: "
"""What rejects put before the reason in a row whose cells do not stand under their columns: such a reason may stand
under any column, and must never be sent."""

_LARGE_CELL = "field larger"
"""What Python says of a cell above its limit: in the middle of the cell, whose rest must not pass for rows."""

Content = TypeVar("Content")


class Part(NamedTuple, Generic[Content]):
    """What stands in the place of one row.

    :param first: its first line, from 1.
    :param last: its last line.
    :param content: the line, or the cells; ``None`` where there are none because it cannot be read.
    :param fault: why it is no row, in words that follow its lines; empty if nothing is known to be wrong.
    """

    first: int
    last: int
    content: Content | None
    fault: str = ""


def json_parts(lines: Lines) -> Iterator[Part[str]]:
    """Yield each line that is not blank."""
    while True:
        lines.begin_row()
        try:
            text = next(lines, None)
        except RowTooLongError:
            lines.skip_line()
            yield Part(lines.number, lines.number, None, _too_long(lines))
            continue
        if text is None:
            return
        if not text.isspace():
            fault = "" if is_utf8(text) else "is not UTF-8 text"
            yield Part(lines.number, lines.number, text, fault)


class CsvParts:
    """The rows of CSV below its header. ``columns`` is the header.

    :raises OnlivePayloadError: there is no header that can be read.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._rows = csv.reader(lines, strict=True)
        self.columns = _read_header(self._rows)
        self._holds_reasons = ERROR_COLUMN in self.columns

    def __iter__(self) -> Iterator[Part[list[str]]]:
        """Yield each row that is not blank."""
        lines = self._lines
        while True:
            lines.begin_row()
            first = lines.number + 1
            try:
                cells = next(self._rows, None)
            except RowTooLongError:
                lines.skip_row()
                yield Part(first, lines.number, None, _too_long(lines))
                continue
            except csv.Error as error:
                if str(error).startswith(_LARGE_CELL):
                    lines.skip_row()
                yield Part(first, lines.number, None, f"cannot be read as CSV: {error}")
                continue
            if cells is None:
                return
            if cells:
                yield Part(first, lines.number, cells, self.misfit(cells) or _not_text(cells))

    def misfit(self, cells: Sequence[str]) -> str:
        """Return why cells do not stand under their columns, or nothing if they do."""
        columns = self.columns
        if len(cells) != len(columns):
            return f"has {counted(len(cells), 'cell')}; the header names {counted(len(columns), 'column')}"
        if self._holds_reasons and any(
            cell.startswith(MARK) and name != ERROR_COLUMN for name, cell in zip(columns, cells, strict=True)
        ):
            return f"has the reason of an earlier failure under another column than {ERROR_COLUMN}"
        return ""


def _not_text(cells: Sequence[str]) -> str:
    return "" if is_utf8("".join(cells)) else "is not UTF-8 text"


def _too_long(lines: Lines) -> str:
    return f"is longer than {lines.longest:,} characters"


def _read_header(rows: Iterator[list[str]]) -> list[str]:
    try:
        columns = next((cells for cells in rows if cells), [])
    except RowTooLongError as error:
        raise OnlivePayloadError.of(
            "updates_path", "the first line of the file is too long to be the names of columns"
        ) from error
    except csv.Error as error:
        raise OnlivePayloadError.of(
            "updates_path", f"the first line of the file cannot be read as CSV: {error}"
        ) from error
    if not columns:
        raise OnlivePayloadError.of(
            "updates_path", "the file is empty; accepted: a first line that names the columns, then rows"
        )
    if not is_utf8("".join(columns)):
        raise OnlivePayloadError.of("updates_path", "the file is not UTF-8 text; save it as UTF-8")
    return columns
