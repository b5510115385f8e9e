"""What a rollout returns and says at its end."""

from __future__ import annotations

from typing import Any

from onlive_provider.bulk.allowed_failures import AllowedFailures
from onlive_provider.bulk.tally import Tally
from onlive_provider.errors import OnliveRolloutFailedError, OnliveRolloutToRetryError
from onlive_provider.rollout.run import Rollout


class RolloutTally(Tally):
    """Counts a rollout's outcomes, and tells of its batches, its plan and why it was stopped."""

    def __init__(self, rollout: Rollout) -> None:
        super().__init__()
        self._rollout = rollout

    def result(self, report_path: str | None) -> dict[str, Any]:
        """Return what the task returns."""
        batches = self._rollout.counts_by_batch()
        return {**super().result(report_path), "batches": batches, "plan_table": self._rollout.table}

    def error(self, limit: AllowedFailures, report_path: str | None) -> OnliveRolloutFailedError | None:
        """Return the error of a rollout that was stopped; services beyond the last batch are none."""
        if not self._rollout.stopped_by:
            return None
        told = self._rollout.story(), self.counts.as_json(), self._failures, report_path
        if not self._rollout.may_go_well_later:
            return OnliveRolloutFailedError(*told)
        return OnliveRolloutToRetryError(*told, retry_after=self.retry_after)
