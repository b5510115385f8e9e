"""Rows of a bulk update: a list, or a .jsonl, .csv or .parquet file that is read row by row, however long it is.

A part that cannot be read as a row, such as a broken line, comes out as a :class:`BadRow` in its place and fails alone.

Null and missing differ. In a list and in ``.jsonl`` a ``null`` (``None``) is the caller's word for "clear
this field". A *gap* is a value that is not there: ``NaN``, ``NaT`` and ``<NA>`` as data frames hold them, and in
``.csv`` and ``.parquet``, where nobody writes a null by hand, also a null, inside an object of Parquet too, an empty
cell and the texts of :data:`GAP_TEXTS`. The caller chooses what to do with a gap, see :func:`as_update`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import IO, Any, Literal, TypeAlias

from onlive_provider.bulk.columns import ERROR_COLUMN, check_columns, check_mapping, shown, targets
from onlive_provider.bulk.lines import Lines
from onlive_provider.bulk.parquet import read_parquet
from onlive_provider.bulk.parts import CsvParts, Part, json_parts
from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.rendered import MAX_DEPTH, RepeatedMemberError, as_object, is_nested_deeper

OnNull: TypeAlias = Literal["omit", "clear"]
OpenFile: TypeAlias = Callable[[str], IO[bytes]]

GAP_TEXTS = frozenset({"", "NULL", "None", "NaN", "nan", "NaT", "<NA>"})
"""Cells of ``.csv`` and ``.parquet`` that mean a missing value, spelled exactly so."""

_FRAME_GAPS = frozenset({"nan", "NaN", "NaT", "<NA>"})
_PLAIN = (str, bool, int, list, dict, type(None))
_ENDING = re.compile(r"\.\w{1,10}$")


class Missing(Enum):
    """Stands in a row's values where a file has a gap; an explicit null is ``None``."""

    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the input. Its repr does not show its values, which may be a guest's.

    :param index: its place in the input, from 0, in the caller's order.
    :param line: the line of the file on which it ends, from 1; ``None`` for a list and for ``.parquet``.
    :param values: by column; :attr:`Missing.GAP` where a file has a gap.
    """

    index: int
    line: int | None
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A part of the input that cannot be read as a row.

    :param index: its place in the input, from 0, in the caller's order.
    :param line: the line of the file on which it ends, from 1; ``None`` for a list.
    :param error: what is wrong with it; never shows what it holds.
    """

    index: int
    line: int | None
    error: FieldError


def read_rows(items: Iterable[object], *, id_field: str, fields: Mapping[str, str] | None) -> Iterator[Row | BadRow]:
    """Return the rows of a list.

    :param items: an object for each row.
    :param id_field: name of the column that holds the record's id.
    :param fields: column to field, as for :func:`as_update`.
    :raises OnlivePayloadError: the input as a whole cannot be used. Raised before the first row.
    """
    check_mapping(id_field, fields)
    if isinstance(items, Mapping):
        raise OnlivePayloadError.of(
            "updates", f"got {type(items).__name__}; accepted: a list of objects, one for each record"
        )
    return _read_list(items)


def read_file(
    path: str, *, open_file: OpenFile, id_field: str, fields: Mapping[str, str] | None
) -> Iterator[Row | BadRow]:
    """Read the rows of a file one at a time, holding no more than a small part of it.

    :param path: path or URL of a file that ends in ``.jsonl``, ``.csv`` (UTF-8, commas, a first line that names the
        columns) or ``.parquet``.
    :param open_file: opens the file for reading bytes; it is closed when the rows are used up or given up.
    :param id_field: name of the column that holds the record's id.
    :param fields: column to field, as for :func:`as_update`.
    :raises OnlivePayloadError: the input as a whole cannot be used. Raised before the first row.
    :raises OnliveInputError: raised after some rows: the rest of the file cannot be read.
    """
    check_mapping(id_field, fields)
    return _read_file(path, _reader_of(path), open_file, _Columns(id_field, fields))


def as_update(
    row: Row, *, id_field: str, fields: Mapping[str, str] | None, on_null: OnNull
) -> tuple[Any, dict[str, Any]]:
    """Return the id and the payload of a row as given. Only the presence of an id is checked.

    :param id_field: name of the column that holds the record's id.
    :param fields: column to field; a dotted field such as ``extraFields.city`` sets one member of an object. Other
        columns are ignored. Without it every column but the id's is a field of that name.
    :param on_null: what to do with a gap: ``omit`` leaves the field as it is in the record, ``clear`` sends ``null``.
        A column that a row does not have at all, and an explicit ``null``, do not depend on it.
    :raises OnlivePayloadError: the row has no id.
    """
    record_id = row.values.get(id_field)
    if record_id is None or is_gap(record_id):
        raise OnlivePayloadError.of(id_field, "is missing; every row needs the id of the record that it updates")
    payload: dict[str, Any] = {}
    for column, path in targets(row.values, id_field, fields):
        value = _without_gaps(row.values[column], on_null)
        if is_gap(value):
            if on_null == "omit":
                continue
            value = None
        holder = payload
        for name in path[:-1]:
            holder = holder.setdefault(name, {})
        holder[path[-1]] = value
    return record_id, payload


def _without_gaps(value: Any, on_null: OnNull) -> Any:
    """Return a value without the gaps inside it; a gap where an object holds nothing else."""
    if type(value) is list:
        return [None if item is Missing.GAP else item for item in (_without_gaps(each, on_null) for each in value)]
    if type(value) is not dict or not value:
        return value
    members = {name: _without_gaps(member, on_null) for name, member in value.items()}
    if on_null == "clear":
        return {name: None if member is Missing.GAP else member for name, member in members.items()}
    return {name: member for name, member in members.items() if member is not Missing.GAP} or Missing.GAP


def is_gap(value: object) -> bool:
    """Whether a value is a gap. What pandas, numpy and Decimal use is known by its text, so that none is imported."""
    return value is Missing.GAP or (not isinstance(value, _PLAIN) and str(value) in _FRAME_GAPS)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns of a file are needed."""

    id_field: str
    fields: Mapping[str, str] | None

    def check(self, names: Sequence[str]) -> None:
        check_columns(names, self.id_field, self.fields)


_Reader: TypeAlias = Callable[[IO[bytes], _Columns], Iterator[Row | BadRow]]


def _read_file(path: str, reader: _Reader, open_file: OpenFile, columns: _Columns) -> Iterator[Row | BadRow]:
    with open_file(path) as file:
        yield from reader(file, columns)


def _read_list(items: Iterable[object]) -> Iterator[Row | BadRow]:
    for index, item in enumerate(items):
        if isinstance(item, Mapping):
            yield _row(index, None, item)
        else:
            message = f"got {type(item).__name__}; accepted: an object with the record's id and its fields"
            yield BadRow(index, None, FieldError(f"updates[{index}]", message))


def _row(index: int, line: int | None, values: Mapping[str, Any]) -> Row | BadRow:
    """Return a row, unless it holds what is nested so deep that Python's own functions fail on it."""
    for column, value in values.items():
        if is_nested_deeper(value, MAX_DEPTH) and column != ERROR_COLUMN:
            return BadRow(index, line, FieldError(shown(str(column)), f"is nested deeper than {MAX_DEPTH} levels"))
    return Row(index, line, values)


def _read_jsonl(file: IO[bytes], _: _Columns) -> Iterator[Row | BadRow]:
    for index, part in enumerate(json_parts(Lines(file))):
        yield _bad_part(index, part, part.fault) if part.fault else _json_row(index, part)


def _json_row(index: int, part: Part[str]) -> Row | BadRow:
    assert part.content is not None
    try:
        values = _decode(part.content.rstrip("\r\n"))
    except json.JSONDecodeError as error:
        return _bad_part(index, part, f"is not valid JSON from column {error.colno} on")
    except RepeatedMemberError as error:
        message = f"holds {shown(str(error))} twice; there is no way to know which of the two is right"
        return _bad_part(index, part, message)
    except (ValueError, RecursionError):
        return _bad_part(index, part, "holds a number too long or an object too deep to read")
    if not isinstance(values, dict):
        return _bad_part(index, part, f"holds {type(values).__name__}; accepted: one JSON object on each line")
    return _row(index, part.last, values)


_decode = json.JSONDecoder(object_pairs_hook=as_object).decode


def _read_csv(file: IO[bytes], needed: _Columns) -> Iterator[Row | BadRow]:
    parts = CsvParts(Lines(file))
    columns = parts.columns
    needed.check(columns)
    for index, part in enumerate(parts):
        if part.content is None or part.fault:
            yield _bad_part(index, part, part.fault)
        else:
            values = (Missing.GAP if cell in GAP_TEXTS else cell for cell in part.content)
            yield Row(index, part.last, dict(zip(columns, values, strict=True)))


def _read_parquet(file: IO[bytes], needed: _Columns) -> Iterator[Row | BadRow]:
    used = None if needed.fields is None else {needed.id_field, *needed.fields}
    for index, values in enumerate(read_parquet(file, needed.check, used)):
        if isinstance(values, FieldError):
            yield BadRow(index, None, values)
        else:
            row = _row(index, None, values)
            if isinstance(row, Row):
                row = replace(row, values={column: _cell(value) for column, value in values.items()})
            yield row


def _cell(value: object) -> object:
    return Missing.GAP if isinstance(value, str) and value in GAP_TEXTS else _with_gaps(value)


def _with_gaps(value: object) -> object:
    """Return a value of Parquet with gaps for nulls: an object there has all members of its column in every row."""
    if isinstance(value, dict):
        return {name: _with_gaps(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_gaps(item) for item in value]
    return Missing.GAP if value is None else value


_READERS: Mapping[str, _Reader] = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}


def ending_of(path: str) -> str:
    """Return the ending of a file's name, such as ``.csv``, in lower case; empty where it has none."""
    found = _ENDING.search(path)
    return found.group().lower() if found else ""


def _reader_of(path: str) -> _Reader:
    ending = ending_of(path)
    if ending not in _READERS:
        message = f"got a file with {ending or 'no ending'}; accepted: {', '.join(_READERS)}"
        raise OnlivePayloadError.of("updates_path", message)
    return _READERS[ending]


def _bad_part(index: int, part: Part[Any], message: str) -> BadRow:
    where = f"line {part.last}" if part.first == part.last else f"the row from line {part.first} to {part.last}"
    return BadRow(index, part.last, FieldError("", f"{where} {message}"))
