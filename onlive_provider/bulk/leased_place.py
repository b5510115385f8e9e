"""Where a task leaves a file that one process at a time may write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from onlive_provider.bulk.lease import Lease, Owner, take_lease
from onlive_provider.bulk.place import Place
from onlive_provider.bulk.storage import Storage

if TYPE_CHECKING:
    from onlive_provider.client.sync import SleepingClock


class LeasedPlace(Place, ABC):
    """A path or URL, with the lease that lets this process write there.

    ``what`` is written there; the argument that names the place is called so, with ``_path``.

    :param storage: opens files by path or URL.
    :param path: where the file goes.
    :param owner: who writes it.
    :param sources: the files that the task reads, which must not be written over.
    :param others: other files that the task writes. What stands beside one of them begins with its path and a dot.
    :raises OnlivePayloadError: nothing can be written there.
    :raises OnliveReportPlaceError: another task is writing there, or the store is away.
    :raises OnliveReportTakenError: a later try of the same task is writing there.
    """

    what: ClassVar[str]

    def __init__(
        self,
        storage: Storage,
        path: str,
        owner: Owner,
        clock: SleepingClock,
        sources: Iterable[str] = (),
        others: Iterable[str] = (),
    ) -> None:
        super().__init__(storage, path, f"{self.what}_path")
        with self.refusing():
            self.refuse_what_is_no_file(self.stored())
            self.refuse_taken(self.written(), dict.fromkeys(sources, "what the task reads"))
            for other in others:
                self._refuse_beside(other)
            self.lease: Lease = take_lease(storage, path, owner, clock, self.what)

    @abstractmethod
    def stored(self) -> list[str]:
        """Return the files that are replaced as a whole."""

    @abstractmethod
    def written(self) -> list[str]:
        """Return all files that are written there."""

    def release(self) -> None:
        """Let others write there."""
        with suppress(Exception):  # A store that is away: the lease ends by itself.
            self.lease.release()

    def _refuse_beside(self, other: str) -> None:
        what = f"another file of the task, or stands beside it as a part of it does ({other})"
        self.refuse_taken(self.written(), {other: what})
        for path in self.written():
            if path.startswith(f"{other}.") or other.startswith(f"{self.path}."):
                raise self.refused(f"{path} is {what}")
