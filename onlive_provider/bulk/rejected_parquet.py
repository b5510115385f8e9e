"""The failed rows of a Parquet file, with the file's own schema and one column for the reason."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any

from onlive_provider.bulk.columns import ERROR_COLUMN
from onlive_provider.bulk.parquet import batches, open_parquet

if TYPE_CHECKING:
    from onlive_provider.bulk.rejects import Reasons

_ROW_GROUP = 1024
"""Rows that are written at once, or a few more."""


def rejected_parquet(file: IO[bytes], reasons: Reasons) -> Iterator[bytes]:
    """Yield a Parquet file of the failed rows in pieces.

    :raises OnlivePayloadError: the file cannot be used.
    :raises OnliveInputError: the rest of the file cannot be read.
    """
    arrow, table = open_parquet(file)
    schema = table.schema_arrow
    kept = [place for place, name in enumerate(schema.names) if name != ERROR_COLUMN]
    error = arrow.field(ERROR_COLUMN, arrow.string())
    made = arrow.schema([*(schema.field(place) for place in kept), error], metadata=schema.metadata)
    pieces = _Pieces()
    found, first, waiting = batches(arrow, table), 0, []
    with import_module("pyarrow.parquet").ParquetWriter(pieces, made) as writer:
        while first < reasons.end and (batch := next(found, None)) is not None:
            failed = {row: said for row in range(batch.num_rows) if (said := reasons.get(first + row)) is not None}
            first += batch.num_rows
            if failed:
                taken = batch.take(arrow.array(list(failed), arrow.int64()))
                columns = [*(taken.column(place) for place in kept), arrow.array(failed.values(), arrow.string())]
                waiting.append(arrow.RecordBatch.from_arrays(columns, schema=made))
            if sum(each.num_rows for each in waiting) >= _ROW_GROUP:
                writer.write_table(arrow.Table.from_batches(waiting, made))
                waiting.clear()
                yield pieces.take()
        if waiting:
            writer.write_table(arrow.Table.from_batches(waiting, made))
    yield pieces.take()


class _Pieces(io.RawIOBase):
    """A file that is written and never read: what was written is taken out of it piece by piece."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._held.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        """Return what was written since it was last taken."""
        taken = b"".join(self._held)
        self._held.clear()
        return taken
