"""Stops a run whose failures are not about its rows, but about the key, the Connection or the server."""

from __future__ import annotations

from dataclasses import dataclass

from onlive_provider.errors import (
    OnliveCallError,
    OnliveError,
    OnliveForbiddenError,
    OnliveRefusedError,
    OnliveUnauthorizedError,
)
from onlive_provider.models.wording import counted

IN_A_ROW = 5
"""Rows in a row that fail for such a cause, each after all its attempts, before the run is stopped."""
UNAUTHORIZED_IN_A_ROW = 3
"""As :data:`IN_A_ROW`, for 401: it is not retried, and says more about the key than a server that is away for long."""
FORBIDDEN_IN_A_ROW = 10
"""As :data:`IN_A_ROW`, for 403 before any row went well. Once one did, the key works, and a 403 is about its record.
More than the others: a few records of somebody else may well stand at the head of an input."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run was stopped before its end.

    :param error: how the last row failed.
    :param in_a_row: how many rows failed like it, one after another; 0 if the server asked to be left alone.
    :param after: how many rows had their outcome by then.
    """

    error: OnliveError
    in_a_row: int
    after: int

    @property
    def sentence(self) -> str:
        """Why, after how many rows, and what to do."""
        error = self.error
        advice = error.advice if isinstance(error, OnliveCallError) else ""
        if not self.in_a_row:
            why = "the server asked for a longer wait than `max_elapsed` allows, and that goes for every row."
            return f"The run was stopped after {counted(self.after, 'row')}: {why}"
        same = f"{counted(self.in_a_row, 'row')} in a row failed, the last with {type(error).__name__}"
        why = f"{same}. The cause is the key, the Connection or the server, not the rows."
        return f"The run was stopped after {counted(self.after, 'row')}: {why} {advice}".rstrip()


class Breaker:
    """Sees how each row of a run that was worked on ended, in the order in which they end.

    ``stop`` is set once the run is to be stopped. A row that went well, or that the API refused for its own sake,
    begins the count anew. ``retry_after`` is how many seconds the server asked to wait, where that was longer than a
    call waits.

    :param stops_on_long_retry_after: whether one such answer stops the run.
    """

    def __init__(self, *, stops_on_long_retry_after: bool) -> None:
        self.stop: Stop | None = None
        self.retry_after: float | None = None
        self._stops_on_long_retry_after = stops_on_long_retry_after
        self._went_well = False
        self._failures = self._unauthorized = self._forbidden = 0

    def see(self, error: OnliveError | None, after: int, patience: float) -> bool:
        """Take note of a row, and return whether the run is to be stopped because of it.

        :param error: how the row failed, or ``None``.
        :param after: how many rows have their outcome, this one included.
        :param patience: seconds that a call waits at most.
        """
        if self.stop is not None:
            return False
        if error is None:
            self._went_well = True
        if error is not None and error.concerns_all:
            self._failures += 1
            self._unauthorized += isinstance(error, OnliveUnauthorizedError)
        elif isinstance(error, OnliveForbiddenError | OnliveRefusedError) and not self._went_well:
            self._forbidden += 1
        else:
            self._failures = self._unauthorized = self._forbidden = 0
        asked: float = getattr(error, "retry_after", None) or 0.0
        if asked > patience:
            self.retry_after = max(asked, self.retry_after or 0.0)
        if error is not None and asked > patience and self._stops_on_long_retry_after:
            self.stop = Stop(error, 0, after)
        elif error is not None and self._is_enough():
            self.stop = Stop(error, self._failures + self._forbidden, after)
        return self.stop is not None

    def _is_enough(self) -> bool:
        return (
            self._failures >= IN_A_ROW
            or self._unauthorized >= UNAUTHORIZED_IN_A_ROW
            or self._forbidden >= FORBIDDEN_IN_A_ROW
        )
