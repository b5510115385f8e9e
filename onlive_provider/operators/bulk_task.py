"""What every operator over many records has in common: its arguments, what Airflow hands it, and how it is stopped."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, Stats

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.hooks.arguments import ArgumentReader, read_path, rendered_to_nothing, shown_path
from onlive_provider.hooks.fail_fast import failing_fast
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.links import LINK_XCOM, REPORT_XCOM, OnliveReportLink, report_link, shared_path
from onlive_provider.operators.asset_events import AssetEvents
from onlive_provider.operators.label import BulkLabel, set_label
from onlive_provider.operators.masking import WithoutFrames, unveil
from onlive_provider.operators.storage import AirflowStorage
from onlive_provider.operators.xcom import narrow, refuse_one_string, refused_xcom_fields

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from onlive_provider.bulk.brake import Brake
    from onlive_provider.bulk.lease import Owner
    from onlive_provider.bulk.memory import Memory
    from onlive_provider.bulk.report_place import ReportPlace
    from onlive_provider.bulk.task_run import TaskRun, Work
    from onlive_provider.client.settings import Settings
    from onlive_provider.report.outcomes import Counts

_MAX_PAUSE = 1.0
"""Seconds that an announced write waits at most for others, where the report is in an object store."""


class BulkTaskOperator(BaseOperator):
    """Base of the operators over many records; see the operators built on it for the parameters."""

    template_fields: Sequence[str] = ("onlive_conn_id", "plan_only", "allowed_failures", "report_path")
    template_ext: Sequence[str] = ()
    ui_color = "#dcebf5"
    operator_extra_links = (OnliveReportLink(),)
    report_link = ""
    """Where the report's page can be opened, once the task has begun; ``""`` if nowhere."""
    storage = AirflowStorage()

    def __init__(
        self,
        *,
        onlive_conn_id: str = OnliveHook.default_conn_name,
        plan_only: bool | str = False,
        allowed_failures: int | str = 0,
        concurrency: int = 16,
        report_path: str | XComArg | None = None,
        report_personal_data: bool = False,
        xcom_fields: Collection[str] | None = None,
        xcom_personal_data: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(concurrency, int) or not 1 <= concurrency <= 256:
            raise ValueError(f"concurrency: {concurrency!r} is not accepted; accepted are whole numbers from 1 to 256")
        refuse_one_string(xcom_fields)
        self.onlive_conn_id = onlive_conn_id
        self.plan_only = plan_only
        self.allowed_failures = allowed_failures
        self.concurrency = concurrency
        self.report_path = report_path
        self._has_report_path = report_path is not None
        self.report_personal_data = report_personal_data
        self.xcom_fields = xcom_fields
        self.xcom_personal_data = xcom_personal_data
        self._task_run: TaskRun | None = None
        self._killed = False

    @abstractmethod
    def read_work(self, arguments: ArgumentReader) -> Work:
        """Check the operator's own arguments and return what is to be done.

        Implementations must call ``arguments.finish()`` before returning, so that all arguments that cannot be used
        are reported together.
        """

    def report_destination(self) -> str | None:
        """Return where the report goes, if one was asked for.

        :raises OnlivePayloadError: it is no path of a file.
        """
        if not self._has_report_path:
            return None
        path = read_path(self.report_path, "report_path")
        if path.endswith(".html"):
            message = (
                f"got {shown_path(path)!r}; accepted: another ending, because the report's page goes beside it as .html"
            )
            raise OnlivePayloadError.of("report_path", message)
        return path

    def result_fields(self) -> Sequence[str]:
        """Return the names in the task's result."""
        from onlive_provider.bulk.summary import Summary

        return Summary.result_fields

    def read_plan_only(self, arguments: ArgumentReader) -> bool | None:
        """Read the switch as a template may have left it."""
        from onlive_provider.models.patch import parse_flag

        return arguments.read(lambda: parse_flag(self.plan_only, "plan_only"))

    def execute(self, context: Context) -> dict[str, Any]:
        """Give every row its outcome, store the report, and return the counts."""
        from onlive_provider.bulk.allowance import Allowance
        from onlive_provider.bulk.task_run import TaskRun
        from onlive_provider.operators.origin import origin_of

        unveil(self)
        self.report_link = ""
        set_label(context, "failed")
        with WithoutFrames(), failing_fast():
            arguments = ArgumentReader()
            limit = arguments.read(lambda: Allowance.read(self.allowed_failures, "allowed_failures"))
            report_path = arguments.read(self.report_destination)
            arguments.refuse(*refused_xcom_fields(self.xcom_fields, self.result_fields(), is_open=False))
            place = arguments.read(lambda: self._take_place(context, report_path))
            try:
                work = self.read_work(arguments)
                assert limit is not None
                settings = OnliveHook(self.onlive_conn_id).get_settings()
                work, memory = self._begin(context, work, place, settings)
            except BaseException:
                if place is not None:
                    place.release()
                raise
            events = AssetEvents(self.outlets, settings.base_url, context)
            task = self._task_run = TaskRun(
                work.summary,
                memory,
                settings,
                limit=limit,
                concurrency=self.concurrency,
                report_path=report_path,
                title=f"{self.task_id}: outcomes",
                origin=origin_of(context["ti"], self.shown_timezone()),
                on_progress=self._gauge,
                collectors=[*work.collectors, *([events] if events.are_wanted else [])],
                clock=OnliveHook.clock,
                log=self.log,
            )
            if self._killed:
                task.stop()
            try:
                with BulkLabel(context, work.summary), task:
                    self._push_report(context["ti"], report_path, settings)
                    work.carry_out(task)
            except Exception:
                self._push_result(context["ti"], task, report_path)
                raise
            finally:
                self._count_calls(task)
            events.emit(self, context)
            return self._result(task, report_path)

    def on_kill(self) -> None:
        """Stop between records: those in progress finish, the others are left alone, and the report is stored."""
        self._killed = True
        if self._task_run is not None:
            self._task_run.stop()

    def source_paths(self) -> Sequence[str]:
        """Return the files that the task reads."""
        return ()

    def shown_timezone(self) -> str | None:
        """Return the zone in which the report's page shows times, if the author named one."""
        return None

    def _push_report(self, ti: Any, report_path: str | None, settings: Settings) -> None:
        """Tell Airflow where the report will be, before the first call: the task may be killed, or fail."""
        if report_path is None:
            return
        path = shared_path(self.storage, report_path)
        self.report_link = report_link(ti, path, settings.report_base_url)
        ti.xcom_push(key=REPORT_XCOM, value=path)
        ti.xcom_push(key=LINK_XCOM, value=self.report_link)

    def _result(self, task: TaskRun, report_path: str | None) -> dict[str, Any]:
        return narrow(task.summary.result(report_path, personal_data=self.xcom_personal_data), self.xcom_fields)

    def _push_result(self, ti: Any, task: TaskRun, report_path: str | None) -> None:
        """Store the result of a failed task, which Airflow does not; what the task failed with matters more."""
        if not self.do_xcom_push:
            return
        try:
            from airflow.providers.common.compat.sdk import XCOM_RETURN_KEY  # Airflow 3.0 loads aiohttp with it

            result = self._result(task, report_path)
            members = result if getattr(self, "multiple_outputs", False) else {}
            for name, value in {**members, XCOM_RETURN_KEY: result}.items():
                ti.xcom_push(key=name, value=value)
        except Exception as error:
            self.log.warning("The counts of the failed task could not be stored as an XCom: %s", type(error).__name__)

    def _take_place(self, context: Context, report_path: str | None) -> ReportPlace | None:
        """Try the report's place, and take the right to write there."""
        from onlive_provider.bulk.report_place import ReportPlace
        from onlive_provider.client.sync import SleepingClock

        if report_path is None:
            return None
        clock = OnliveHook.clock or SleepingClock()
        return ReportPlace(self.storage, report_path, self._owner(context), clock, self.source_paths())

    def _owner(self, context: Context) -> Owner:
        """Return who writes what only one task at a time may write."""
        from onlive_provider.bulk.lease import Owner

        ti: Any = context["ti"]
        task = {name: getattr(ti, name, None) for name in ("dag_id", "run_id", "task_id", "map_index")}
        return Owner(task, getattr(ti, "try_number", None) or 1)

    def _begin(
        self, context: Context, work: Work, place: ReportPlace | None, settings: Settings
    ) -> tuple[Work, Memory]:
        """Return the work, and the memory of the run, ready for the first call."""
        return work, self._memory(context, work.fingerprint, place, settings)

    def _identity(self, context: Context, fingerprint: str) -> dict[str, Any]:
        """Return JSON that is the same for every try of this task run on one input, and for no other."""
        # Airflow raises `max_tries` when a task is cleared, and at no retry.
        names = ("dag_id", "run_id", "task_id", "map_index", "max_tries")
        return {**{name: getattr(context["ti"], name, None) for name in names}, "input": fingerprint}

    def _memory(self, context: Context, fingerprint: str, place: ReportPlace | None, settings: Settings) -> Memory:
        from onlive_provider.bulk.checkpoint import Checkpoint
        from onlive_provider.bulk.journal import Journal

        identity = self._identity(context, fingerprint)
        if place is None:
            store: Any = context.get("task_state_store")
            return Checkpoint(store, identity)
        # So many announcements wait for each other that the budget is never waited for in vain.
        pause = min(_MAX_PAUSE, self.concurrency / (4 * settings.writes_per_minute / 60))
        return Journal(place, identity, personal_data=self.report_personal_data, pause=pause)

    def _count_calls(self, task: TaskRun) -> None:
        for name, number in (("reads", task.reads), ("writes", task.writes)):
            Stats.incr(f"onlive.{name}", number, tags={"dag_id": self.dag_id, "task_id": self.task_id})

    def _gauge(self, counts: Counts) -> None:
        for name, number in counts.as_json().items():
            Stats.gauge(f"onlive.bulk.{name}", number, tags={"dag_id": self.dag_id, "task_id": self.task_id})


class WritingTaskOperator(BulkTaskOperator):
    """Base of the operators that plan and write, and stop before the first write if too much would change."""

    template_fields: Sequence[str] = ("max_changes", *BulkTaskOperator.template_fields)

    def __init__(self, *, max_changes: int | str | XComArg | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_changes = max_changes
        self._has_max_changes = max_changes is not None

    def read_brake(self) -> Brake | None:
        """Return what stops the task if more records would change than its author allowed.

        :raises OnlivePayloadError: the limit cannot be used, or its template rendered to nothing.
        """
        from onlive_provider.bulk.allowance import Allowance
        from onlive_provider.bulk.brake import Brake

        if self.max_changes is None:
            if self._has_max_changes:
                raise rendered_to_nothing("max_changes")
            return None
        return Brake(Allowance.read(self.max_changes, "max_changes"))
