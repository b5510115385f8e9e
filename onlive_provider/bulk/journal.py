"""The memory of a run with a report: a working file beside the report, from which the report is made at the end.

``REPORT.run`` is only ever appended to, so that a process killed at any moment leaves all that came before. Its first
line says whose run it is. After that each line is a write that is about to be sent, or an outcome, as they come.
A retry of the same task run on the same input goes on in it. Anything else, such as a cleared task, starts afresh, and
keeps what is there where it holds a written change.
"""

from __future__ import annotations

import json
import logging
import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any

from onlive_provider.bulk.kept import holds_writes, keep_report, next_kept_path
from onlive_provider.bulk.memory import BEGINS_ANEW, Announcement, TaskEnd, settles
from onlive_provider.bulk.offsets import NONE, put
from onlive_provider.bulk.report_place import ReportPlace
from onlive_provider.bulk.working_file import ENDING, open_working_file
from onlive_provider.errors import OnliveError, OnliveReportPlaceError, OnliveReportTakenError
from onlive_provider.models.changes import Change
from onlive_provider.privacy import hide_personal_data, may_hold_personal_data
from onlive_provider.report.outcomes import Outcome, to_line
from onlive_provider.report.page import write_page

_SAVE_REMOTELY_EVERY = 15.0
_TASK = ("dag_id", "run_id", "task_id", "map_index")

log = logging.getLogger(__name__)


class Journal:
    """A :class:`~onlive_provider.bulk.memory.Memory` in a file, and at the run's end its report and the report's page.

    Where the report is not on this machine's disk, the working file is in parts in the object store.

    :param place: where the report goes, and the right to write it.
    :param identity: JSON that is the same for every try of one task run on one input, and for no other.
    :param personal_data: whether guests' e-mail addresses and phone numbers may stand in the report.
    :param pause: seconds between two announcements to an object store.
    :raises OnlivePayloadError: nothing can be written there.
    """

    remembers = True
    is_flushed = True

    def __init__(
        self, place: ReportPlace, identity: Mapping[str, Any], *, personal_data: bool, pause: float = 0.0
    ) -> None:
        self._place = place
        self._storage, self._report_path, self._lease = place.storage, place.path, place.lease
        self._personal_data = personal_data
        self._task = {name: identity[name] for name in _TASK if identity.get(name) is not None}
        self._outcomes = array("q")
        self._recalled = array("q")
        with place.refusing():
            self._file = open_working_file(
                self._storage, self._report_path, token=self._lease.owner.token[:8], pause=pause
            )
            first_line = to_line({"identity": dict(identity)}) + b"\n"
            end = self._take_over(first_line)
            if not end:
                self._warn_of_another_input(identity)
                self._begin_afresh(first_line)
            else:
                self._file.cut(end)

    @property
    def saving_pause(self) -> float:
        """Seconds between two savings at least: fewer cost an object store less, and a retry some reads more."""
        return 0.0 if self._storage.local_path(self._report_path) is not None else _SAVE_REMOTELY_EVERY

    @property
    def pause(self) -> float:
        """Seconds that announcements may wait for others to go with them."""
        return self._file.pause

    def recall(self, index: int) -> Outcome | Announcement | None:
        """Return the outcome of a row that stands, or the write of one of which it is not known whether it was made."""
        offset = self._recalled[index] if index < len(self._recalled) else NONE
        if offset == NONE:
            return None
        data = json.loads(self._file.line(offset))
        if "writing" in data:
            return Announcement(Change.from_json(data), data["at"])
        outcome = Outcome.from_json(data)
        if outcome.retryable and outcome.sent_at is not None:
            return Announcement(outcome.change(), outcome.sent_at)
        return outcome

    def announce(self, index: int, announcement: Announcement) -> None:
        """Remember that a write is about to be sent; it is durable after the next :meth:`flush`."""
        line = self._line({"writing": index, **announcement.change.as_json()})
        # The time goes in afterwards: with it, each line would be looked through for phone numbers.
        self._append(line[:-2] + b',"at":%b}\n' % to_line(announcement.at))

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome; it is durable after the next :meth:`flush`."""
        data = outcome.as_json()
        # Of many rows from the snapshot each line holds an id, and nothing else that varies.
        is_bare = outcome.is_from_snapshot and outcome.sent_at is None
        put(self._outcomes, outcome.index, self._append(to_line(data) + b"\n" if is_bare else self._line(data)))

    def flush(self) -> None:
        """Make durable what was announced and recorded, and make sure that no later try has taken over.

        In this order: a later try that does not see what was announced here is seen here, before the write leaves.
        """
        try:
            self._file.flush()
            self._lease.renew()
        except OnliveError:
            raise
        except Exception as error:
            raise self._lost(error) from error

    def may_write(self) -> bool:
        """Whether a write may leave now, as far as is known without :meth:`flush`."""
        return self._lease.is_held()

    def save(self) -> None:
        """Make the outcomes of the last seconds durable, which are none that a retry could not find out again."""
        self.flush()

    def finish(self, end: TaskEnd) -> None:
        """Store the report and its page, and remove the working file unless a retry may need it.

        A report that a later try has taken over is left to it.
        """
        try:
            self._lease.renew()
            self._store(end)
            self._file.leave() if end.again else self._file.remove()
        except OnliveReportTakenError:
            log.warning("The report is left to a later try of this task, which has taken it over")
            self._file.close()
        except Exception as error:
            with suppress(Exception):
                self._file.leave()
            raise self._lost(error) from error
        finally:
            self._place.release()

    def _store(self, end: TaskEnd) -> None:
        place, is_plan = self._place, end.plan is not None
        with place.writing(self._report_path) as report, place.writing(place.page_path) as page:
            if end.plan is not None:
                rows = sum(offset != NONE for offset in self._outcomes)
                report.write(replace(end.plan, task=self._task).sealed(rows, self._lines(is_plan=True)))
            copied = self._copy_outcomes(report, is_plan=is_plan)
            write_page(
                copied,
                page,
                title=end.title,
                details=end.details,
                origin=end.origin,
                error=end.error,
                seasons=end.seasons,
                task=self._task,
            )

    def _take_over(self, first_line: bytes) -> int:
        """Find what an earlier try of the same run left, and return how many bytes of the working file are whole."""
        end = 0
        for offset, line in self._file.lines():
            if not offset and line != first_line:
                return 0
            if not line.endswith(b"\n"):
                break
            end = offset + len(line)
            if offset:
                # Cut short by a full disk or a kill, or the first line again, of a part that was not removed in time.
                with suppress(LookupError, TypeError, ValueError):
                    self._note(json.loads(line), offset)
        return end

    def _warn_of_another_input(self, identity: Mapping[str, Any]) -> None:
        first = next((line for _, line in self._file.lines()), b"")
        with suppress(LookupError, TypeError, ValueError):
            earlier = json.loads(first)["identity"]
            if earlier["input"] != identity["input"] and {**earlier, "input": identity["input"]} == identity:
                log.warning(BEGINS_ANEW)

    def _begin_afresh(self, first_line: bytes) -> None:
        """Begin a working file, and keep what is there of another run, where it holds a written change."""
        kept = [keep_report(self._storage, self._report_path, self._place.page_path)]
        if self._file.end and holds_writes(line for _, line in self._file.lines()):
            path = next_kept_path(self._storage, self._report_path)
            self._file.keep(path)
            kept.append(path)
        self._file.cut(0)
        for each in filter(None, kept):
            log.warning("An earlier report holds written changes and is kept as %s", each)
        self._file.append(first_line)

    def _note(self, data: Mapping[str, Any], offset: int) -> None:
        if "writing" in data:
            put(self._recalled, data["writing"], offset)
            return
        outcome = Outcome.from_json(data)
        put(self._outcomes, outcome.index, offset)
        if settles(outcome):
            is_begun_anew = outcome.retryable and outcome.sent_at is None
            put(self._recalled, outcome.index, NONE if is_begun_anew else offset)

    def _append(self, line: bytes) -> int:
        self._lease.is_held()  # The file of a later try must not be written to.
        try:
            return self._file.append(line)
        except OSError as error:
            raise self._lost(error) from error

    def _copy_outcomes(self, report: IO[bytes], *, is_plan: bool) -> Iterator[Outcome]:
        for line in self._lines(is_plan=is_plan):
            report.write(line)
            yield Outcome.from_json(json.loads(line))

    def _lines(self, *, is_plan: bool) -> Iterator[bytes]:
        """Yield the lines of the report, of which the first names the task. A plan has a line of its own for that."""
        is_first = not is_plan
        for offset in self._outcomes:
            if offset != NONE:
                line = self._file.line(offset)
                if is_first and self._task:
                    line = to_line({**json.loads(line), "task": self._task}) + b"\n"
                is_first = False
                yield line

    def _line(self, data: dict[str, Any]) -> bytes:
        line = to_line(data)
        if not self._personal_data and may_hold_personal_data(line):
            line = to_line(hide_personal_data(data))
        return line + b"\n"

    def _lost(self, error: Exception) -> OnliveReportPlaceError:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        return OnliveReportPlaceError(
            f"The report {self._report_path} could not be written: {why}. Nothing is sent that is not remembered. Make "
            f"room, or bring the place back, and let the task be retried: what was written is remembered in "
            f"{self._report_path}{ENDING}"
        )
