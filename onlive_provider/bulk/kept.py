"""Reports that are kept: a report that holds a written change is moved aside, and never written over.

``REPORT.1`` is the oldest, and the larger the number the newer. A kept file is a report, or the working file of a run
that did not come to its end.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable

from onlive_provider.bulk.place import writing_whole
from onlive_provider.bulk.storage import ReadableStorage, Storage

WRITES = (b'"outcome":"updated"', b'"sentAt":', b'{"writing":')
"""How a line begins or what it holds that tells of a write that was made, or may have been."""
_COPIED = 1 << 20


def kept_paths(storage: ReadableStorage, report_path: str) -> list[str]:
    """Return the kept files of a report, the oldest first."""
    folder, slash, name = report_path.rpartition("/")
    if not folder or folder.endswith(":/"):  # At the root of the disk, or of a store.
        folder += "/"
    pattern = re.compile(rf"{re.escape(name)}\.([1-9]\d{{0,8}})")
    found = (pattern.fullmatch(each) for each in storage.names(folder if slash else "."))
    numbers = sorted(int(match[1]) for match in found if match is not None)
    # A number after a gap is the name of something else, such as `report.2026`.
    return [f"{report_path}.{number}" for place, number in enumerate(numbers) if number == numbers[0] + place]


def next_kept_path(storage: Storage, report_path: str) -> str:
    """Return where the next file is kept."""
    kept = kept_paths(storage, report_path)
    number = int(kept[-1].rpartition(".")[2]) + 1 if kept else 1
    while _exists(storage, f"{report_path}.{number}"):  # A store may list late what was just put there.
        number += 1
    return f"{report_path}.{number}"


def holds_writes(lines: Iterable[bytes]) -> bool:
    """Whether a report, or a working file, tells of a write that was made or may have been made.

    A file that is neither holds what nobody knows, and counts as one that does.
    """
    for number, line in enumerate(lines):
        if any(sign in line for sign in WRITES) or (not number and not _is_ours(line)):
            return True
    return False


def keep_report(storage: Storage, report_path: str, page_path: str) -> str | None:
    """Move a report that holds a written change aside, with its page.

    :return: where it is kept, or ``None`` if there is none that has to be kept.
    """
    try:
        with storage.open(report_path, "rb") as report:
            if not holds_writes(report):
                return None
    except FileNotFoundError:
        return None
    path = next_kept_path(storage, report_path)
    move(storage, report_path, path)
    move(storage, page_path, f"{path}.html")
    return path


def move(storage: Storage, source: str, target: str) -> None:
    """Move a file, if it is there."""
    local, local_target = storage.local_path(source), storage.local_path(target)
    try:
        if local is not None and local_target is not None:
            os.rename(local, local_target)
            return
        with storage.open(source, "rb") as old, writing_whole(storage, target) as new:
            while block := old.read(_COPIED):
                new.write(block)
        storage.remove(source)
    except FileNotFoundError:
        return


def _exists(storage: Storage, path: str) -> bool:
    try:
        storage.open(path, "rb").close()
    except FileNotFoundError:
        return False
    return True


def _is_ours(line: bytes) -> bool:
    """Whether a file that begins with a line is a report or a working file."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        begins = (b'{"index":', b'{"identity":', b'{"plan":')
        return not line.endswith(b"\n") and line.startswith(begins)  # Cut off by a kill.
    return isinstance(data, dict) and ("identity" in data or "plan" in data or {"index", "outcome"} <= data.keys())
