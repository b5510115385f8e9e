"""What was written, as a report and the files kept beside it say: the writes to each record, over all of the files.

Beside ``REPORT`` may stand ``REPORT.1``, ``REPORT.2`` and so on, which were moved aside when a later run began, the
larger the number the newer, and ``REPORT.run``, the working file of a run that is under way, was killed, or may be
retried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from onlive_provider.bulk.chain import Chain
from onlive_provider.bulk.kept import kept_paths
from onlive_provider.bulk.report_file import DagRun, ReportFile
from onlive_provider.bulk.storage import ReadableStorage
from onlive_provider.bulk.working_file import ENDING, working_lines
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.comparison import ObjectUpdates
from onlive_provider.models.fields import resource_named
from onlive_provider.models.instants import epoch
from onlive_provider.models.wording import counted
from onlive_provider.report.outcomes import Counts, Outcome

_MAX_SHOWN = 10
"""Records that the log names for one reason."""
_NO_RUN = DagRun("", "")
"""May be no run that a file names."""


@dataclass(frozen=True, slots=True)
class Source:
    """One of the files.

    :param run: the DAG run that wrote it.
    :param writes: writes that it says were made, or may have been; of a file that is left alone 1 if there are any.
    :param counts: outcomes by name; empty of a file that is left alone.
    :param unreadable: lines that were cut short.
    """

    path: str
    run: DagRun
    writes: int
    counts: Counts
    unreadable: int = 0

    def counts_text(self) -> str:
        """Return the counts for a log."""
        return self.counts.by_name() or "no rows"


@dataclass(frozen=True, slots=True)
class History:
    """All writes of one DAG run.

    :param chains: one for each record, that with the last write first.
    :param sources: the files they come from, the newest first; none where they come from no file.
    :param others: files of other DAG runs that say something was written, the newest first. They are left alone.
    """

    chains: list[Chain]
    sources: Sequence[Source] = ()
    others: Sequence[Source] = ()

    def fingerprint(self) -> str:
        """Return a hash of all writes."""
        found = hashlib.sha256()
        for each in self.chains:
            for packed in each.packed:
                found.update(packed)
        return found.hexdigest()

    def notes(self) -> list[str]:
        """Return lines for a log: how much was written, and where that stands."""
        if not self.chains:
            return []
        total, records = sum(map(len, self.chains)), counted(len(self.chains), "record")
        files = ", ".join(f"{each.writes:,} in {each.path}" for each in self.sources if each.writes)
        lines = [f"Found {counted(total, 'write')} to {records}{': ' if files else ''}{files}"]
        if unsure := sum(write.may_be_made for each in self.chains for write in each.writes):
            lines.append(f"Of {counted(unsure, 'write')} it is not known whether they were made: their records show it")
        return lines

    def warnings(self, object_updates: ObjectUpdates) -> list[str]:
        """Return lines for a log: what is not put back, and what is not put back to the first state."""
        lines = [] if self.chains else [f"Nothing to put back: {self._why_nothing()}"]
        broken = [(each.name, names) for each in self.chains if (names := each.broken(object_updates))]
        lines += [
            f"{name}: {', '.join(names)} changed between two writes; what the later one found is put back"
            for name, names in broken[:_MAX_SHOWN]
        ]
        if len(broken) > _MAX_SHOWN:
            lines.append(f"So did fields of {len(broken) - _MAX_SHOWN:,} more records")
        lines += [
            f"{each.path}: {counted(each.unreadable, 'line')} cannot be read and left out"
            for each in self.sources
            if each.unreadable
        ]
        lines += [
            f"{each.path} holds written changes of another run ({each.run}) and is left alone; "
            "give it as report_path to put these back, too"
            for each in self.others
        ]
        return lines

    def _why_nothing(self) -> str:
        if not self.sources:
            return "the change is empty; its update sent nothing"
        return f"the report holds no written change: {self.sources[0].counts_text()}"


def read_history(storage: ReadableStorage, report_path: str) -> History:
    """Return all writes of the DAG run that wrote a report last, or that wrote one of the reports kept beside it.

    :param report_path: the report, or ``REPORT.1`` and so on for the DAG run of that one.
    :raises OnlivePayloadError: there is no such report, or it cannot be read.
    """
    base, kept = _kept(storage, report_path)
    run = None if base == report_path else _open(storage, report_path, report_path).run
    sources: list[Source] = []
    others: list[Source] = []
    known: set[int] = set()
    packed: dict[tuple[str, str], list[bytes]] = {}
    for path in (f"{base}{ENDING}", base, *reversed(kept)):
        with suppress(FileNotFoundError):
            file = _open(storage, path, base)
            if run is None:
                run = _NO_RUN if file.is_empty else file.run
            if not run.may_be(file.run):
                if _holds_writes(file):
                    others.append(Source(path, file.run, 1, Counts()))
                continue
            run = _NO_RUN if run is _NO_RUN else DagRun(run.dag_id or file.run.dag_id, run.run_id or file.run.run_id)
            sources.append(_read(path, file, known, packed))
    if not sources:
        raise OnlivePayloadError.of("report_path", f"{report_path} does not exist")
    chains = [Chain(resource_named(name), record_id, each[::-1]) for (name, record_id), each in packed.items()]
    return History(chains, sources, others)


def written_ids(storage: ReadableStorage, report_path: str, run: DagRun) -> Iterator[str]:
    """Yield the id of each record that a DAG run wrote, or may have written; some more than once. Takes little memory.

    :raises OnlivePayloadError: none of the files is there, or one cannot be read.
    """
    is_there = False
    for path in (f"{report_path}{ENDING}", report_path, *kept_paths(storage, report_path)):
        with suppress(FileNotFoundError):
            file = _open(storage, path, report_path)
            if run.may_be(file.run):
                is_there = True
                yield from file.written_ids()
    if not is_there:
        raise OnlivePayloadError.of("report_path", f"{report_path} does not exist")


def outcomes_of(storage: ReadableStorage, source: Source) -> Iterator[Outcome]:
    """Yield the last outcome of each row of a file."""
    rows = ReportFile(source.path, _lines(storage, source.path)).rows()
    return (row.outcome for row in rows if row.outcome is not None)


def _kept(storage: ReadableStorage, report_path: str) -> tuple[str, list[str]]:
    """Return the report that a path belongs to, and what was kept beside it, the oldest first."""
    base, _, number = report_path.rpartition(".")
    if base and number.isdigit():
        kept = kept_paths(storage, base)
        if report_path in kept and f"{base}.1" in kept:  # Otherwise the number is part of the report's own name.
            return base, kept
    return report_path, kept_paths(storage, report_path)


def _open(storage: ReadableStorage, path: str, base: str) -> ReportFile:
    lines = working_lines(storage, base) if path == f"{base}{ENDING}" else _lines(storage, path)
    return ReportFile(None if path == base else path, lines)


def _lines(storage: ReadableStorage, path: str) -> Iterator[bytes]:
    with storage.open(path, "rb") as file:
        yield from file


def _holds_writes(file: ReportFile) -> bool:
    """Whether a file says that something was written; also one that cannot be read to its end may say so."""
    try:
        return any(row.writes() for row in file.rows())
    except OnlivePayloadError:
        return True


def _read(path: str, file: ReportFile, known: set[int], packed: dict[tuple[str, str], list[bytes]]) -> Source:
    """Read a file, and add its writes to those of the newer ones: to each record's, and as records, the last first.

    :param known: fingerprints of outcomes in newer files. A write that stands in two of them is one write.
    """
    counts = Counts()
    found: list[tuple[float, str, str, bytes]] = []
    time = 0.0
    for row in file.rows():
        if row.outcome is not None:
            counts.add(row.outcome)
        last = 0.0
        for write in row.writes(known):
            change = write.change
            time = write.sent_at or epoch(change.updated_at) or time
            last = max(last, time)  # Some times are the server's: writes of one row stay in their order.
            found.append((last, change.resource.name, change.id, write.packed()))
    found.sort(key=lambda each: each[0])
    for _, resource, record_id, line in reversed(found):
        packed.setdefault((resource, record_id), []).append(line)
    known |= file.known
    return Source(path, file.run, len(found), counts, file.unreadable)
