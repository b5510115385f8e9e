"""Which failures of a disk or a store may be over at another try, and which are a mistake in a path or a permission."""

from __future__ import annotations

import errno

_LASTING = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
_LASTING_NUMBERS = (errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG, errno.ENODEV, errno.ENXIO, errno.EROFS)
_AWAY = (408, 425, 429)


def is_away(error: BaseException | None) -> bool:
    """Whether a store gave no answer, or says to come again, or a disk is full: another try may succeed."""
    for _ in range(10):
        if error is None or isinstance(error, ImportError | ValueError):
            return False
        status = status_of(error)
        if status is not None:
            return status in _AWAY or status >= 500
        if isinstance(error, OSError):
            return not isinstance(error, _LASTING) and error.errno not in _LASTING_NUMBERS
        error = error.__cause__ or error.__context__
    return False


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that a store's client put into its error, whichever client it is."""
    response = getattr(error, "response", None)
    answer = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    found = (answer, *(getattr(error, name, None) for name in ("status", "status_code", "code")))
    return next((each for each in found if isinstance(each, int)), None)


def reason_of(error: BaseException) -> str:
    """Return why a file cannot be used: never the text of an error that may hold a row or a signed URL."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    status = status_of(error)
    return f"{type(error).__name__}{'' if status is None else f' (status {status})'}"
