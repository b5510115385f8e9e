"""A part of what is in many files, chosen by chance and spread evenly over them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def sample(files: Mapping[str, Sequence[T]], size: int, seed: int) -> list[T]:
    """Choose ``size`` items, of each file in proportion to how many it has.

    All stand in a row, file by file, each file's shuffled, and one is taken at equal distances. A sample smaller than
    the number of files takes nothing of some; another seed takes it of others.
    """
    row: list[T] = []
    for path, items in sorted(files.items()):
        row += random.Random(f"{seed} {path}").sample(items, len(items))
    size = min(size, len(row))
    first = random.Random(seed).random()
    return [row[int((place + first) * len(row) / size)] for place in range(size)]
