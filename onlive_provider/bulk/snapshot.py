"""What each record was last given, so that a row that says the same again costs no call.

A snapshot must never say that a record holds a row when a run has since given it another. So every run leaves a mark
before its first call, and removes it when its own snapshot stands. A run that finds a mark forgets each record that the
run before wrote, or may have written, or all of them where that cannot be known.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from onlive_provider.bulk.history import written_ids
from onlive_provider.bulk.memory import is_of_unknown_fate
from onlive_provider.bulk.report_file import DagRun
from onlive_provider.bulk.row_digest import digest_of, key_of
from onlive_provider.bulk.snapshot_place import Mark, SnapshotPlace
from onlive_provider.bulk.snapshot_table import SnapshotTable, read_table
from onlive_provider.client.patience import Clock
from onlive_provider.errors import OnliveReportTakenError
from onlive_provider.report.outcomes import Outcome

log = logging.getLogger(__name__)


class Snapshot:
    """A :class:`~onlive_provider.bulk.task_run.Collector` that remembers rows from one run to the next.

    Only one thread at a time may call it.

    :param place: where it is, and the right to write it.
    :param meaning: JSON of what rows depend on besides themselves: the mapping, the options, the Connection.
    :param max_age: seconds after which a record is read again, at least 1.
    :param clock: says when that is.
    :raises OnlivePayloadError: it cannot be read.
    :raises OnliveReportPlaceError: its store is away.
    """

    def __init__(self, place: SnapshotPlace, meaning: object, max_age: int, clock: Clock) -> None:
        self.place = place
        self._identity = hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
        self._max_age = max_age
        self._clock = clock
        self._rows: dict[int, tuple[int, int | None, int | None]] = {}
        """Of each row under way: the hash of its id, its own hash, and when its record is read."""
        self._recalled_at: int | None = None
        self._is_unusable = False
        with place.refusing():
            self._mark = place.mark()
            self._table = self._read()

    def begin(self, report_path: str | None, identity: Mapping[str, Any]) -> None:
        """Leave a mark. To be called once all else is ready, and before the first call.

        :param report_path: where the run's report goes, if it has one.
        :param identity: see :class:`Mark`.
        :raises OnlivePayloadError: nothing can be written there.
        :raises OnliveReportPlaceError: the store is away.
        """
        mark = Mark(report_path, dict(identity), self._now())
        with self.place.refusing():
            if self._is_unusable and (kept := self.place.keep_foreign()) is not None:
                log.warning("What was at %s is not a snapshot, and is kept as %s", self.place.path, kept)
            if self._mark is not None:
                if self._mark.is_of(report_path, identity):
                    mark = self._mark
                    self._recalled_at = mark.since
                # What is forgotten must not come back if this run does not come to its end, either.
                self._store()
            self.place.set_mark(mark)

    def recognizes(self, index: int, record_id: str, payload: Mapping[str, Any]) -> bool:
        """Whether a row is to be left alone, because its record was given the same before, and not too long ago.

        :param index: the row's.
        :param record_id: as the API spells it.
        :param payload: as given, before it is checked.
        """
        key, digest, now = key_of(record_id), digest_of(record_id, payload), self._now()
        if digest is not None and self._table.knows(key, digest, now):
            return True
        self._rows[index] = key, digest, now
        return False

    def recall(self, index: int, record_id: str, payload: Mapping[str, Any]) -> None:
        """Take note of a row whose outcome stands since an earlier try."""
        self._rows[index] = key_of(record_id), digest_of(record_id, payload), self._recalled_at

    def add(self, outcome: Outcome) -> None:
        """Remember what a record was given, or forget what is not sure any more."""
        key, digest, at = self._rows.pop(outcome.index, (None, None, None))
        may_be_written = outcome.sent_at is not None or is_of_unknown_fate(outcome)
        if key is None and outcome.id is not None and may_be_written:
            key = key_of(outcome.id)
        if key is None or (outcome.is_from_snapshot and not may_be_written):
            return
        if may_be_written:
            self._table.drop(key)
        elif at is None:
            return  # Since that try ended other runs may have written the record: what they remembered stands.
        elif outcome.outcome in ("updated", "unchanged") and digest is not None:
            self._table.put(key, digest, at)
        elif outcome.outcome != "not_attempted":
            self._table.drop(key)

    def finish(self) -> None:
        """Store what is remembered, and let others have it. Where that fails, the mark stays, and a warning says so."""
        try:
            self.place.lease.renew()
            if self._table.is_changed:
                self._store()
            self.place.remove_mark()
        except OnliveReportTakenError:
            log.warning("The snapshot is left to a later try of this task, which has taken it over")
        except Exception as error:
            log.warning(
                "The snapshot %s could not be stored (%s): the next run reads again what this one read",
                self.place.path,
                type(error).__name__,
            )
        finally:
            self.release()

    def release(self) -> None:
        """Let others have it."""
        self.place.release()

    def _store(self) -> None:
        self.place.store(self._table.blocks(self._identity, self._now()))

    def _now(self) -> int:
        return int(self._clock.time())

    def _read(self) -> SnapshotTable:
        """Read what earlier runs left, without what cannot be relied on."""
        try:
            with self.place.storage.open(self.place.path, "rb") as file:
                table = read_table(file, self._identity, self._max_age)
        except FileNotFoundError:
            return self._anew()
        except ValueError as error:
            log.warning("The snapshot %s %s: every row is read", self.place.path, error)
            self._is_unusable = True
            return self._anew()
        if self._mark is None:
            return table
        try:
            for record_id in self._written(self._mark):
                table.drop(key_of(record_id))
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            log.warning(
                "The snapshot %s: a run did not come to its end, and no report says what it wrote: every row is read",
                self.place.path,
            )
            return self._anew()
        log.warning("The snapshot %s: a run did not come to its end; what it wrote is read again", self.place.path)
        return table

    def _written(self, mark: Mark) -> Iterator[str]:
        if mark.report_path is None or mark.identity is None:
            raise LookupError
        run = DagRun(mark.identity.get("dag_id"), mark.identity.get("run_id"))
        return written_ids(self.place.storage, mark.report_path, run)

    def _anew(self) -> SnapshotTable:
        table = SnapshotTable(self._max_age)
        table.is_changed = True
        return table
