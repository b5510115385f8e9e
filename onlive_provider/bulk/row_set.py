"""Rows of an input, known by their index."""

from __future__ import annotations

from collections.abc import Iterator


class RowSet:
    """A set of rows by their index from 0, in a byte each, however many there are."""

    def __init__(self) -> None:
        self._marks = bytearray()
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def __contains__(self, index: int) -> bool:
        return index < len(self._marks) and self._marks[index] == 1

    def __iter__(self) -> Iterator[int]:
        index = self._marks.find(1)
        while index >= 0:
            yield index
            index = self._marks.find(1, index + 1)

    def add(self, index: int) -> None:
        """Add a row."""
        missing = index + 1 - len(self._marks)
        if missing > 0:
            self._marks += bytes(missing)
        self._number += not self._marks[index]
        self._marks[index] = 1

    def discard(self, index: int) -> None:
        """Take a row out, if it is in."""
        if index in self:
            self._marks[index] = 0
            self._number -= 1
