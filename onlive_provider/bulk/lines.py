"""The lines of a text file, read so that one of any length takes little memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from enum import Enum
from typing import IO

from onlive_provider.errors import OnlivePayloadError

LONGEST_ROW = 16 * 2**20
"""Characters of one row. A longer one is no record but a broken file, and as JSON it would take many times its size."""

_PIECE = 1 << 16
_FORMATS = {
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"PAR1": "Parquet",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
"""What other files begin with."""


class RowTooLongError(Exception):
    """A row has more characters than may be held in memory."""


class Lines(Iterator[str]):
    """The lines of a file, ended by ``\\n``, ``\\r\\n`` or ``\\r``. ``number`` is that of the last one, from 1.

    A byte that is not UTF-8 becomes a lone surrogate, so that only its own row fails.

    ``is_cut`` is whether only the beginning of the row is kept.

    :param longest: characters that one row may have, line ends included.
    :param keeps: whether what is skipped of a row is kept too, as far as ``longest`` allows.
    :raises OnlivePayloadError: while the first line is read: the file is no UTF-8 text at all.
    """

    def __init__(self, file: IO[bytes], longest: int = LONGEST_ROW, *, keeps: bool = False) -> None:
        self.number = 0
        self.is_cut = False
        self.longest = longest
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._row: list[str] = []
        self._room = longest
        self._keeps = keeps
        self._was_cut = False

    def begin_row(self) -> None:
        """Let the row before go, of which nothing is needed any more."""
        self._row.clear()
        self._room = self.longest
        self.is_cut = False

    def text(self) -> str:
        """Return the text of the row so far, its line ends included."""
        return "".join(self._row)

    def __next__(self) -> str:
        """Return the next line of the row.

        :raises RowTooLongError: the row is too long with it; :meth:`skip_row` reads on to its end.
        """
        line = self._read(self._room + 1)
        if not line:
            raise StopIteration
        if not self.number:
            _refuse_other_formats(line)
        self.number += 1
        self._row.append(line)
        self._room -= len(line)
        if self._room < 0:
            raise RowTooLongError
        return line

    def skip_line(self) -> None:
        """Read to the end of the line begun."""
        piece = self._row[-1]
        while piece and not piece.endswith(("\n", "\r")):
            piece = self._skip()

    def skip_row(self) -> None:
        """Read to the end of the row begun, as CSV has it: an open quotation mark takes in the lines after it."""
        at = _In.CELL_START
        for piece in self._row:
            at = _after(piece, at)
        while piece and (at is _In.QUOTES or not piece.endswith(("\n", "\r"))):
            is_new_line = piece.endswith(("\n", "\r"))
            piece = self._skip()
            self.number += bool(piece and is_new_line)
            at = _after(piece, at)

    def _skip(self) -> str:
        piece = self._read(_PIECE)
        if self._keeps and self._room > 0:
            self._row.append(piece)
            self._room -= len(piece)
        elif piece:
            self.is_cut = True
        return piece

    def _read(self, size: int) -> str:
        piece = self._text.readline(size)
        if piece == "\n" and self._was_cut:
            piece = self._text.readline(size)
        self._was_cut = len(piece) == size and piece.endswith("\r")
        return piece


def is_utf8(text: str) -> bool:
    """Whether all of the text was UTF-8 in its file."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _In(Enum):
    CELL_START = "the start of a cell"
    CELL = "a cell without quotation marks, or behind them"
    QUOTES = "quotation marks"
    QUOTE = "just behind a quotation mark in quotation marks: the last one, or the first of two that mean one"


def _after(text: str, at: _In) -> _In:
    """Return where a piece of CSV ends, given where it begins. It jumps from mark to mark."""
    place = 0
    while place < len(text):
        if at is _In.QUOTES:
            place = text.find('"', place) + 1
            if not place:
                return at
            at = _In.QUOTE
        elif at is _In.CELL:
            place = text.find(",", place) + 1
            if not place:
                return at
            at = _In.CELL_START
        else:
            is_quote = text[place] == '"'
            place += is_quote
            at = _In.QUOTES if is_quote else _In.CELL
    return at


def _refuse_other_formats(line: str) -> None:
    start = line[:8].encode("utf-8", "surrogateescape")
    found = next((name for magic, name in _FORMATS.items() if start.startswith(magic)), None)
    if found is None and "\0" in line[:4]:
        found = "UTF-16 text, or no text"
    if found:
        raise OnlivePayloadError.of("updates_path", f"the file is {found}; accepted: UTF-8 text, not compressed")
