"""One try of a task over many records, from its first run to its report and its error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.background import Background
from onlive_provider.bulk.memory import Memory, TaskEnd
from onlive_provider.bulk.plan_file import PlanHead
from onlive_provider.bulk.progress import Progress
from onlive_provider.bulk.report_place import page_path
from onlive_provider.bulk.run import BulkRun
from onlive_provider.bulk.summary import Summary
from onlive_provider.bulk.tracing import SpanName, traced
from onlive_provider.client.aio import WaitingClock
from onlive_provider.client.settings import Settings
from onlive_provider.errors import OnliveError, OnliveReportPlaceError, OnliveReportTakenError
from onlive_provider.privacy import hide_personal_data
from onlive_provider.report.origin import Origin
from onlive_provider.report.outcomes import Counts, Outcome

PROGRESS_EVERY = 10.0
"""Seconds between two lines of progress."""
SAVE_EVERY = 2.0
"""Seconds between two savings of what a retry needs; more where a saving is dear, or takes long."""
_SAVING_SHARE = 20
_LOOK_EVERY = 0.2

_log = logging.getLogger(__name__)


class Collector(Protocol):
    """Takes the outcome that stands of each row, and leaves something behind at the end of the try."""

    def add(self, outcome: Outcome) -> None:
        """Take one outcome, in no particular order."""

    def finish(self) -> None:
        """Store what was collected. Called once, after the report was stored, however the try ends.

        It is not called where a later try has taken over the report: what is stored is left to that one, too.

        :raises OnliveError: it cannot be stored.
        """


class Work(Protocol):
    """What a task is to do."""

    @property
    def fingerprint(self) -> str:
        """A hash of the input and the options: a retry goes on only where both are the same."""

    @property
    def summary(self) -> Summary:
        """What counts the outcomes."""

    @property
    def collectors(self) -> Sequence[Collector]:
        """What takes the outcomes besides."""

    def carry_out(self, task: TaskRun) -> None:
        """Carry out one run or several, and record the outcome of every row.

        Implementations set :attr:`TaskRun.cut_short` when the task is asked to stop before they are done.
        """


class TaskRun:
    """Carries out the runs of a task inside a ``with`` block, and stores its report at the block's end.

    However the block ends, the report is stored and it is decided whether a retry may go on from here. If the block
    itself raised nothing, the summary's error, if there is one, is raised then.

    ``reads`` and ``writes`` count the calls that were sent, ``is_stopped`` says whether the task was asked to stop,
    ``cut_short`` whether it was before all was done.

    :param summary: counts the outcomes, and knows which error they amount to.
    :param memory: what earlier tries did, and where this one keeps what it does.
    :param limit: how many rows may fail.
    :param concurrency: how many records are worked on at once.
    :param report_path: where the report goes, if one was asked for.
    :param title: of the report's page.
    :param origin: the task that this is a try of, for the report's page.
    :param on_progress: called with the counts every few seconds and at the end.
    :param collectors: what takes the outcomes besides the summary.
    :param clock: where the time comes from and how it is waited for; the machine's by default.
    :param log: the task's logger, whose lines are shown in the task's log in every Airflow.
    """

    def __init__(
        self,
        summary: Summary,
        memory: Memory,
        settings: Settings,
        *,
        limit: Allowance,
        concurrency: int,
        report_path: str | None,
        title: str,
        origin: Origin,
        on_progress: Callable[[Counts], None],
        collectors: Sequence[Collector] = (),
        clock: WaitingClock | None = None,
        log: Any = _log,
    ) -> None:
        self.summary = summary
        self.memory = memory
        self.limit = limit
        self.concurrency = concurrency
        self.log = log
        self.is_stopped = self.cut_short = False
        self._settings = settings
        self._clock = clock
        self._report_path = report_path
        self._title = title
        self._origin = origin
        self._on_progress = on_progress
        self._collectors = collectors
        self._run: BulkRun | None = None
        self.reads = self.writes = 0
        self._began = time.monotonic()

    def __enter__(self) -> TaskRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        error = raised
        if error is None:
            remembers = self.memory.remembers
            error = self.summary.error(self.limit, self._report_path, cut_short=self.cut_short, remembers=remembers)
        calls = f"{self.reads:,} reads and {self.writes:,} writes"
        seconds = f"{time.monotonic() - self._began:.1f} s"
        try:
            end = TaskEnd(
                title=self._title,
                details={**self._kind(), **self.summary.details(), "Calls": calls, "Time": seconds},
                again=error is not None and (error.retryable if isinstance(error, OnliveError) else True),
                origin=replace(self._origin, report_path=self._report_path, written_at=self._now()),
                error=None if error is None else _in_a_line(error),
                seasons=self.summary.seasons(),
                plan=self._plan(),
            )
            self.memory.finish(end)
        except OnliveReportPlaceError as unstored:
            if raised is not None:
                self.log.error("%s", unstored)
            else:
                error = unstored
        for each in () if isinstance(raised, OnliveReportTakenError) else self._collectors:
            try:
                each.finish()
            except OnliveError as unstored:
                self.log.error("%s", unstored)
                error = unstored if error is None else _with(error, unstored)
        self._on_progress(self.summary.counts)
        counts, path = self.summary.counts_text(), self._report_path
        report = "none" if path is None else f"{path}; page: {page_path(path)}"
        self.log.info("Outcomes: %s; %s in %s; report: %s", counts, calls, seconds, report)
        told = self.summary.told() if error is not None else []
        if not set(told) <= set(str(error).splitlines()):
            self.log.error("%s", "\n".join(["Failed:", *told]))
        if raised is None and error is not None:
            raise error

    def stop(self) -> None:
        """Let the records in progress finish, and leave the others alone. Any thread or signal handler may call it."""
        self.is_stopped = True
        if self._run is not None:
            self._run.stop()

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome of this try, and hand it on."""
        self.memory.record(outcome)
        self.take(outcome)

    def take(self, outcome: Outcome) -> None:
        """Hand on an outcome that stands: to the summary and to whatever else collects outcomes."""
        self.summary.add(outcome)
        for each in self._collectors:
            each.add(outcome)

    def run(
        self,
        run: BulkRun,
        *,
        total: int | None = None,
        read_share: Callable[[], float] = lambda: 0.0,
        name: str = "",
        span: SpanName,
        about: Mapping[str, int | str] | None = None,
    ) -> None:
        """Carry out a run until every row has its outcome. After a stop, rows that were not begun are not attempted.

        :param total: how many rows there are, where that is known.
        :param read_share: returns how much of the input was read, from 0 to 1, where the total is not known.
        :param name: what the lines of progress begin with, where there are several runs over the same rows.
        :param span: what the run is called in a trace.
        :param about: what its span says of it besides.
        """
        with traced(span, about or {}) as traced_span:
            try:
                self._carry_out(run, Progress(total, self._settings, time.monotonic(), name), read_share)
            finally:
                numbers = {"reads": run.reads, "writes": run.writes, **run.counts.as_json()}
                traced_span.set_attributes({f"onlive.{key}": number for key, number in numbers.items()})

    def _carry_out(self, run: BulkRun, progress: Progress, read_share: Callable[[], float]) -> None:
        self._run = run
        if self.is_stopped:
            run.stop()
        try:
            with Background(run, self._settings, concurrency=self.concurrency, clock=self._clock) as background:
                self._watch(background, run, progress, read_share)
        finally:
            run.close()
            self.summary.retry_after = run.breaker.retry_after or self.summary.retry_after
            if run.breaker.stop is not None:
                self.summary.stop = self.summary.stop or run.breaker.stop
                self.log.error("%s", run.breaker.stop.sentence)
            self.reads += run.reads
            self.writes += run.writes

    def _kind(self) -> Mapping[str, str]:
        """Return what the report's page says of a report that is a plan."""
        if self.summary.plan is None:
            return {}
        return {"Saved plan": f"nothing was sent; ApplyPlanOperator applies it: plan_path={self._report_path!r}"}

    def _plan(self) -> PlanHead | None:
        plan = self.summary.plan
        made_at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds")
        address, object_updates = self._settings.base_url, self._settings.object_updates
        return plan and replace(plan, made_at=made_at, address=address, object_updates=object_updates)

    def _now(self) -> float:
        return time.time() if self._clock is None else self._clock.time()

    def _watch(self, background: Background, run: BulkRun, progress: Progress, read_share: Callable[[], float]) -> None:
        """Wait for the end of the run, log how far it is, and save what a retry needs."""
        saving_pause = max(SAVE_EVERY, self.memory.saving_pause)
        next_line, next_save = time.monotonic() + PROGRESS_EVERY, time.monotonic() + saving_pause
        while not self.is_stopped and not background.wait(_LOOK_EVERY):
            now = time.monotonic()
            if now >= next_line:
                next_line = now + PROGRESS_EVERY
                numbers = {"recalled": run.recalled, "reads": run.reads, "writes": run.writes}
                self.log.info("%s", progress.line(run.counts, **numbers, read_share=read_share(), now=now))
                self._on_progress(self.summary.counts_so_far)
            if now >= next_save:
                try:
                    self.memory.save()
                except OnliveReportTakenError:
                    raise
                except Exception as error:
                    self.log.warning("The state for a retry could not be saved: %s", type(error).__name__)
                took = time.monotonic() - now
                next_save = now + max(saving_pause, _SAVING_SHARE * took)


def _with(error: BaseException, unstored: OnliveError) -> BaseException:
    """Return an error of the task that also says what could not be stored."""
    if isinstance(error, OnliveError) and error.args:
        error.args = (f"{error.args[0]}\n{unstored}", *error.args[1:])
    return error


def _in_a_line(error: BaseException) -> str:
    """Return an error's name and, of an error of ours, its first line without guests' data."""
    name = type(error).__name__
    first = str(error).partition("\n")[0] if isinstance(error, OnliveError) else ""
    return f"{name}: {hide_personal_data(first)}" if first else name
