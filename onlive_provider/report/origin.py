"""Where a report came from, as its page says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The task instance that wrote a report, and when and where it did.

    :param map_index: of a mapped task, from 0; ``None`` of any other.
    :param try_number: from 1.
    :param task_url: where Airflow shows the task instance; ``None`` where that is not known.
    :param timezone: name of the IANA time zone in which the page shows times, where a season says no other; ``None``
        for that of the reader's browser.
    :param report_path: path or URL of the report. The page links to the file of its name beside it.
    :param written_at: when the report was written, in seconds since 1970.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int | None = None
    try_number: int | None = None
    task_url: str | None = None
    timezone: str | None = None
    report_path: str | None = None
    written_at: float | None = None

    def facts(self) -> Mapping[str, str]:
        """Return what the page says of the task, name to text."""
        names = {"DAG": self.dag_id, "Run": self.run_id, "Task": self.task_id}
        facts = {name: text for name, text in names.items() if text}
        if self.map_index is not None:
            facts["Map index"] = str(self.map_index)
        if self.try_number is not None:
            facts["Try"] = str(self.try_number)
        return facts

    def as_json(self) -> dict[str, Any]:
        """Return the origin as the page's script reads it, without empty members."""
        path = self.report_path
        if path is not None and "://" in path:
            path = path.partition("?")[0]  # A query may be a signature.
        written = self.written_at
        # Only these two: a link of another scheme could run a script.
        is_link = self.task_url is not None and self.task_url.startswith(("http://", "https://"))
        data = {
            "url": self.task_url if is_link else None,
            "timezone": self.timezone,
            "path": path,
            "file": path and path.rpartition("/")[2],
            "written": None if written is None else datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds"),
        }
        return {name: value for name, value in data.items() if value is not None}
