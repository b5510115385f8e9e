"""Where a snapshot goes, and the mark beside it of a run that is under way.

``SNAPSHOT.begun`` is there from before a run's first call until its snapshot is stored. A run that finds one knows that
the run before did not come to its end, and where its report says what it wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from onlive_provider.bulk.kept import move, next_kept_path
from onlive_provider.bulk.lease import ENDING as LOCK_ENDING
from onlive_provider.bulk.leased_place import LeasedPlace
from onlive_provider.bulk.snapshot_table import BEGIN
from onlive_provider.bulk.working_file import flush_folder

ENDING = ".begun"


@dataclass(frozen=True)
class Mark:
    """A run that has begun.

    :param report_path: where its report says what it wrote; ``None`` where there is none.
    :param identity: JSON that is the same for every try of one task run on one input, and for no other.
    :param since: when its first try began, in seconds since the epoch.
    """

    report_path: str | None = None
    identity: Mapping[str, Any] | None = None
    since: int = 0

    def is_of(self, report_path: str | None, identity: Mapping[str, Any]) -> bool:
        """Whether an earlier try of the same run left it, with a report from which a retry goes on."""
        return report_path is not None and (self.report_path, self.identity) == (report_path, dict(identity))


class SnapshotPlace(LeasedPlace):
    """A snapshot's path or URL, with the lease that lets this process write to guests for it."""

    what = "snapshot"

    def stored(self) -> list[str]:
        """Return the files that are replaced as a whole."""
        return [self.path, self.path + ENDING]

    def written(self) -> list[str]:
        """Return all files that are written there."""
        return list(files_of(self.path))

    def store(self, blocks: Iterable[bytes]) -> None:
        """Put a snapshot in place of the one before, durably.

        :raises Exception: it cannot be written; the one before stands, or what stands is known to be damaged.
        """
        self._put(self.path, blocks)

    def keep_foreign(self) -> str | None:
        """Move what stands there aside, unless it is a snapshot, and return where it is kept."""
        with self.storage.open(self.path, "rb") as file:
            begin = file.read(len(BEGIN))
        if not begin or begin == BEGIN:
            return None
        kept = next_kept_path(self.storage, self.path)
        move(self.storage, self.path, kept)
        return kept

    def mark(self) -> Mark | None:
        """Return the mark of a run that did not come to its end, if there is one."""
        try:
            with self.storage.open(self.path + ENDING, "rb") as file:
                data = json.loads(file.read())
            return Mark(**data)
        except FileNotFoundError:
            return None
        except (RecursionError, TypeError, ValueError):
            return Mark()

    def set_mark(self, mark: Mark) -> None:
        """Put a mark in place of the one before, durably."""
        self._put(self.path + ENDING, [json.dumps(asdict(mark)).encode()])

    def remove_mark(self) -> None:
        """Remove the mark."""
        self.storage.remove(self.path + ENDING)

    def _put(self, path: str, blocks: Iterable[bytes]) -> None:
        with self.writing(path) as file:
            for block in blocks:
                file.write(block)
        local = self.storage.local_path(path)
        if local is not None:
            flush_folder(local.parent)


def files_of(snapshot_path: str) -> Mapping[str, str]:
    """Return the files that a task with a snapshot writes: path to what stands there, in words."""
    return {
        snapshot_path: "the task's snapshot",
        snapshot_path + ENDING: "the mark of the task's snapshot",
        snapshot_path + LOCK_ENDING: "the lock of the task's snapshot",
    }
