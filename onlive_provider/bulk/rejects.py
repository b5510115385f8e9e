"""The rejects of a task: its failed rows in the form in which they came in, each with the reason, to be fed again."""

from __future__ import annotations

import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterator
from typing import IO

from onlive_provider.bulk.offsets import NONE, put
from onlive_provider.bulk.place import why_not
from onlive_provider.bulk.rejects_place import RejectsPlace
from onlive_provider.errors import OnliveError, OnlivePayloadError
from onlive_provider.privacy import hide_personal_data, on_one_line
from onlive_provider.report.causes import reason_of
from onlive_provider.report.outcomes import Outcome

_UNKNOWN = "failed at an earlier try"
_MAX_REASON = 1_000
"""Characters: a server may answer with any number of them, and a cell of CSV must stay readable."""


class Reasons:
    """Why rows failed, on one line each. They are kept on the disk, because a million rows may fail.

    ``end`` is one more than the index of the last failed row.
    """

    def __init__(self) -> None:
        self._offsets = array("q")
        self._file: IO[bytes] | None = None
        self._size = 0

    @property
    def end(self) -> int:
        """One more than the index of the last failed row, so that an input need not be read further."""
        return len(self._offsets)

    def put(self, index: int, reason: str) -> None:
        """Keep the reason of a row.

        :raises OSError: the disk is full.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="onlive-rejects-")  # noqa: SIM115 (it outlives this method)
        line = reason.encode("utf-8", "backslashreplace") + b"\n"
        self._file.write(line)
        put(self._offsets, index, self._size)
        self._size += len(line)

    def get(self, index: int) -> str | None:
        """Return the reason of a row, or ``None`` if it did not fail."""
        offset = self._offsets[index] if index < len(self._offsets) else NONE
        if offset == NONE or self._file is None:
            return None
        self._file.seek(offset)
        return self._file.readline().decode().rstrip("\n")

    def flush(self) -> None:
        """Write out what is kept.

        :raises OSError: the disk is full.
        """
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Forget all reasons."""
        self._offsets = array("q")
        if self._file is not None:
            self._file.close()


class Rejects:
    """A :class:`~onlive_provider.bulk.task_run.Collector` of failed rows.

    It keeps only which rows failed, and why; at the end it goes through the input a second time.

    :param place: where the rejects go.
    :param copied: returns the rejects as bytes, given the reasons: the header, and the failed rows as they stand in the
        input. What is wrong with the input it raises as an :class:`OnliveError`.
    """

    def __init__(self, place: RejectsPlace, copied: Callable[[Reasons], Iterator[bytes]]) -> None:
        self._place = place
        self._copied = copied
        self._reasons = Reasons()
        self._has_rows = False
        self._lost: OSError | None = None

    def add(self, outcome: Outcome) -> None:
        """Take note of a row that failed. A full disk is told at the end, and does not stop the run."""
        self._has_rows = True
        if outcome.outcome != "failed":
            return
        reason = on_one_line(hide_personal_data(reason_of(outcome))) or _UNKNOWN
        if len(reason) > _MAX_REASON:
            reason = f"{reason[:_MAX_REASON]}..."
        try:
            self._reasons.put(outcome.index, reason)
        except OSError as error:
            self._lost = self._lost or error

    def finish(self) -> None:
        """Write the rejects; none if nothing failed, in the place of those of an earlier run.

        :raises OnliveError: they cannot be written. It is not to be retried: the outcomes stand.
        """
        try:
            if self._lost is not None:
                raise self._lost
            self._reasons.flush()
            with tempfile.TemporaryFile(prefix="onlive-rejects-") as whole:
                whole.writelines(self._copied(self._reasons))
                whole.seek(0)
                with self._place.writing(self._place.path) as file:
                    shutil.copyfileobj(whole, file)
        except OnliveError as error:
            if not self._has_rows:  # The input was refused as a whole, which is the task's own error.
                return
            why = "; ".join(map(str, error.errors)) if isinstance(error, OnlivePayloadError) else str(error)
            raise self._unwritten(why) from error
        except Exception as error:
            advice = "Make room, or bring the place back, and clear the task."
            raise self._unwritten(f"{why_not(error)}. {advice}") from error
        finally:
            self._reasons.close()

    def _unwritten(self, why: str) -> OnliveError:
        return OnliveError(f"The failed rows could not be written to {self._place.path}: {why}")
