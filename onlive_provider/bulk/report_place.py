"""Where a report goes, with its page and its working file."""

from __future__ import annotations

from collections.abc import Mapping

from onlive_provider.bulk.lease import ENDING as LOCK_ENDING
from onlive_provider.bulk.leased_place import LeasedPlace
from onlive_provider.bulk.working_file import ENDING as WORKING_ENDING


class ReportPlace(LeasedPlace):
    """A report's path or URL, with the lease that lets this process write to guests for it."""

    what = "report"

    @property
    def page_path(self) -> str:
        """Where the report's page goes."""
        return page_path(self.path)

    def stored(self) -> list[str]:
        """Return the files that are replaced as a whole."""
        return [self.path, self.page_path]

    def written(self) -> list[str]:
        """Return all files that are written there."""
        return list(files_of(self.path))


def files_of(report_path: str) -> Mapping[str, str]:
    """Return the files that a task with a report writes: path to what stands there, in words."""
    return {
        report_path: "the task's report",
        page_path(report_path): "the page of the task's report",
        report_path + WORKING_ENDING: "the working file of the task's report",
        report_path + LOCK_ENDING: "the lock of the task's report",
    }


def page_path(report_path: str) -> str:
    """Return where a report's page goes: beside it, ending in ``.html``."""
    stem, dot, ending = report_path.rpartition(".")
    return f"{stem if dot and '/' not in ending else report_path}.html"
