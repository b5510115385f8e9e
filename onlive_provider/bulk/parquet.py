"""The rows of a Parquet file as Python values. A value that Python cannot hold fails its own row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from enum import Enum
from importlib import import_module
from typing import IO, Any

from onlive_provider.bulk.columns import ERROR_COLUMN, shown
from onlive_provider.errors import FieldError, OnliveInputError, OnlivePayloadError

_BATCH = 1024
_BUFFER = 1 << 18
"""Bytes of a column that are read ahead."""


class Unreadable(Enum):
    """Stands for a value that Python cannot hold."""

    UNREADABLE = "unreadable"


def read_parquet(
    file: IO[bytes], check_columns: Callable[[Sequence[str]], None], used: Collection[str] | None
) -> Iterator[dict[str, Any] | FieldError]:
    """Yield each row's values by column, or what is wrong with the row.

    :param check_columns: called with the names of the columns before the first row.
    :param used: the columns to read; all by default.
    :raises OnlivePayloadError: before the first row: the file cannot be used.
    :raises OnliveInputError: after some rows: the rest cannot be read.
    """
    arrow, table = open_parquet(file)
    names = table.schema_arrow.names
    check_columns(names)
    wanted = {*names} - {ERROR_COLUMN} if used is None else used
    places = [place for place, name in enumerate(names) if name in wanted]
    for batch in batches(arrow, table):
        columns = {names[place]: _values(arrow, batch.column(place)) for place in places}
        kinds = {names[place]: batch.schema.types[place] for place in places}
        for row in range(batch.num_rows):
            values = {name: column[row] for name, column in columns.items()}
            bad = next((name for name, value in values.items() if value is Unreadable.UNREADABLE), None)
            if bad is None:
                yield values
            else:
                kind = str(kinds[bad]).partition("<")[0]
                accepted = "times of the years 1 to 9999, in a known zone"
                yield FieldError(shown(bad), f"got a {kind} that Python cannot hold; accepted: {accepted}")


def open_parquet(file: IO[bytes]) -> tuple[Any, Any]:
    """Return pyarrow, and the file as it reads it.

    :raises OnlivePayloadError: the file cannot be used.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        message = "a .parquet file needs pyarrow, which is missing: pip install 'airflow-provider-onlive[parquet]'"
        raise OnlivePayloadError.of("updates_path", message) from error
    try:
        # Its own way is to read the whole file before the first row.
        return arrow, parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True)
    except _unreadable(arrow) as error:
        message = "the file ends in .parquet and does not hold Parquet that can be read"
        raise OnlivePayloadError.of("updates_path", message) from error


def batches(arrow: Any, table: Any) -> Iterator[Any]:
    """Yield the rows of a file in batches.

    :raises OnlivePayloadError: before the first one: the file cannot be used.
    :raises OnliveInputError: after some: the rest cannot be read.
    """
    found, count = table.iter_batches(batch_size=_BATCH), 0
    while True:
        try:
            batch = next(found, None)
        except _unreadable(arrow) as error:
            raise _damaged(count) from error
        if batch is None:
            return
        yield batch
        count += batch.num_rows


def _unreadable(arrow: Any) -> tuple[type[Exception], ...]:
    return (arrow.ArrowException, OSError, OverflowError)


def _damaged(count: int) -> OnliveInputError | OnlivePayloadError:
    why = "the file is damaged, or uses a codec or a type that the installed pyarrow cannot read"
    if count:
        return OnliveInputError(f"updates_path: {why}. The {count:,} rows before that place have their outcomes.")
    return OnlivePayloadError.of("updates_path", why)


def _values(arrow: Any, column: Any) -> list[Any]:
    kind = _in_microseconds(arrow, column.type)
    try:
        if kind != column.type:
            column = column.cast(kind, safe=False)
        values: list[Any] = column.to_pylist()
    except Exception:  # Of any kind, for one value that Python cannot hold: each is looked at alone.
        return [_value(cell) for cell in column]
    return values


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except Exception:  # What is raised depends on the value's type, and all of it means the same.
        return Unreadable.UNREADABLE


def _in_microseconds(arrow: Any, kind: Any) -> Any:
    """Return the type with times no finer than a microsecond: Python's own times cannot hold nanoseconds."""
    types = arrow.types
    if types.is_timestamp(kind) and kind.unit == "ns":
        return arrow.timestamp("us", kind.tz)
    if types.is_time64(kind):
        return arrow.time64("us")
    if types.is_struct(kind):
        members = [kind.field(place) for place in range(kind.num_fields)]
        return arrow.struct([member.with_type(_in_microseconds(arrow, member.type)) for member in members])
    if types.is_list(kind) or types.is_large_list(kind):
        made = arrow.list_ if types.is_list(kind) else arrow.large_list
        return made(_in_microseconds(arrow, kind.value_type))
    return kind
