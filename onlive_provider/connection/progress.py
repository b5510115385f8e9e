"""Shows how far a search is: one line that is written over in a terminal, a line for every hundred elsewhere."""

from __future__ import annotations

from typing import TextIO

EVERY = 100


class Progress:
    """The progress of one search.

    :param stream: where it is shown.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written_over = False

    def show(self, tried: int, total: int) -> None:
        """Show that a try begins.

        :param tried: its number, from 1.
        """
        text = f"Trying signing profile {tried:,} of {total:,}"
        if self._stream.isatty():
            self._stream.write(f"\r{text}")
            self._written_over = True
        elif tried % EVERY == 1:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._written_over:
            self._stream.write("\n")
            self._stream.flush()
            self._written_over = False
