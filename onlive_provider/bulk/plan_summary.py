"""What a bulk task that only plans returns: the counts, and the plan as Markdown for whoever approves it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from onlive_provider.bulk.plan_file import PlanHead
from onlive_provider.bulk.summary import MAX_RESULT, Summary
from onlive_provider.models.changes import Change
from onlive_provider.report.markdown import changes_markdown
from onlive_provider.report.outcomes import Outcome

_MAX_KEPT = 500
"""Changes that are kept for the table: more do not fit into a result."""


class PlanSummary(Summary):
    """Keeps the first planned changes besides.

    :param plan: what the report says of itself.
    """

    def __init__(self, plan: PlanHead) -> None:
        super().__init__(plan)
        self._head = plan
        self._fields: Counter[str] = Counter()
        self._first: list[Change] = []

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        super().add(outcome)
        if outcome.outcome == "planned":
            self._fields.update(outcome.after.keys())
            if len(self._first) < _MAX_KEPT:
                self._first.append(outcome.change())

    def result(self, report_path: str | None, *, personal_data: bool = False) -> dict[str, Any]:
        """Return what the task returns."""
        result = super().result(report_path, personal_data=personal_data)
        markdown = changes_markdown(
            self._first,
            {failure["id"] or f"row {failure['index']}": failure["message"] for failure in self.failures},
            total=self.counts.total,
            noun=self._head.resource.name,
            reports=[report_path] if report_path else [],
            fields=self._fields,
            more=self.counts.planned - len(self._first),
            room=MAX_RESULT - len(json.dumps(result)),
        )
        return {**result, "plan_markdown": markdown}
