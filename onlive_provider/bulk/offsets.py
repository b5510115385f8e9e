"""Where the line of each row stands in a file, in eight bytes a row."""

from __future__ import annotations

from array import array

NONE = -1
"""Stands for a row that has no line."""


def put(offsets: array[int], index: int, offset: int) -> None:
    """Set the offset of a row's line; rows before it that have none yet get :data:`NONE`."""
    if index < len(offsets):
        offsets[index] = offset
    else:
        offsets.extend([NONE] * (index - len(offsets)))
        offsets.append(offset)
