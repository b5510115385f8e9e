"""The errors with which a bulk task ends."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onlive_provider.client.errors import OnliveError

_MAX_NAMED = 10


class OnliveRecordsFailedError(OnliveError):
    """More records failed than were allowed, or one did and the rest was left alone for it; a retry helps none.

    :param counts: outcomes by name.
    :param failures: ``{"index", "line", "id", "error", "message"}`` of failed records, the first ones.
    :param report_path: where the report is, if one was asked for.
    :param retry_after: seconds that the server asked to wait before a retry.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        failures: Sequence[Mapping[str, Any]],
        report_path: str | None,
        *,
        retry_after: float | None = None,
    ) -> None:
        self.retry_after = retry_after
        self.counts = dict(counts)
        self.failures = list(failures)
        self.report_path = report_path
        told = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number and name != "total")
        lines = [f"{counts['failed']:,} of {counts['total']:,} records failed ({told})"]
        lines += [f"  - {_name(failure)}: {failure['message']}" for failure in failures[:_MAX_NAMED]]
        if counts["failed"] > _MAX_NAMED:
            lines.append(f"  and {counts['failed'] - _MAX_NAMED:,} more")
        if retry_after is not None:
            lines.append(f"The server asked to wait {retry_after:,.0f} s; a retry of the task goes on from here")
        where = (
            f"The report is {report_path}" if report_path else "Give `report_path` to have every outcome in a report"
        )
        super().__init__("\n".join([*lines, f"{where}."]))


class OnliveRecordsToRetryError(OnliveRecordsFailedError):
    """As its parent, and some of the failed may go well later: a retry sends only those again."""

    retryable = True


class OnliveUnexpectedError(OnliveError):
    """An error that nobody foresaw came up with one record. Its own text, which may hold a guest's data, is not told.

    :param cause: what came up.
    :param written: whether a write had been sent.
    """

    def __init__(self, cause: Exception, *, written: bool = False) -> None:
        place = traceback.extract_tb(cause.__traceback__)[-1]
        fate = "the write may have been made" if written else "nothing was sent"
        super().__init__(f"unexpected {type(cause).__name__} in {Path(place.filename).name}:{place.lineno}; {fate}")


class OnliveStoppedError(OnliveError):
    """The task was told to stop; the records that were left alone are ``not_attempted``."""

    retryable = True


def _name(failure: Mapping[str, Any]) -> str:
    line = f"line {failure['line']}" if failure.get("line") else f"row {failure['index']}"
    return f"{line}, {failure['id']}" if failure.get("id") else line
