"""What a rollout returns and reports at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.plan_file import PlanHead
from onlive_provider.bulk.summary import MAX_RESULT, Summary
from onlive_provider.errors import OnliveError, OnliveRolloutFailedError, OnliveRolloutToRetryError
from onlive_provider.privacy import hide_personal_data
from onlive_provider.report.outcomes import Counts
from onlive_provider.rollout.run import Rollout


class RolloutSummary(Summary):
    """The counts of a rollout, its batches, its plan, and why it was stopped."""

    result_fields = (*Summary.result_fields, "batches", "plan_table", "plan_markdown")

    def __init__(self, rollout: Rollout, plan: PlanHead | None = None) -> None:
        super().__init__(plan)
        self._rollout = rollout

    @property
    def counts_so_far(self) -> Counts:
        """The outcomes as of this moment, of the records that were read. One that waits to be written is planned."""
        counts = Counts()
        for each in self._rollout.records:
            if (name := each.outcome_name(plan_only=True)) != "not_attempted":
                counts.add_name(name)
        return counts

    def result(self, report_path: str | None, *, personal_data: bool = False) -> dict[str, Any]:
        """Return what the task returns."""
        result = super().result(report_path, personal_data=personal_data)
        rollout = self._rollout
        table = rollout.table if personal_data else hide_personal_data(rollout.table)
        result = {**result, "batches": rollout.counts_by_batch(), "plan_table": table}
        room = MAX_RESULT - len(json.dumps(result))
        markdown = rollout.planner.markdown(rollout.plans, rollout.problems, report=report_path, room=room)
        return {**result, "plan_markdown": markdown}

    def details(self) -> Mapping[str, str]:
        """Return what the report's page says of the rollout."""
        rollout = self._rollout
        return {
            **rollout.planner.details(),
            "Batches": ", ".join(f"{len(batch):,}" for batch in rollout.batches) + f" {rollout.planner.resource.name}s",
            **({"Stopped": rollout.reason()} if rollout.stopped_by else {}),
        }

    def seasons(self) -> Sequence[Mapping[str, str]]:
        """Return the rollout's seasons as the time line takes them."""
        return self._rollout.planner.on_timeline()

    def outcome_words(self) -> str:
        """Return the number of each outcome; what a rollout skipped is what it put back."""
        return super().outcome_words().replace("skipped", "put back")

    def error(
        self, limit: Allowance, report_path: str | None, *, cut_short: bool, remembers: bool
    ) -> OnliveError | None:
        """Return the error of a rollout that was stopped; services beyond the last batch are none."""
        if self._rollout.too_many_changes is not None:
            return self._too_many_changes(self._rollout.too_many_changes, report_path)
        if not self._rollout.stopped_by:
            return super().error(limit, report_path, cut_short=True, remembers=remembers) if cut_short else None
        kinds = OnliveRolloutFailedError, OnliveRolloutToRetryError
        return self._failed(self._rollout.may_go_well_later, [self._rollout.reason()], report_path, kinds=kinds)
