"""What a line of the benchmark found: a table, the ratios it comes down to, its bounds, and bars for the chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bound:
    """A promise about a number.

    :param measured: the number in words.
    :param kept: whether the promise is; ``None`` where this run did not measure it.
    """

    promise: str
    measured: str
    kept: bool | None

    @classmethod
    def at_most(cls, promise: str, limit: float, found: float, unit: str) -> Bound:
        """Judge a number that may not be above a limit."""
        return cls(promise, f"{number(found)} {unit}", found <= limit)

    @classmethod
    def at_least(cls, promise: str, limit: float, found: float, unit: str) -> Bound:
        """Judge a number that may not be below a limit."""
        return cls(promise, f"{number(found)} {unit}", found >= limit)

    @property
    def verdict(self) -> str:
        """``pass``, ``FAIL``, or ``not measured``."""
        return "not measured" if self.kept is None else "pass" if self.kept else "FAIL"


@dataclass(frozen=True)
class Bars:
    """A group of bars in the chart.

    :param bars: label and length.
    """

    title: str
    unit: str
    bars: Sequence[tuple[str, float]]


@dataclass
class Result:
    """What one line found.

    :param about: what was done, in one or two sentences.
    :param ratios: sentences that begin with a ratio.
    """

    title: str
    about: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    ratios: list[str] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    bars: list[Bars] = field(default_factory=list)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that reads well as plain text too; columns of numbers stand to the right."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_the_right = [all(cell[:1].isdigit() for cell in column[1:] if cell) for column in columns]
    ruler = [
        "-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, to_the_right, strict=True)
    ]
    lines = [
        [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, to_the_right, strict=True)
        ]
        for row in (header, ruler, *rows)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(ratio: float) -> str:
    """Return a ratio in words."""
    return f"{number(ratio)} times"


def number(value: float) -> str:
    """Return a number with three figures, or all of a larger one."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def megabytes(size: float) -> str:
    """Return a size in MB of a million bytes."""
    return f"{size / 1e6:,.0f} MB"


def micros(seconds: float) -> str:
    """Return a time in microseconds."""
    return f"{seconds * 1e6:,.0f} µs"
