"""Opens a report where a task said that it is, on a disk that is shared or in an object store."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from onlive_provider.operators.storage import AirflowStorage

_MAX_PATH = 4096


class RefusedError(Exception):
    """A report is not opened; the message is for the API server's log and holds nothing of the path."""


def open_report(path: str, most: int | None = None) -> IO[bytes]:
    """Open a file for reading.

    :param path: as the task pushed it. Anybody who can write an XCom of the task can have written it.
    :param most: the most bytes that it may have.
    :raises RefusedError: it is no path of a report, or no plain file, or too large.
    """
    if not 0 < len(path) <= _MAX_PATH or not path.isprintable():
        raise RefusedError("the path is empty, too long, or has characters that cannot be printed")
    storage = AirflowStorage()
    # Airflow knows the disk by two schemes.
    local = Path(path.partition("://")[2]) if urlsplit(path).scheme == "local" else storage.local_path(path)
    if local is None:
        # Airflow opens only the stores that it has a file system for, with the Connection in the path.
        if most is not None and storage.size(path) > most:
            raise RefusedError("the file is too large")
        return storage.open(path, "rb")
    if not local.is_absolute() or ".." in local.parts:
        raise RefusedError("the path does not begin at the disk's root, or has a part ..")
    return _open_local(str(local), most)


def _open_local(path: str, most: int | None) -> IO[bytes]:
    # Not a link, and without waiting for who writes into a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise RefusedError("it is not a plain file")
        if most is not None and found.st_size > most:
            raise RefusedError("the file is too large")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
