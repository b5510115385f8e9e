"""Files by path or URL: the worker's own disk, and whatever Airflow's object storage opens."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal, cast
from urllib.parse import unquote, urlsplit

from airflow.providers.common.compat.sdk import ObjectStoragePath


class AirflowStorage:
    """Opens local paths directly and URLs through ``ObjectStoragePath``, with the Connection that the URL names."""

    def open(self, path: str, mode: Literal["rb", "wb"]) -> IO[bytes]:
        """Open a file; writing makes the folders above it on the local disk, and a file that only its owner may read.

        :raises FileNotFoundError: there is none to read.
        """
        local = self.local_path(path)
        if local is None:
            file = _opened(path, mode)
            # Airflow 2.11 wraps the file in an object that cannot be iterated over.
            return cast("IO[bytes]", getattr(file, "_obj", file))
        if mode == "wb":
            local.parent.mkdir(parents=True, exist_ok=True)
            return open(local, mode, opener=_open_private)
        return local.open(mode)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        local = self.local_path(path)
        target = ObjectStoragePath(path) if local is None else local
        target.unlink(missing_ok=True)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder, where the store has folders at all."""
        with suppress(Exception):  # Stores without folders say so in many ways.
            ObjectStoragePath(path).rmdir()

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted; none where there is no such folder."""
        local = self.local_path(folder)
        target = _fresh(folder) if local is None else local
        try:
            return sorted(each.name for each in target.iterdir() if each.name)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def fingerprint(self, path: str) -> str:
        """Return text that changes when the file's content does.

        :raises FileNotFoundError: there is no such file.
        """
        local = self.local_path(path)
        if local is not None:
            return self.fingerprint_of(local.stat())
        return str(_fresh(path).checksum())

    def fingerprint_of(self, found: os.stat_result) -> str:
        """Return the fingerprint of a file on this machine's disk, of which this was found."""
        return f"{found.st_size} {found.st_mtime_ns}"

    def size(self, path: str) -> int:
        """Return how many bytes a file has.

        :raises FileNotFoundError: there is no such file.
        """
        local = self.local_path(path)
        return int(ObjectStoragePath(path).size()) if local is None else local.stat().st_size

    def local_path(self, path: str) -> Path | None:
        """Return the path on this machine's disk, or ``None`` when the file is elsewhere."""
        parts = urlsplit(path)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
        return None if "://" in path else Path(path)


def _opened(path: str, mode: Literal["rb", "wb"]) -> Any:
    if mode == "rb":
        return _fresh(path).open(mode)
    remote: Any = ObjectStoragePath(path)
    try:
        return remote.open(mode)
    except FileNotFoundError:  # A store with real folders, which have to be made.
        remote.parent.mkdir(parents=True, exist_ok=True)
        return remote.open(mode)


def _fresh(path: str) -> Any:
    """Return a path in a store, as it is now: some stores' clients answer from a listing that they saw earlier."""
    remote: Any = ObjectStoragePath(path)
    remote.fs.invalidate_cache()
    return remote


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, 0o600)
    return descriptor
