"""A file that a task reads. What is wrong with it, or goes wrong while it is read, is one sentence."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from onlive_provider.errors import OnliveError, OnliveInputAwayError, OnliveInputError, OnlivePayloadError
from onlive_provider.hooks.arguments import shown_path

if TYPE_CHECKING:
    from onlive_provider.operators.storage import AirflowStorage

T = TypeVar("T")

_BUFFER = 1 << 18
_MISTAKES = (AirflowNotFoundException, ImportError, ValueError)
"""A Connection, a package or a scheme that is missing, or a path that is none; their text says which."""
_ADVICE = "Let the file be complete before the task begins, and clear the task."


class InputFile:
    """A file by path or URL. Its fingerprint is taken at once, and compared whenever it is opened and at its end.

    :param field: what an error calls the path.
    :raises OnlivePayloadError: it is not there, or cannot be read.
    :raises OnliveInputAwayError: its store gave no answer.
    """

    def __init__(self, storage: AirflowStorage, path: str, field: str = "updates_path") -> None:
        self.path = path
        self._field = field
        self._storage = storage
        self._size = 0
        self._reading: _Guarded | None = None
        with self._refusing():
            self.fingerprint = storage.fingerprint(path)
            self._open().close()

    def open(self, _: str) -> IO[bytes]:
        """Open the file for reading from its start.

        :raises OnlivePayloadError: it cannot be read, or is not what it was at first.
        :raises OnliveInputAwayError: its store gave no answer.
        """
        with self._refusing():
            self._size = self._storage.size(self.path)
            is_local = self._storage.local_path(self.path) is not None
            self._reading = _Guarded(self, self._open(), is_local)
            if self._is_changed():
                message = f"{self.shown} was changed after the task had looked at it. {_ADVICE}"
                raise OnlivePayloadError.of(self._field, message)
        return io.BufferedReader(self._reading, _BUFFER)

    def rows(self, rows: Iterator[T]) -> Iterator[T]:
        """Yield what is read, and see to it that the file was the same from its start to its end.

        :param rows: opens the file by :meth:`open`, and reads it.
        :raises OnlivePayloadError: it cannot be used. Raised by the first reading, before its first row.
        :raises OnliveInputError: it was not, or it could not be read to its end, or not once more.
        """
        was_read = self._reading is not None
        try:
            yield from rows
        except OnlivePayloadError as error:
            if not was_read:
                raise
            raise OnliveInputError("; ".join(str(each) for each in error.errors)) from None
        except Exception as error:
            if self._is_changed():
                raise self._changed() from error
            raise error if isinstance(error, OnliveError) else self.failed(error) from error
        if self._is_changed():
            raise self._changed()

    def share(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return min(1.0, self._reading.count / self._size) if self._reading is not None and self._size else 0.0

    @property
    def shown(self) -> str:
        """The path as an error shows it."""
        return shown_path(self.path)

    def failed(self, error: Exception) -> OnliveInputError:
        """Return the error of a file that cannot be read on."""
        from onlive_provider.bulk.away import is_away, reason_of

        kind = OnliveInputAwayError if is_away(error) else OnliveInputError
        return kind(
            f"{self._field}: {self.shown} cannot be read to its end: {reason_of(error)}; the rows before that have "
            "their outcomes"
        )

    def _open(self) -> IO[bytes]:
        local = self._storage.local_path(self.path)
        if local is None:
            return self._storage.open(self.path, "rb")
        if stat.S_ISDIR(mode := local.stat().st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not stat.S_ISREG(mode):  # A FIFO would be waited for.
            raise OSError(errno.EINVAL, "it is not a regular file")
        file = self._storage.open(self.path, "rb")
        if not os.fstat(file.fileno()).st_size and file.read(1):
            file.close()
            raise OSError(errno.EINVAL, "it has content and says that its size is 0, as files in /proc do")
        file.seek(0)
        return file

    def _is_changed(self) -> bool:
        if self._reading is None:
            return False
        found = self._reading.found()
        if found is not None:
            return self._storage.fingerprint_of(found) != self.fingerprint
        try:
            return self._storage.fingerprint(self.path) != self.fingerprint
        except FileNotFoundError:
            return True
        except Exception as error:
            raise self.failed(error) from error

    def _changed(self) -> OnliveInputError:
        return OnliveInputError(
            f"{self._field}: {self.shown} was changed while it was read: its rows may be of two versions. Those that "
            f"were read have their outcomes. {_ADVICE}"
        )

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn what a file system or a store raises before the first row into our own errors."""
        try:
            yield
        except OnliveError:
            raise
        except FileNotFoundError:
            raise OnlivePayloadError.of(self._field, f"{self.shown} does not exist") from None
        except Exception as error:
            from onlive_provider.bulk.away import is_away

            why = f"{self.shown} cannot be opened: {why_not_opened(error)}"
            if is_away(error):
                message = f"{self._field}: {why}; nothing was sent, and a retry may find it"
                raise OnliveInputAwayError(message) from error
            message = f"{why}; accepted: the path or URL of a file that this worker can read"
            raise OnlivePayloadError.of(self._field, message) from error


class _Guarded(io.RawIOBase):
    """A file whose failures are sentences. ``count`` is how many bytes were read."""

    def __init__(self, owner: InputFile, file: IO[bytes], is_local: bool) -> None:
        self.count = 0
        self._owner = owner
        self._file = file
        self._is_local = is_local
        self._last: os.stat_result | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except Exception as error:
            raise self._owner.failed(error) from error
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except Exception as error:
            raise self._owner.failed(error) from error

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._last = self.found()
            self._file.close()
            super().close()

    def found(self) -> os.stat_result | None:
        """Return what is found of a file on this machine's disk, closed or not: not of another of the same path."""
        if self._is_local and not self.closed:
            return os.fstat(self._file.fileno())
        return self._last


def why_not_opened(error: Exception) -> str:
    """Return why a file cannot be opened; a mistake in its path or its Connection in the words of who found it."""
    from onlive_provider.bulk.away import reason_of

    return str(error).partition("\n")[0] if isinstance(error, _MISTAKES) else reason_of(error)
