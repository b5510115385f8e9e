"""The versions that the provider is tried on: the one list that `make matrix`, its table and the workflows go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Environment:
    """An Airflow and a Python.

    :param airflow: the exact version of Airflow.
    :param python: the minor version of Python, such as ``3.11``.
    :param best_effort: what fails here is shown and fails nothing.
    :param note: what the table says of it, beside the results.
    """

    airflow: str
    python: str
    best_effort: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.airflow}-py{self.python}"

    @property
    def lock(self) -> str:
        """Return the file that pins everything that is installed, made by `make lock`."""
        return f"requirements/airflow-{'.'.join(self.airflow.split('.')[:2])}.txt"


_WITH_A_SCHEDULER = "approvals tried with its scheduler: its `dag.test()` cannot go on after an answer"
ENVIRONMENTS = (
    Environment("2.11.2", "3.11", note="has no approvals"),
    Environment(
        "3.0.6",
        "3.11",
        best_effort=True,
        note="best effort; packages as of 2025-09-20; has no approvals; the events of an alias name no fields; "
        "it prints what tasks push ([more](docs/promises.md#secrets-and-guests-data-stay-in))",
    ),
    Environment("3.1.8", "3.11", note=_WITH_A_SCHEDULER),
    Environment("3.2.2", "3.11", note=f"packages as of 2026-06-20; {_WITH_A_SCHEDULER}"),
    Environment("3.3.2", "3.11"),
    Environment("3.3.2", "3.12"),
    Environment("3.3.2", "3.13"),
)

STEPS = {
    "imports": "Wheel installs, all modules import",
    "unit": "Unit tests",
    "e2e": "DAGs run to their end",
}
"""What is done in each environment, in this order, and the heading of its column."""
