"""The snapshot of a bulk task: its arguments, and the place that it takes before the task's first call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from onlive_provider.hooks.arguments import read_path
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk_task import WritingTaskOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from onlive_provider.bulk.memory import Memory
    from onlive_provider.bulk.report_place import ReportPlace
    from onlive_provider.bulk.snapshot import Snapshot
    from onlive_provider.bulk.task_run import Work
    from onlive_provider.client.settings import Settings

_LEAST_MAX_AGE = timedelta(minutes=1)


class SnapshotTaskOperator(WritingTaskOperator):
    """Base of the operators that may remember rows from one run to the next; see them for the parameters."""

    template_fields: Sequence[str] = ("snapshot_path", *WritingTaskOperator.template_fields)

    def __init__(
        self,
        *,
        snapshot_path: str | XComArg | None = None,
        snapshot_max_age: timedelta = timedelta(days=7),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(snapshot_max_age, timedelta) or snapshot_max_age < _LEAST_MAX_AGE:
            raise ValueError(
                f"snapshot_max_age: {snapshot_max_age!r} is not accepted; accepted is a timedelta of a minute or more, "
                "such as timedelta(days=7)"
            )
        self.snapshot_path = snapshot_path
        self._has_snapshot_path = snapshot_path is not None
        self.snapshot_max_age = snapshot_max_age

    @abstractmethod
    def row_options(self) -> Sequence[object]:
        """Return what a row's meaning depends on besides the row and the Connection, as JSON."""

    def other_paths(self) -> Sequence[str]:
        """Return the files that the task writes besides report and snapshot."""
        return ()

    def snapshot_destination(self) -> str | None:
        """Return where the snapshot is, if there is to be one.

        :raises OnlivePayloadError: it is no path of a file.
        """
        return read_path(self.snapshot_path, "snapshot_path") if self._has_snapshot_path else None

    def result_fields(self) -> Sequence[str]:
        """Return the names in the task's result."""
        names = super().result_fields()
        return (*names, "from_snapshot") if self._has_snapshot_path else names

    def _begin(
        self, context: Context, work: Work, place: ReportPlace | None, settings: Settings
    ) -> tuple[Work, Memory]:
        """Return the work, and the memory of the run, ready for the first call."""
        from onlive_provider.bulk.snapshot_use import SnapshotMemory, with_snapshot
        from onlive_provider.bulk.work import BulkWork

        path = self.snapshot_destination()
        if path is None:
            return super()._begin(context, work, place, settings)
        assert isinstance(work, BulkWork)
        # Before the report's file is begun: the snapshot may have to read what is there.
        snapshot = self._open_snapshot(context, path, place, settings)
        try:
            begun, memory = super()._begin(context, with_snapshot(work, snapshot), place, settings)
            memory.flush()  # Where there is a mark, there is what says what was written.
            snapshot.begin(None if place is None else place.path, self._identity(context, work.fingerprint))
        except BaseException:
            snapshot.release()
            raise
        return begun, SnapshotMemory(memory, snapshot.place.lease)

    def _open_snapshot(self, context: Context, path: str, report: ReportPlace | None, settings: Settings) -> Snapshot:
        """Take the right to write the snapshot, and read it."""
        from onlive_provider.bulk.snapshot import Snapshot
        from onlive_provider.bulk.snapshot_place import SnapshotPlace
        from onlive_provider.client.sync import SleepingClock

        clock = OnliveHook.clock or SleepingClock()
        others = [*(() if report is None else (report.path, report.page_path)), *self.other_paths()]
        place = SnapshotPlace(self.storage, path, self._owner(context), clock, self.source_paths(), others)
        try:
            connection = [settings.base_url, settings.credentials.access_key_id, settings.object_updates]
            meaning = [*self.row_options(), *connection]
            return Snapshot(place, meaning, int(self.snapshot_max_age.total_seconds()), clock)
        except BaseException:
            place.release()
            raise
