"""What is to be done with each row of an input: an update, an inspection, or nothing because the row is unusable."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.client.flows import Record
from onlive_provider.client.updates import Update
from onlive_provider.errors import FieldError, OnliveError, OnliveUnexpectedError
from onlive_provider.models.fields import Resource
from onlive_provider.report.outcomes import Outcome

_MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Inspection:
    """A record to read and look at. Nothing is written, so its outcome is ``planned`` or ``unchanged``.

    :param inspect: called with the record as read, returns whether it is to be written later; raises to fail the row.
    """

    resource: Resource
    id: str
    inspect: Callable[[Record], bool]


class Worklist(ABC):
    """What is to be done with each row."""

    stop_on_error: bool = False
    """Whether a failed row leaves the rows after it not attempted."""
    stop_on_long_retry_after: bool = True
    """Whether a server that asks to wait longer than a call waits leaves the rest of the rows not attempted."""

    @abstractmethod
    def prepare(self, row: Row | BadRow) -> Update | Inspection | Outcome:
        """Return what a row asks for, or the outcome of a row that cannot be worked on."""

    @abstractmethod
    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""

    def skip(self, row: Row | BadRow) -> None:  # noqa: B027 (few lists have anything to remember)
        """Take note of a row whose outcome stands since an earlier try."""


def failed(
    row: Row | BadRow, resource: Resource, record_id: str | None, error: OnliveError, attempts: int = 0
) -> Outcome:
    """Return the outcome of a row that failed.

    :param attempts: calls that were sent for it.
    """
    errors: tuple[FieldError, ...] = getattr(error, "errors", ())
    return Outcome(
        row.index,
        row.line,
        record_id,
        "failed",
        resource=resource.name,
        error=type(error).__name__,
        message=str(error),
        field_errors=[{"field": each.field, "message": each.message} for each in errors[:_MAX_ERRORS]],
        attempts=attempts,
        retryable=error.retryable,
    )


def unexpected(cause: Exception, *, written: bool = False) -> OnliveUnexpectedError:
    """Return the error of a record that met an error nobody foresaw: its kind and place, not its text.

    :param written: whether a write had been sent.
    """
    place = traceback.extract_tb(cause.__traceback__)[-1]
    fate = "the write may have been made" if written else "nothing was sent"
    where = f"{Path(place.filename).name}:{place.lineno}"
    return OnliveUnexpectedError(f"unexpected {type(cause).__name__} in {where}; {fate}")
