"""What a task over many records returns and reports at its end: counts, the first failures, and its error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from onlive_provider.bulk.allowed_failures import AllowedFailures
from onlive_provider.errors import OnliveError, OnliveRecordsFailedError, OnliveRecordsToRetryError, OnliveStoppedError
from onlive_provider.privacy import hide_personal_data
from onlive_provider.report.outcomes import Counts, Outcome

MAX_FAILURES = 20
"""Failures that the result and the error hold; the report has all."""

_MAX_MESSAGE_BYTES = 1_200
"""Of one message as XCom stores it, where a letter outside ASCII takes 6 or 12 bytes."""


class Summary:
    """Counts outcomes, and keeps the first failures without guests' data.

    ``retry_after`` is how many seconds the server asked to wait, where that was longer than a call waits.
    """

    result_fields: ClassVar[tuple[str, ...]] = (*Counts().as_json(), "failures", "report_path")

    def __init__(self) -> None:
        self.counts = Counts()
        self.retry_after: float | None = None
        self._may_go_well_later = False
        self.failures: list[dict[str, Any]] = []

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.counts.add(outcome)
        if outcome.outcome == "failed":
            self._may_go_well_later = self._may_go_well_later or outcome.retryable
            if len(self.failures) < MAX_FAILURES:
                self.failures.append(short_failure(outcome))

    def counts_text(self) -> str:
        """Return the counts for a log."""
        return ", ".join(f"{number:,} {name}" for name, number in self.counts.as_json().items() if number) or "no rows"

    def result(self, report_path: str | None) -> dict[str, Any]:
        """Return what the task returns: less than 48 KB of XCom, whatever the input."""
        return {**self.counts.as_json(), "failures": self.failures, "report_path": report_path}

    def details(self) -> Mapping[str, str]:
        """Return what the report's page says of the task besides what it says of every task."""
        return {}

    def seasons(self) -> Sequence[Mapping[str, str]]:
        """Return the seasons of the time line on the report's page."""
        return ()

    def error(self, limit: AllowedFailures, report_path: str | None, *, cut_short: bool) -> OnliveError | None:
        """Return the error of a task with too many failures, or with rows left alone because of one.

        :param cut_short: whether the task was told to stop before all was done.
        """
        if cut_short:
            return OnliveStoppedError(f"the task was told to stop; its outcomes so far: {self.counts_text()}")
        counts = self.counts
        if not limit.is_exceeded(counts.failed, counts.total) and not counts.not_attempted:
            return None
        if not self._may_go_well_later:
            return OnliveRecordsFailedError(counts.as_json(), self.failures, report_path)
        return OnliveRecordsToRetryError(counts.as_json(), self.failures, report_path, retry_after=self.retry_after)


def short_failure(outcome: Outcome) -> dict[str, Any]:
    """Return a failure as XCom holds it: ``{"index", "line", "id", "error", "message"}``, no guests' data."""
    return {
        "index": outcome.index,
        "line": outcome.line,
        "id": hide_personal_data(outcome.id),
        "error": outcome.error,
        "message": _cut(hide_personal_data(outcome.message or "")),
    }


def _cut(text: str) -> str:
    """Cut a text so that it takes no more than :data:`_MAX_MESSAGE_BYTES` as ASCII JSON."""
    if len(json.dumps(text)) <= _MAX_MESSAGE_BYTES:
        return text
    kept, size = [], 0
    for letter in text:
        size += len(json.dumps(letter)) - 2
        if size > _MAX_MESSAGE_BYTES - 20:
            break
        kept.append(letter)
    return "".join(kept) + "..."
