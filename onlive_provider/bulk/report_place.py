"""Where a report goes: tried, locked, and refused in one sentence where nothing can be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from onlive_provider.bulk.lease import ENDING as LOCK_ENDING
from onlive_provider.bulk.lease import Lease, Owner, take_lease
from onlive_provider.bulk.place import Place
from onlive_provider.bulk.storage import Storage
from onlive_provider.bulk.working_file import ENDING as WORKING_ENDING

if TYPE_CHECKING:
    from onlive_provider.client.sync import SleepingClock


class ReportPlace(Place):
    """A report's path or URL, with the lease that lets this process write to guests for it.

    :param storage: opens files by path or URL.
    :param path: where the report goes.
    :param owner: who writes it.
    :param sources: the files that the task reads, which must not be written over.
    :raises OnlivePayloadError: nothing can be written there.
    :raises OnliveReportPlaceError: another task is writing there, or the store is away.
    :raises OnliveReportTakenError: a later try of the same task is writing there.
    """

    def __init__(
        self, storage: Storage, path: str, owner: Owner, clock: SleepingClock, sources: Iterable[str] = ()
    ) -> None:
        super().__init__(storage, path, "report_path")
        self.page_path = page_path(path)
        with self.refusing():
            self.refuse_what_is_no_file([path, self.page_path])
            self.refuse_taken(files_of(path), dict.fromkeys(sources, "what the task reads"))
            self.lease: Lease = take_lease(storage, path, owner, clock)

    def release(self) -> None:
        """Let others write there."""
        with suppress(Exception):  # A store that is away: the lease ends by itself.
            self.lease.release()


def files_of(report_path: str) -> Mapping[str, str]:
    """Return the files that a task with a report writes: path to what stands there, in words."""
    return {
        report_path: "the task's report",
        page_path(report_path): "the page of the task's report",
        report_path + WORKING_ENDING: "the working file of the task's report",
        report_path + LOCK_ENDING: "the lock of the task's report",
    }


def page_path(report_path: str) -> str:
    """Return where a report's page goes: beside it, ending in ``.html``."""
    stem, dot, ending = report_path.rpartition(".")
    return f"{stem if dot and '/' not in ending else report_path}.html"
