"""The failed rows of an input, copied as they stand there, each with the reason."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import date, time
from decimal import Decimal
from typing import IO

from onlive_provider.bulk.columns import ERROR_COLUMN
from onlive_provider.bulk.lines import Lines
from onlive_provider.bulk.parts import MARK, CsvParts, json_parts
from onlive_provider.bulk.rejected_parquet import rejected_parquet
from onlive_provider.bulk.rejects import Reasons
from onlive_provider.bulk.rows import OpenFile, ending_of, is_gap

ROW_MEMBER = "onlive_row"
"""Holds what is not an object, in the rejects of JSON Lines and of a list."""

_IS_CUT = "; only the beginning of the row stands here"
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBERS = frozenset("biuf")
"""What numpy calls the kinds of numbers and booleans."""

_decode = json.JSONDecoder().raw_decode


def rejected_rows(path: str, open_file: OpenFile, reasons: Reasons) -> Iterator[bytes]:
    """Yield the failed rows of a file as bytes in the file's form, below its header or with its schema.

    The file is read no further than to the last failed row.

    :param path: path or URL of a file that :func:`~onlive_provider.bulk.rows.read_file` reads.
    :param open_file: opens the file for reading bytes.
    :raises OnlivePayloadError: the file cannot be used.
    :raises OnliveInputError: the rest of the file cannot be read.
    """
    with open_file(path) as file:
        yield from _COPIES[ending_of(path)](file, reasons)


def rejected_items(items: Sequence[object], reasons: Reasons) -> Iterator[bytes]:
    """Yield the failed rows of a list as JSON Lines."""
    for index in range(min(reasons.end, len(items))):
        if (reason := reasons.get(index)) is not None:
            yield _item_line(items[index], reason)


def _item_line(item: object, reason: str) -> bytes:
    error = _member(ERROR_COLUMN, reason)
    members = item if isinstance(item, Mapping) else {ROW_MEMBER: item}
    kept = {name: value for name, value in members.items() if name != ERROR_COLUMN}
    try:
        held = json.dumps(kept, ensure_ascii=False, default=_plain)[1:-1]
    except (TypeError, ValueError, RecursionError):
        held = _member(ROW_MEMBER, "a row that JSON cannot hold")
    return _json_line([held, error] if held else [error])


def _plain(value: object) -> object:
    """Return as JSON what is none: numbers of numpy, times, a data frame's gap."""
    if is_gap(value):
        return float("nan")
    if getattr(getattr(value, "dtype", None), "kind", None) in _NUMBERS:
        return value.tolist()  # type: ignore[attr-defined]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return list(value)
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _rejected_jsonl(file: IO[bytes], reasons: Reasons) -> Iterator[bytes]:
    lines = Lines(file, keeps=True)
    for index, _ in enumerate(json_parts(lines)):
        if index >= reasons.end:
            return
        if (reason := reasons.get(index)) is not None:
            text = lines.text().rstrip("\r\n")
            error = _member(ERROR_COLUMN, reason + _IS_CUT if lines.is_cut else reason)
            yield _json_line([*_members(text), error])


def _members(text: str) -> Iterator[str]:
    """Yield the members of a line's object as they stand there, or the one that holds what is not an object."""
    try:
        value = json.loads(text)
        text.encode()
    except (ValueError, RecursionError):
        yield _member(ROW_MEMBER, text)
        return
    if not isinstance(value, dict):
        yield f'"{ROW_MEMBER}": {text.strip()}'
        return
    place = _after_space(text, text.index("{") + 1)
    while text[place] != "}":
        name, end = _decode(text, place)
        _, end = _decode(text, _after_space(text, _after_space(text, end) + 1))
        if name != ERROR_COLUMN:
            yield text[place:end]
        place = _after_space(text, end)
        if text[place] == ",":
            place = _after_space(text, place + 1)


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    assert found is not None
    return found.end()


def _member(name: str, value: str) -> str:
    return f'"{name}": {json.dumps(value, ensure_ascii=False)}'


def _json_line(members: Sequence[str]) -> bytes:
    # A byte that is not UTF-8 is a lone surrogate, which JSON can only hold as an escape.
    return f"{{{', '.join(members)}}}\n".encode("utf-8", "backslashreplace")


def _rejected_csv(file: IO[bytes], reasons: Reasons) -> Iterator[bytes]:
    mark = codecs.BOM_UTF8 if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else b""
    file.seek(0)
    lines = Lines(file, keeps=True)
    parts = CsvParts(lines)
    line_end = "\r\n" if lines.text().endswith("\r\n") else "\n"
    columns = parts.columns if ERROR_COLUMN in parts.columns else [*parts.columns, ERROR_COLUMN]
    yield mark + _csv_line(columns, line_end)
    if not reasons.end:
        return
    for index, part in enumerate(parts):
        if index >= reasons.end:
            return
        if (reason := reasons.get(index)) is None:
            continue
        if part.content is None:
            cells = _odd_row([lines.text().rstrip("\r\n")], reason + _IS_CUT if lines.is_cut else reason, columns)
        elif parts.misfit(part.content):
            cells = _odd_row(part.content, reason, columns)
        else:
            cells = _row(part.content, reason, columns)
        yield _csv_line(cells, line_end)


def _row(cells: Sequence[str], reason: str, columns: Sequence[str]) -> list[str]:
    """Return a row with its reason, in the place of an earlier one."""
    given = dict(enumerate(cells))
    return [reason if name == ERROR_COLUMN else given[place] for place, name in enumerate(columns)]


def _odd_row(cells: Sequence[str], reason: str, columns: Sequence[str]) -> list[str]:
    """Return cells that do not stand under their columns, and the reason behind them or in the place of an earlier one.

    It must not be taken for a row by mistake, neither now nor once a spreadsheet has filled it up with empty cells.
    """
    said = MARK + reason
    if any(cell.startswith(MARK) for cell in cells):
        return [said if cell.startswith(MARK) else cell for cell in cells]
    gap = [""] if len(cells) + 1 == len(columns) else []
    return [*cells, *gap, said]


def _csv_line(cells: Sequence[str], line_end: str) -> bytes:
    text = io.StringIO(newline="")
    # Python quotes a carriage return only if it is part of its own line end.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return (text.getvalue().removesuffix("\r\n") + line_end).encode("utf-8", "surrogateescape")


_COPIES: Mapping[str, Callable[[IO[bytes], Reasons], Iterator[bytes]]] = {
    ".jsonl": _rejected_jsonl,
    ".csv": _rejected_csv,
    ".parquet": rejected_parquet,
}
