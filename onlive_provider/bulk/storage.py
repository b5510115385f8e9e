"""How files are opened by path or URL: through Airflow's object storage in operators, from the disk in a terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Literal, Protocol


def stands_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one at a path: neither removed, nor replaced by another."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


class ReadableStorage(Protocol):
    """A file system that is only read."""

    def open(self, path: str, mode: Literal["rb"]) -> IO[bytes]:
        """Open a file.

        :raises FileNotFoundError: there is none.
        """

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted; none where there is no such folder."""

    def local_path(self, path: str) -> Path | None:
        """Return the path on this machine's disk, or ``None`` when the file is elsewhere."""


class Storage(ReadableStorage, Protocol):
    """What a bulk update needs of a file system."""

    def open(self, path: str, mode: Literal["rb", "wb"]) -> IO[bytes]:
        """Open a file; writing makes the folders above it on the local disk, and a file that only its owner may read.

        :raises FileNotFoundError: there is none to read.
        """

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder that is not on this machine's disk, where the store has folders at all."""


class Disk:
    """Files on this machine's disk."""

    def open(self, path: str, mode: Literal["rb"]) -> IO[bytes]:
        """Open a file.

        :raises FileNotFoundError: there is none.
        """
        return Path(path).open(mode)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted; none where there is no such folder."""
        return sorted(each.name for each in Path(folder).iterdir()) if Path(folder).is_dir() else []

    def local_path(self, path: str) -> Path:
        """Return the path."""
        return Path(path)
