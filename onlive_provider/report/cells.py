"""Texts in the cells of a terminal, of which a letter of Chinese or an emoji takes two."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def cut(text: str, width: int) -> str:
    """Cut a text to so many cells."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
