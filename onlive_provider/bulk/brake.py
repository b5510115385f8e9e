"""Stops a task before its first write if more records would change than its author allowed."""

from __future__ import annotations

from collections import Counter

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.summary import record_words
from onlive_provider.models.wording import counted
from onlive_provider.report.outcomes import Outcome

MAX_EXAMPLES = 3
"""Records that the error shows: the first ones in the order of the input."""
_MAX_FIELDS = 3
"""Fields that the error names, and fields that it shows of each example."""


class Brake:
    """Counts the records that would change, and those that an earlier try of the same task has changed.

    :param limit: how many records may change, of all that the task is about.
    """

    def __init__(self, limit: Allowance) -> None:
        self._limit = limit
        self._planned = self._written = 0
        self._kinds: set[str] = set()
        self._fields: Counter[str] = Counter()
        self._examples: dict[int, str] = {}

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, if it is a change: ``planned``, or ``updated`` by an earlier try."""
        if outcome.outcome not in ("planned", "updated"):
            return
        if outcome.resource is not None:
            self._kinds.add(outcome.resource)
        self._fields.update(outcome.after.keys())
        if outcome.outcome == "updated":
            self._written += 1
            return
        self._planned += 1
        if outcome.after and (len(self._examples) < MAX_EXAMPLES or outcome.index < max(self._examples)):
            self._examples[outcome.index] = _example(outcome)
            if len(self._examples) > MAX_EXAMPLES:
                del self._examples[max(self._examples)]

    def count_text(self, total: int) -> str:
        """Return how many would change, of how many, and how many may.

        :param total: of all records that the task is about, those that failed included.
        """
        noun = next(iter(self._kinds)) if len(self._kinds) == 1 else "record"
        changes = self._planned + self._written
        return f"max_changes: {changes:,} of {counted(total, noun)} would change, allowed: {self._limit}"

    def exceeded(self, total: int) -> str | None:
        """Return the first lines of the error, or ``None`` if no more would change than allowed.

        :param total: see :meth:`count_text`.
        """
        if not self._planned or not self._limit.is_exceeded(self._planned + self._written, total):
            return None
        written = "Nothing was written."
        if self._written:
            written = f"An earlier try of this task wrote {self._written:,} of them; this one wrote nothing."
        lines = [f"{self.count_text(total)}. {written}"]
        if self._fields:
            fields = ", ".join(f"{name} {number:,}" for name, number in self._fields.most_common(_MAX_FIELDS))
            more = len(self._fields) - _MAX_FIELDS
            lines.append(f"Fields: {fields}, and {more:,} more." if more > 0 else f"Fields: {fields}.")
        if self._examples:
            lines[-1] += " For example:"
        return "\n".join([*lines, *(f"  - {self._examples[index]}" for index in sorted(self._examples))])


def _example(outcome: Outcome) -> str:
    """Return a change on one line, as the log shows it: without guests' data."""
    lines = list(outcome.change().lines().values())
    more = len(lines) - _MAX_FIELDS
    shown = "; ".join(lines[:_MAX_FIELDS]) + (f"; and {counted(more, 'more field')}" if more > 0 else "")
    return f"{record_words(outcome.line, outcome.index, outcome.id)}: {shown}"
