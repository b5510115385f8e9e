"""The memory of a run with a report: a working file beside the report, from which the report is made at the end.

``REPORT.run`` is only ever appended to, so that a process killed at any moment leaves all that came before. Its first
line says whose run it is. After that each line is a write that is about to be sent, or an outcome, as they come.
A retry of the same task run on the same input goes on in it; anything else, such as a cleared task, starts it afresh.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from onlive_provider.bulk.memory import Announcement, settles
from onlive_provider.bulk.storage import Storage
from onlive_provider.models.changes import Change
from onlive_provider.privacy import hide_personal_data, may_hold_personal_data
from onlive_provider.report.outcomes import Outcome, to_line
from onlive_provider.report.page import write_page

_ENDING = ".run"
_NONE = -1


class Journal:
    """A :class:`~onlive_provider.bulk.memory.Memory` in a file, and at the run's end its report and the report's page.

    Where the report is not on this machine's disk, the working file is kept in a temporary folder, and a copy of it
    beside the report as of the last :meth:`save`.

    :param storage: opens files by path or URL.
    :param report_path: where the report goes.
    :param identity: JSON that is the same for every try of one task run on one input, and for no other.
    :param personal_data: whether guests' e-mail addresses and phone numbers may stand in the report.
    """

    remembers = True

    def __init__(self, storage: Storage, report_path: str, identity: Mapping[str, Any], *, personal_data: bool) -> None:
        self._storage = storage
        self._report_path = report_path
        self._personal_data = personal_data
        self._outcomes = array("q")
        self._recalled = array("q")
        self._local = storage.local_path(report_path)
        self._folder = Path(tempfile.mkdtemp(prefix="onlive-bulk-")) if self._local is None else None
        self._path = self._working_file()
        first_line = to_line({"identity": dict(identity)}) + b"\n"
        self._end = self._take_over(first_line)
        self._file: IO[bytes] = self._path.open("r+b" if self._end else "wb", buffering=0)
        self._file.seek(self._end)
        self._file.truncate()
        self._reader: IO[bytes] = self._path.open("rb")
        if not self._end:
            self._append(first_line)

    def recall(self, index: int) -> Outcome | Announcement | None:
        """Return the outcome of a row that stands, or the write of one of which it is not known whether it was made."""
        offset = self._recalled[index] if index < len(self._recalled) else _NONE
        if offset == _NONE:
            return None
        self._reader.seek(offset)
        data = json.loads(self._reader.readline())
        return Announcement(Change.from_json(data), data["at"]) if "writing" in data else Outcome.from_json(data)

    def announce(self, index: int, announcement: Announcement) -> None:
        """Remember that a write is about to be sent; it is on its way to the disk when this returns."""
        self._append(self._line({"writing": index, **announcement.change.as_json(), "at": announcement.at}))

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome; it is on its way to the disk when this returns."""
        _put(self._outcomes, outcome.index, self._end)
        self._append(self._line(outcome.as_json()))

    def save(self) -> None:
        """Put the working file beside a report that is not on this machine's disk."""
        if self._folder is not None:
            with self._path.open("rb") as source, self._storage.open(self._report_path + _ENDING, "wb") as target:
                shutil.copyfileobj(source, target)

    def finish(
        self, *, title: str, details: Mapping[str, str], again: bool, seasons: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Store the report and its page, and remove the working file unless a retry may need it."""
        self._file.close()
        self._reader.close()
        part = self._report_path if self._local is None else f"{self._local}.part"
        with self._storage.open(part, "wb") as report, self._storage.open(page_path(self._report_path), "wb") as page:
            write_page(self._copy_outcomes(report), page, title=title, details=details, seasons=seasons)
        if self._local is not None:
            os.replace(part, self._local)
            if not again:
                self._path.unlink()
        elif again:
            self.save()
        else:
            self._storage.remove(self._report_path + _ENDING)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _working_file(self) -> Path:
        if self._local is not None:
            self._local.parent.mkdir(parents=True, exist_ok=True)
            return self._local.with_name(self._local.name + _ENDING)
        assert self._folder is not None
        path = self._folder / f"report{_ENDING}"
        try:
            with self._storage.open(self._report_path + _ENDING, "rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        except FileNotFoundError:
            pass
        return path

    def _take_over(self, first_line: bytes) -> int:
        """Find what an earlier try of the same run left, and return how many bytes of the working file are whole."""
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            if file.readline() != first_line:
                return 0
            end = len(first_line)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                with suppress(ValueError):  # A line that a full disk cut short runs into the next one.
                    self._note(json.loads(line), end)
                end += len(line)
        return end

    def _note(self, data: Mapping[str, Any], offset: int) -> None:
        if "writing" in data:
            _put(self._recalled, data["writing"], offset)
            return
        outcome = Outcome.from_json(data)
        _put(self._outcomes, outcome.index, offset)
        if settles(outcome):
            _put(self._recalled, outcome.index, _NONE if outcome.retryable else offset)

    def _append(self, line: bytes) -> None:
        written = self._file.write(line)
        self._end += written
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def _copy_outcomes(self, report: IO[bytes]) -> Iterator[Outcome]:
        with self._path.open("rb") as file:
            for offset in self._outcomes:
                if offset != _NONE:
                    file.seek(offset)
                    line = file.readline()
                    report.write(line)
                    yield Outcome.from_json(json.loads(line))

    def _line(self, data: dict[str, Any]) -> bytes:
        line = to_line(data)
        if not self._personal_data and may_hold_personal_data(line):
            line = to_line(hide_personal_data(data))
        return line + b"\n"


def page_path(report_path: str) -> str:
    """Return where a report's page goes: beside it, ending in ``.html``."""
    stem, dot, ending = report_path.rpartition(".")
    return f"{stem if dot and '/' not in ending else report_path}.html"


def _put(offsets: array[int], index: int, offset: int) -> None:
    if index < len(offsets):
        offsets[index] = offset
    else:
        offsets.extend([_NONE] * (index - len(offsets)))
        offsets.append(offset)
