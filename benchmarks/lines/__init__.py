"""The lines of the benchmark, one module each, and what each is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import Environments
from benchmarks.results import Result


@dataclass(frozen=True)
class Bench:
    """What a line needs.

    :param folder: for its input files.
    :param quick: a smoke run: few records, one turn.
    """

    folder: Path
    environments: Environments
    quick: bool

    @property
    def turns(self) -> int:
        """How many times the programs that are compared are run."""
        return 1 if self.quick else 3


Line = Callable[[Bench], Result]
