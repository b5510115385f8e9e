"""What a task over many records returns and reports at its end: counts, the first failures, and its error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any, ClassVar

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.breaker import Stop
from onlive_provider.bulk.plan_file import PlanHead
from onlive_provider.bulk.report_place import page_path
from onlive_provider.errors import (
    OnliveError,
    OnliveRecordsFailedError,
    OnliveRecordsToRetryError,
    OnliveStoppedError,
    OnliveTooManyChangesError,
    OnliveUnsettledWriteError,
)
from onlive_provider.models.wording import counted
from onlive_provider.privacy import UUID_PATTERN, hide_personal_data
from onlive_provider.report.causes import Causes, reasons_in
from onlive_provider.report.outcomes import Counts, Outcome

MAX_FAILURES = 20
"""Failures that the result and the error hold; the report has all."""
_MAX_TOLD = 10
"""Causes, and failures, that the log holds."""
_MAX_SHOWN_CAUSES, _MAX_SHOWN_FAILURES = 5, 3
"""Of an error, whose first line has to be in view where Airflow opens a log: at its end, below Airflow's own frames."""
_AFTER_TOO_MANY_CHANGES = "What to do: look at the input; if it is right, raise `max_changes` and clear the task."

MAX_RESULT = 48_000
"""Bytes of a result, which has to fit into any of Airflow's databases as an XCom."""

_MAX_MESSAGE_BYTES = 1_200
"""Of one message as XCom stores it, where a letter outside ASCII takes 6 or 12 bytes."""


class Summary:
    """Counts outcomes, and keeps the first failures.

    ``stop`` says why a run was stopped because of the key, the Connection or the server. ``retry_after`` is how many
    seconds the server asked to wait, where that was longer than a call waits. ``too_many_changes`` is what a brake says
    of a task that it stopped, ``waiting`` the rows that are planned and to be written: at the end, those left so.
    ``from_snapshot`` is how many rows cost no call; ``None`` where there is no snapshot.

    :param plan: what the report of a task that only plans says of itself.
    """

    result_fields: ClassVar[tuple[str, ...]] = (*Counts().as_json(), "failures", "report_path")

    def __init__(self, plan: PlanHead | None = None) -> None:
        self.plan = plan
        self.counts = Counts()
        self.stop: Stop | None = None
        self.retry_after: float | None = None
        self.too_many_changes: str | None = None
        self.waiting: Sized = ()
        self.from_snapshot: int | None = None
        self._first_failed: list[Outcome] = []
        self._causes = Causes()
        self._may_go_well_later = False
        self._sent_unseen = 0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.counts.add(outcome)
        self._sent_unseen += _is_sent_unseen(outcome)
        if self.from_snapshot is not None:
            self.from_snapshot += outcome.is_from_snapshot
        if outcome.outcome == "failed":
            self._may_go_well_later = self._may_go_well_later or outcome.retryable
            self._causes.add_failure(outcome)
            if len(self._first_failed) < MAX_FAILURES:
                self._first_failed.append(outcome)

    @property
    def counts_so_far(self) -> Counts:
        """The outcomes as of this moment. A record that waits to be written is planned."""
        counts = replace(self.counts)
        counts.add_name("planned", len(self.waiting))
        return counts

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The first failures without guests' data."""
        return [short_failure(outcome) for outcome in self._first_failed]

    def told(self) -> list[str]:
        """Return what the log says of the failures: their causes where several have one, and the first of them."""
        return [*self._cause_lines(_MAX_TOLD), *self._row_lines(_MAX_TOLD)]

    def outcome_words(self) -> str:
        """Return the number of each outcome, for the name of a task."""
        return self.counts.by_name().replace("_", " ") or "no rows"

    def counts_text(self) -> str:
        """Return the counts for a log."""
        if not self.counts.total:
            return "no rows"
        known = f" ({self.from_snapshot:,} from the snapshot, without a call)" if self.from_snapshot else ""
        return f"{self.counts.total:,} total, {self.counts.by_name()}{known}"

    def result(self, report_path: str | None, *, personal_data: bool = False) -> dict[str, Any]:
        """Return what the task returns: less than 48 KB of XCom, whatever the input.

        :param personal_data: whether guests' data may stand in it.
        """
        failures = [short_failure(outcome, personal_data=personal_data) for outcome in self._first_failed]
        result = {**self.counts.as_json(), "failures": failures, "report_path": report_path}
        return result if self.from_snapshot is None else {**result, "from_snapshot": self.from_snapshot}

    def details(self) -> Mapping[str, str]:
        """Return what the report's page says of the task besides what it says of every task."""
        if self.from_snapshot is None:
            return {}
        return {"From the snapshot": f"{counted(self.from_snapshot, 'row')}, without a call"}

    def seasons(self) -> Sequence[Mapping[str, str]]:
        """Return the seasons of the time line on the report's page."""
        return ()

    def error(
        self, limit: Allowance, report_path: str | None, *, cut_short: bool, remembers: bool
    ) -> OnliveError | None:
        """Return the error of a task with too many failures, or with rows left alone because of one.

        :param cut_short: whether the task was told to stop before all was done.
        :param remembers: whether a retry knows what this try sent.
        """
        if self.too_many_changes is not None:
            return self._too_many_changes(self.too_many_changes, report_path)
        counts = self.counts
        told = "the task was told to stop"
        would_repeat = not remembers and self._sent_unseen > 0
        if cut_short and not would_repeat:
            return OnliveStoppedError(f"{told}; its outcomes so far: {self.counts_text()}")
        too_many = limit.is_exceeded(counts.failed, counts.total)
        is_done = counts.not_attempted == 0 and not self.waiting
        if not cut_short and self.stop is None and not too_many and is_done:
            return None
        retryable = cut_short or (self._may_go_well_later if self.stop is None else self.stop.error.retryable)
        why = [told] if cut_short else []
        if retryable and would_repeat:
            sent = f"{counted(self._sent_unseen, 'record')} may have been written, which no read can show"
            why.append(f"{sent}: a retry would send them again, so there is none. With `report_path` there is")
        return self._failed(retryable and not would_repeat, why, report_path)

    def _failed(
        self,
        retryable: bool,
        why: Sequence[str],
        report_path: str | None,
        *,
        kinds: tuple[type[OnliveRecordsFailedError], type[OnliveRecordsFailedError]] = (
            OnliveRecordsFailedError,
            OnliveRecordsToRetryError,
        ),
    ) -> OnliveRecordsFailedError:
        """Return the error of a task that failed.

        :param why: the first lines of its text.
        :param kinds: the error that is not to be retried, and the one that is.
        """
        lines = [*why, *([self.stop.sentence] if self.stop else []), *self._failure_lines()]
        retry_after = self.retry_after if retryable else None
        if retry_after is not None:
            lines.append(f"The server asked to wait {retry_after:,.0f} s; a retry of the task goes on from here")
        return kinds[retryable](
            "\n".join([*lines, _report_words(report_path)]),
            counts=self.counts.as_json(),
            failures=self.failures,
            report_path=report_path,
            retry_after=retry_after,
        )

    def _too_many_changes(self, said: str, report_path: str | None) -> OnliveTooManyChangesError:
        lines = [said, *(self._failure_lines() if self.counts.failed else [])]
        lines.append(f"{_report_words(report_path)} {_AFTER_TOO_MANY_CHANGES}")
        counts = self.counts.as_json()
        return OnliveTooManyChangesError(
            "\n".join(lines), counts=counts, failures=self.failures, report_path=report_path
        )

    def _failure_lines(self) -> list[str]:
        counts = self.counts
        head = f"{counts.failed:,} of {counts.total:,} records failed ({counts.by_name()})"
        return [head, *(self._cause_lines(_MAX_SHOWN_CAUSES) or self._row_lines(_MAX_SHOWN_FAILURES))]

    def _cause_lines(self, most: int) -> list[str]:
        """Return a line for each cause of failures; none where each failure has its own."""
        if not self._causes.repeat:
            return []
        told = self._causes.by_number()
        lines = [f"  {each.number:,} x {each.message} ({each.where})" for each in told[:most]]
        others = sum(each.number for each in told[most:]) + self._causes.others
        return [*lines, f"  {others:,} x other causes"] if others else lines

    def _row_lines(self, most: int) -> list[str]:
        """Return the first failures: a line for the row, and an indented one for each thing that is wrong with it."""
        lines = []
        for each in self.failures[:most]:
            lines.append(f"{record_words(each['line'], each['index'], each['id'])}:")
            message = each["message"]
            if each["id"] and UUID_PATTERN.fullmatch(each["id"]):
                message = message.replace(each["id"], "<id>")
            lines += [f"  - {reason}" for reason in reasons_in(message)]
        more = self.counts.failed - most
        return [*lines, f"and {more:,} more"] if more > 0 else lines


def short_failure(outcome: Outcome, *, personal_data: bool = False) -> dict[str, Any]:
    """Return a failure as XCom holds it: ``{"index", "line", "id", "error", "message"}``.

    :param personal_data: whether guests' data may stand in it.
    """
    record_id, message = outcome.id, outcome.message or ""
    if not personal_data:
        record_id, message = hide_personal_data([record_id, message])
    return {
        "index": outcome.index,
        "line": outcome.line,
        "id": record_id,
        "error": outcome.error,
        "message": _cut(message),
    }


def _is_sent_unseen(outcome: Outcome) -> bool:
    """Whether a record was written, or may have been, in a way that reading it again does not show."""
    if outcome.outcome == "updated":
        return not outcome.before.keys() >= outcome.after.keys()
    return outcome.error == OnliveUnsettledWriteError.__name__


def record_words(line: int | None, index: int, record_id: str | None) -> str:
    """Return where a row is in its input, and the record that it names, for an error."""
    place = f"line {line}" if line else f"row {index}"
    return f"{place}, {record_id}" if record_id else place


def _report_words(report_path: str | None) -> str:
    if report_path is None:
        return "Give `report_path` to get a report of every outcome."
    return f"The report is {report_path}; its page is {page_path(report_path)}."


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
