"""Where a report goes: tried, locked, and refused in one sentence where nothing can be written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from onlive_provider.bulk.lease import ENDING as LOCK_ENDING
from onlive_provider.bulk.lease import Lease, Owner, take_lease
from onlive_provider.bulk.storage import Storage
from onlive_provider.bulk.working_file import ENDING as WORKING_ENDING
from onlive_provider.errors import OnliveError, OnlivePayloadError, OnliveReportPlaceError

if TYPE_CHECKING:
    from onlive_provider.client.sync import SleepingClock

_PART_ENDING = ".part"
_AWAY = (ConnectionError, TimeoutError)


class ReportPlace:
    """A report's path or URL, with the lease that lets this process write to guests for it.

    :param storage: opens files by path or URL.
    :param path: where the report goes.
    :param owner: who writes it.
    :param sources: the files that the task reads, which must not be written over.
    :param others: other files that the task writes. What stands beside one of them begins with its path and a dot.
    :raises OnlivePayloadError: nothing can be written there.
    :raises OnliveReportPlaceError: another task is writing there, or the store is away.
    :raises OnliveReportTakenError: a later try of the same task is writing there.
    """

    what = "report"
    """What is written there; the argument that names the place is called so, with ``_path``."""

    def __init__(
        self,
        storage: Storage,
        path: str,
        owner: Owner,
        clock: SleepingClock,
        sources: Iterable[str] = (),
        others: Iterable[str] = (),
    ) -> None:
        self.storage = storage
        self.path = path
        self.page_path = page_path(path)
        with self.refusing():
            self._refuse_what_is_no_file()
            self._refuse_sources(sources)
            self._refuse_others(others)
            self.lease: Lease = take_lease(storage, path, owner, clock, self.what)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn whatever goes wrong inside the block into one sentence about the path."""
        try:
            yield
        except OnliveError:
            raise
        except _AWAY as error:
            raise OnliveReportPlaceError(
                f"The place of the {self.what} {self.path} does not answer ({type(error).__name__}); nothing was sent"
            ) from error
        except Exception as error:
            raise self._refused(_why(error)) from error

    @contextmanager
    def writing(self, path: str) -> Iterator[IO[bytes]]:
        """Open a file that replaces the one at a path once it is whole; durable at the block's end."""
        local = self.storage.local_path(path)
        if local is None:
            with self.storage.open(path, "wb") as file:
                yield file
            return
        part = local.with_name(local.name + _PART_ENDING)
        try:
            with self.storage.open(str(part), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, local)
        except BaseException:  # An interrupt must leave no half report, either.
            part.unlink(missing_ok=True)
            raise

    def release(self) -> None:
        """Let others write there."""
        with suppress(Exception):  # A store that is away: the lease ends by itself.
            self.lease.release()

    def stored(self) -> list[str]:
        """Return the files that are replaced as a whole."""
        return [self.path, self.page_path]

    def written(self) -> list[str]:
        """Return all files that are written there."""
        return [*self.stored(), self.path + WORKING_ENDING, self.path + LOCK_ENDING]

    def _refuse_what_is_no_file(self) -> None:
        for path in self.stored():
            local = self.storage.local_path(path)
            if local is not None and local.exists() and not local.is_file():
                raise self._refused(f"{local} is {'a folder' if local.is_dir() else 'no plain file'}")

    def _refuse_sources(self, sources: Iterable[str]) -> None:
        for source in sources:
            for path in self.written():
                if is_same_file(self.storage, path, source):
                    raise self._refused(f"{path} is what the task reads")

    def _refuse_others(self, others: Iterable[str]) -> None:
        for other in others:
            for path in self.written():
                is_beside = path.startswith(f"{other}.") or other.startswith(f"{self.path}.")
                if is_beside or is_same_file(self.storage, path, other):
                    raise self._refused(f"{path} is, or looks like, another file of the task ({other})")

    def _refused(self, why: str) -> OnlivePayloadError:
        shown = self.path if len(self.path) <= 200 else f"{self.path[:200]}..."
        return OnlivePayloadError.of(
            f"{self.what}_path",
            f"got {shown!r}, where nothing can be written: {why}; accepted: the path or URL of a file, in a place "
            "where this task may make files",
        )


def page_path(report_path: str) -> str:
    """Return where a report's page goes: beside it, ending in ``.html``."""
    stem, dot, ending = report_path.rpartition(".")
    return f"{stem if dot and '/' not in ending else report_path}.html"


def is_same_file(storage: Storage, path: str, other: str) -> bool:
    """Whether two paths name one file, whether or not it is there yet."""
    local, other_local = storage.local_path(path), storage.local_path(other)
    if local is None or other_local is None:
        return path == other
    try:
        return local.samefile(other_local)
    except OSError:
        return os.path.realpath(local) == os.path.realpath(other_local)


def _why(error: Exception) -> str:
    """Return why a place cannot be written, without what a library may put into its text."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a part of its path is a file"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.strerror is None else error.strerror
    if isinstance(error, ImportError):
        return f"its file system needs a package that is not installed ({error.name or 'unknown'})"
    return " ".join(str(error).split())[:200] or type(error).__name__
