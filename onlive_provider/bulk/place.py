"""Where a task leaves a file: refused in one sentence where nothing can be written, and replaced only as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from onlive_provider.bulk.away import is_away, reason_of
from onlive_provider.bulk.storage import Storage
from onlive_provider.errors import OnliveError, OnlivePayloadError, OnliveReportPlaceError

PART_ENDING = ".part"
"""Ends the name of a file on the disk that is not whole yet."""


class Place:
    """The path or URL of a file to write.

    :param storage: opens files by path or URL.
    :param path: where the file goes.
    :param parameter: which parameter named it, such as ``report_path``, for errors.
    """

    def __init__(self, storage: Storage, path: str, parameter: str) -> None:
        self.storage = storage
        self.path = path
        self._parameter = parameter

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn whatever goes wrong inside the block into one sentence about the path.

        :raises OnlivePayloadError: nothing can be written there.
        :raises OnliveReportPlaceError: the store is away, or the disk is full.
        """
        try:
            yield
        except OnliveError:
            raise
        except Exception as error:
            if is_away(error):
                name = self._parameter.removesuffix("_path")
                raise OnliveReportPlaceError(
                    f"The {name} {self.path} cannot be written now: {reason_of(error)}. Nothing was sent, and a retry "
                    "may find room, or an answer"
                ) from error
            raise self.refused(why_not(error)) from error

    @contextmanager
    def writing(self, path: str) -> Iterator[IO[bytes]]:
        """Open a file that replaces the one at a path once it is whole; durable at the block's end."""
        local = self.storage.local_path(path)
        if local is None:
            with writing_whole(self.storage, path) as file:
                yield file
            return
        part = local.with_name(local.name + PART_ENDING)
        try:
            with self.storage.open(str(part), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, local)
        except BaseException:  # An interrupt must leave no half file, either.
            part.unlink(missing_ok=True)
            raise

    def refuse_what_is_no_file(self, paths: Iterable[str]) -> None:
        """Refuse paths at which something else stands than a file.

        :raises OnlivePayloadError: it does.
        """
        for path in paths:
            local = self.storage.local_path(path)
            if local is not None and local.exists() and not local.is_file():
                raise self.refused(f"{local} is {'a folder' if local.is_dir() else 'not a plain file'}")

    def refuse_taken(self, paths: Iterable[str], taken: Mapping[str, str]) -> None:
        """Refuse paths of files that must not be written over.

        :param taken: path to what stands there, in words.
        :raises OnlivePayloadError: one is the same file as one of the paths.
        """
        written = list(paths)
        for other, what in taken.items():
            for path in written:
                if path == other or _is_same_file(self.storage.local_path(path), self.storage.local_path(other)):
                    raise self.refused(f"{path} is {what}")

    def refused(self, why: str) -> OnlivePayloadError:
        """Return the error of a path where nothing can be written."""
        shown = self.path if len(self.path) <= 200 else f"{self.path[:200]}..."
        return OnlivePayloadError.of(
            self._parameter,
            f"got {shown!r}, where nothing can be written: {why}; accepted: the path or URL of a file, in a place "
            "where this task may make files",
        )


@contextmanager
def writing_whole(storage: Storage, path: str) -> Iterator[IO[bytes]]:
    """Open an object of a store for writing; it is removed if the block does not come to its end."""
    file = storage.open(path, "wb")
    try:
        yield file
    except BaseException:
        with suppress(Exception):
            file.close()  # A store keeps what it was sent so far.
            storage.remove(path)
        raise
    file.close()


def why_not(error: Exception) -> str:
    """Return why a place cannot be written, without what a library may put into its text."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a part of its path is a file"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.strerror is None else error.strerror
    if isinstance(error, ImportError):
        return f"its file system needs a package that is not installed ({error.name or 'unknown'})"
    return " ".join(str(error).split())[:200] or type(error).__name__


def _is_same_file(path: Path | None, other: Path | None) -> bool:
    if path is None or other is None:
        return False
    try:
        return path.samefile(other)
    except OSError:
        return os.path.realpath(path) == os.path.realpath(other)
