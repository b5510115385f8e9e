"""The file that a run appends to: on this machine's disk, or in parts in an object store.

What is appended is durable once :meth:`WorkingFile.flush` has returned: a killed process, a machine that loses its
power and a retry on another machine lose nothing of it.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from onlive_provider.bulk.storage import ReadableStorage, Storage, stands_at

ENDING = ".run"
PARTS_ENDING = ".parts"
MAX_PARTS = 200
"""Parts in an object store before they are put together, so that a retry has few to read."""

_OPTIONS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
_BLOCK = 1 << 16


class WorkingFile(ABC):
    """Lines, appended one by one. Any thread may append and flush.

    ``end`` is where the next line goes, in bytes.
    """

    pause = 0.0
    """Seconds between two flushes that cost nobody anything: a flush is cheap."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self.end = os.fstat(descriptor).st_size

    def append(self, line: bytes) -> int:
        """Append a line and return where it begins. It is in the hands of the operating system then.

        :raises OSError: the disk is full, or fails.
        """
        with self._lock:
            begin = self.end
            written = os.pwrite(self._descriptor, line, begin)
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.end += written
            return begin

    def line(self, offset: int) -> bytes:
        """Return the line that begins at an offset."""
        found = b""
        while not found.endswith(b"\n"):
            block = os.pread(self._descriptor, 1024 if not found else _BLOCK, offset + len(found))
            if not block:
                break
            found += block[: block.find(b"\n") + 1] if b"\n" in block else block
        return found

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield offset and text of each line; the last one may be cut off."""
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            offset = 0
            for line in file:
                yield offset, line
                offset += len(line)

    def cut(self, end: int) -> None:
        """Forget what comes after an offset."""
        os.ftruncate(self._descriptor, end)
        self.end = end

    @abstractmethod
    def flush(self) -> None:
        """Make durable what was appended.

        :raises Exception: it could not be.
        """

    @abstractmethod
    def keep(self, path: str) -> None:
        """Move the file, as it is, to a path beside the report, and begin an empty one in its place."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the file for good."""

    def leave(self) -> None:
        """Leave the file for a retry."""
        self.close()

    def close(self) -> None:
        """Close the file, and do nothing else."""
        os.close(self._descriptor)


class LocalWorkingFile(WorkingFile):
    """A file on this machine's disk, which only its owner may read.

    :raises OSError: it cannot be made there, or is not a plain file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lost: OSError | None = None
        super().__init__(_open_private(path))

    def flush(self) -> None:
        """Flush the file to the disk; one that was removed meanwhile, with its folder maybe, is written anew."""
        with self._flushing:
            if self._lost is not None:
                raise self._lost
            if not stands_at(self._path, self._descriptor):
                self._write_anew()
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                # Told only once, and what could not be written may have been dropped: another flush proves nothing.
                self._lost = error
                raise

    def keep(self, path: str) -> None:
        """Rename the file, and begin an empty one in its place."""
        os.rename(self._path, path)
        os.close(self._descriptor)
        self._descriptor, self.end = _open_private(self._path), 0

    def remove(self) -> None:
        """Remove the file for good."""
        self._path.unlink(missing_ok=True)
        self.close()

    def _write_anew(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            old, new = self._descriptor, os.open(self._path, _OPTIONS | os.O_CREAT | os.O_EXCL, 0o600)
            offset = 0
            while block := os.pread(old, _BLOCK, offset):
                offset += os.pwrite(new, block, offset)
            self._descriptor = new
            os.close(old)


class RemoteWorkingFile(WorkingFile):
    """A file in an object store, where nothing can be appended: each flush puts a further part there.

    This machine holds a copy without a name, which is gone with the process. A retry reads ``REPORT.run``, which is
    what was put together last, and then the parts in ``REPORT.parts``.
    """

    def __init__(self, storage: Storage, report_path: str, token: str, pause: float) -> None:
        self._storage = storage
        self._path = report_path + ENDING
        self._folder = report_path + PARTS_ENDING
        self._token = token
        self.pause = pause
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115 (open for as long as the run)
        super().__init__(self._copy.fileno())
        self._parts = storage.names(self._folder)
        self._read([self._path, *(f"{self._folder}/{name}" for name in self._parts)])
        self._epoch = 1 + max((int(name.partition("-")[0]) for name in self._parts if name[:1].isdigit()), default=0)
        self._made = 0
        self._flushed = self.end

    def flush(self) -> None:
        """Put a further part into the store, or everything together once there are many."""
        with self._flushing:
            end = self.end
            if end == self._flushed:
                return
            if len(self._parts) >= MAX_PARTS:
                self._put_together()
                return
            name = f"{self._epoch:04d}-{self._made:06d}-{self._token}"
            with self._storage.open(f"{self._folder}/{name}", "wb") as part:
                part.write(os.pread(self._descriptor, end - self._flushed, self._flushed))
            self._made += 1
            self._parts.append(name)
            self._flushed = end

    def cut(self, end: int) -> None:
        """Forget what comes after an offset, in the store too."""
        super().cut(end)
        if end < self._flushed:
            self._put_together()

    def keep(self, path: str) -> None:
        """Copy the file to a path beside the report, and begin an empty one in its place."""
        self._put(path)
        self.cut(0)

    def remove(self) -> None:
        """Remove the file for good."""
        self._remove_parts()
        self._storage.remove(self._path)
        self.close()

    def leave(self) -> None:
        """Put everything together for a retry."""
        with self._flushing:
            self._put_together()
        self.close()

    def close(self) -> None:
        """Close this machine's copy, which is gone then."""
        self._copy.close()

    def _put_together(self) -> None:
        self._flushed = self._put(self._path)
        self._remove_parts()

    def _put(self, path: str) -> int:
        end, offset = self.end, 0
        with self._storage.open(path, "wb") as target:
            while offset < end and (block := os.pread(self._descriptor, min(_BLOCK, end - offset), offset)):
                target.write(block)
                offset += len(block)
        return end

    def _remove_parts(self) -> None:
        for name in self._storage.names(self._folder):
            self._storage.remove(f"{self._folder}/{name}")
        if self._parts:
            self._storage.remove_folder(self._folder)
        self._parts = []

    def _read(self, paths: list[str]) -> None:
        for path in paths:
            try:
                with self._storage.open(path, "rb") as source, os.fdopen(os.dup(self._descriptor), "wb") as target:
                    target.seek(self.end)
                    shutil.copyfileobj(source, target)
            except FileNotFoundError:
                continue
            self.end = os.fstat(self._descriptor).st_size
            if self.end and os.pread(self._descriptor, 1, self.end - 1) != b"\n":
                self.append(b"\n")  # A part that a kill cut short: the next one begins a line of its own.


def open_working_file(storage: Storage, report_path: str, *, token: str, pause: float) -> WorkingFile:
    """Open the working file of a report with all that earlier tries left in it.

    :param token: names this try's parts in an object store.
    :param pause: seconds between two flushes to an object store.
    :raises Exception: it cannot be made there.
    """
    local = storage.local_path(report_path)
    if local is None:
        return RemoteWorkingFile(storage, report_path, token, pause)
    local.parent.mkdir(parents=True, exist_ok=True)
    return LocalWorkingFile(local.with_name(local.name + ENDING))


def working_lines(storage: ReadableStorage, report_path: str) -> Iterator[bytes]:
    """Yield the lines of a report's working file, wherever its parts are.

    :raises FileNotFoundError: there is none.
    """
    paths = [report_path + ENDING]
    if storage.local_path(report_path) is None:
        folder = report_path + PARTS_ENDING
        paths += [f"{folder}/{name}" for name in storage.names(folder)]
    for path in paths:
        try:
            file = storage.open(path, "rb")
        except FileNotFoundError:
            if len(paths) == 1:
                raise
            continue
        with file:
            yield from file


def _open_private(path: Path) -> int:
    descriptor = os.open(path, _OPTIONS | os.O_CREAT, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a plain file", str(path))
    if stat.S_IMODE(found.st_mode) != 0o600:
        os.fchmod(descriptor, 0o600)
    flush_folder(path.parent)
    return descriptor


def flush_folder(folder: Path) -> None:
    """Make durable which files a folder holds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
