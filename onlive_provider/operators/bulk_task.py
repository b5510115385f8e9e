"""What every task over many records has in common: the run, its progress, its report, and red or green."""

from __future__ import annotations

import hashlib
import json
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, Stats

from onlive_provider.errors import OnliveError, OnlivePayloadError
from onlive_provider.hooks.arguments import ArgumentReader
from onlive_provider.hooks.fail_fast import failing_fast
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.storage import AirflowStorage

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from onlive_provider.bulk.allowed_failures import AllowedFailures
    from onlive_provider.bulk.background import Background
    from onlive_provider.bulk.memory import Memory
    from onlive_provider.bulk.progress import Progress
    from onlive_provider.bulk.rows import BadRow, Row
    from onlive_provider.bulk.run import BulkRun, Worklist
    from onlive_provider.bulk.tally import Tally
    from onlive_provider.client.settings import Settings
    from onlive_provider.report.outcomes import Counts

PROGRESS_EVERY = 10.0
"""Seconds between two lines of progress."""
SAVE_EVERY = 2.0
"""Seconds between two savings of what a retry needs; more where a saving takes long."""
_SAVING_SHARE = 20
_LOOK_EVERY = 0.2


@dataclass(frozen=True)
class Input:
    """What a task works on.

    :param rows: in the order of their index, from 0.
    :param worklist: what is to be done with each row.
    :param fingerprint: tells this input and these options from others.
    :param total: how many rows there are, where that is known.
    :param read_share: returns how much of the input was read, from 0 to 1, where the total is not known.
    """

    rows: Iterator[Row | BadRow]
    worklist: Worklist
    fingerprint: str
    total: int | None = None
    read_share: Callable[[], float] = lambda: 0.0


def fingerprint_of(value: object) -> str:
    """Return what tells an input and its options from others, of JSON or nearly JSON."""
    return hashlib.sha256(json.dumps(value, default=str, skipkeys=True).encode()).hexdigest()


class BulkTaskOperator(BaseOperator):
    """Base of the operators over many records; see the operators built on it for the parameters."""

    template_fields: Sequence[str] = ("onlive_conn_id", "plan_only", "allowed_failures", "report_path")
    template_ext: Sequence[str] = ()
    ui_color = "#dcebf5"
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(concurrency, int) or not 1 <= concurrency <= 256:
            raise ValueError(f"concurrency: {concurrency!r} is not accepted; accepted are whole numbers from 1 to 256")
        if isinstance(xcom_fields, str):
            raise TypeError(f"xcom_fields: {xcom_fields!r} is one string; accepted is a list of field names")
        self.onlive_conn_id = onlive_conn_id
        self.plan_only = plan_only
        self.allowed_failures = allowed_failures
        self.concurrency = concurrency
        self.report_path = report_path
        self.report_personal_data = report_personal_data
        self.xcom_fields = xcom_fields
        self._run: BulkRun | None = None
        self._killed = False

    @abstractmethod
    def read_input(self, arguments: ArgumentReader) -> Input:
        """Check the operator's own arguments and return the rows and what is to be done with each.

        To call ``arguments.finish()`` before it returns, so that every argument that cannot be used is told at once.
        """

    def report_destination(self) -> str | None:
        """Return where the report goes, if one was asked for.

        :raises OnlivePayloadError: it is no path of a file.
        """
        if self.report_path is None:
            return None
        path = str(self.report_path)
        if path in ("", "None") or path.endswith(("/", ".html")):
            message = (
                f"got {path!r}; accepted: the path or URL of a file; the report's page goes beside it, ending in .html"
            )
            raise OnlivePayloadError.of("report_path", message)
        return path

    def read_plan_only(self, arguments: ArgumentReader) -> bool | None:
        """Read the switch as a template may have left it."""
        from onlive_provider.models.patch import parse_flag

        return arguments.read(lambda: parse_flag(self.plan_only, "plan_only"))

    def execute(self, context: Context) -> dict[str, Any]:
        """Give every row its outcome, store the report, and return the counts."""
        from onlive_provider.bulk.allowed_failures import AllowedFailures

        with failing_fast():
            arguments = ArgumentReader()
            limit = arguments.read(lambda: AllowedFailures.read(self.allowed_failures, "allowed_failures"))
            report_path = arguments.read(self.report_destination)
            work = self.read_input(arguments)
            assert limit is not None
            settings = OnliveHook(self.onlive_conn_id).get_settings()
            result = self._work(context, work, settings, limit, report_path).result(report_path)
        if self.xcom_fields is None:
            return result
        return {name: result[name] for name in self.xcom_fields if name in result}

    def on_kill(self) -> None:
        """Stop between records: those in work finish, the others are left alone, and the report is stored."""
        self._killed = True
        if self._run is not None:
            self._run.stop()

    def _work(
        self, context: Context, work: Input, settings: Settings, limit: AllowedFailures, report_path: str | None
    ) -> Tally:
        """Run, and leave the report behind whatever happens.

        :raises OnliveRecordsFailedError: more failed than allowed.
        :raises OnliveStoppedError: the task was told to stop before it was done.
        """
        from onlive_provider.bulk.background import Background
        from onlive_provider.bulk.progress import Progress
        from onlive_provider.bulk.run import BulkRun
        from onlive_provider.bulk.tally import Tally

        tally = Tally()
        memory = self._memory(context, work, report_path)
        run = self._run = BulkRun(work.worklist, work.rows, memory, concurrency=self.concurrency, tell=tally.add)
        began = time.monotonic()
        progress = Progress(work.total, settings, began)
        again = True
        try:
            with Background(run, settings, concurrency=self.concurrency) as background:
                self._watch(background, run, memory, work, tally, progress)
            run.close()
            tally.retry_after = run.retry_after
            error = self._error(tally, limit, report_path)
            again = error is not None and error.retryable
        except OnliveError as unusable:
            again = unusable.retryable
            raise
        finally:
            run.close()
            details = self._details(context, run.reads, run.writes, time.monotonic() - began)
            memory.finish(title=f"{self.task_id}: outcomes", details=details, again=again)
            self._tell_end(tally, details, report_path)
        if error is not None:
            raise error
        return tally

    def _watch(
        self, background: Background, run: BulkRun, memory: Memory, work: Input, tally: Tally, progress: Progress
    ) -> None:
        """Wait for the end of the run, tell how far it is, and save what a retry needs."""
        next_line, next_save = time.monotonic() + PROGRESS_EVERY, time.monotonic() + SAVE_EVERY
        while not self._killed and not background.wait(_LOOK_EVERY):
            now = time.monotonic()
            if now >= next_line:
                next_line = now + PROGRESS_EVERY
                line = progress.line(
                    tally.counts,
                    recalled=run.recalled,
                    reads=run.reads,
                    writes=run.writes,
                    read_share=work.read_share(),
                    now=now,
                )
                self.log.info("%s", line)
                self._gauge(tally.counts)
            if now >= next_save:
                try:
                    memory.save()
                except Exception as error:
                    self.log.warning("What a retry needs could not be saved: %s", type(error).__name__)
                took = time.monotonic() - now
                next_save = now + max(SAVE_EVERY, _SAVING_SHARE * took)

    def _memory(self, context: Context, work: Input, report_path: str | None) -> Memory:
        from onlive_provider.bulk.checkpoint import Checkpoint
        from onlive_provider.bulk.journal import Journal

        ti: Any = context["ti"]
        # Airflow raises `max_tries` when a task is cleared, and at no retry.
        names = ("dag_id", "run_id", "task_id", "map_index", "max_tries")
        identity = {**{name: getattr(ti, name, None) for name in names}, "input": work.fingerprint}
        if report_path is None:
            store: Any = context.get("task_state_store")
            return Checkpoint(store, identity)
        return Journal(self.storage, report_path, identity, personal_data=self.report_personal_data)

    def _error(self, tally: Tally, limit: AllowedFailures, report_path: str | None) -> OnliveError | None:
        from onlive_provider.errors import OnliveStoppedError

        if self._killed and tally.counts.not_attempted:
            return OnliveStoppedError(f"the task was told to stop; its outcomes so far: {tally.words()}")
        return tally.error(limit, report_path)

    def _details(self, context: Context, reads: int, writes: int, seconds: float, **more: str) -> dict[str, str]:
        """Return what the report's page says of the task.

        :param more: what it says besides.
        """
        ti: Any = context["ti"]
        return {
            "DAG": str(getattr(ti, "dag_id", self.dag_id)),
            "Run": str(getattr(ti, "run_id", "")),
            "Task": self.task_id,
            **more,
            "Calls": f"{reads:,} reads and {writes:,} writes",
            "Time": f"{seconds:.1f} s",
        }

    def _tell_end(self, tally: Tally, details: Mapping[str, str], report_path: str | None) -> None:
        self._gauge(tally.counts)
        told = tally.words(), details["Calls"], details["Time"], report_path or "none"
        self.log.info("Outcomes: %s; %s in %s; report: %s", *told)

    def _gauge(self, counts: Counts) -> None:
        for name, number in counts.as_json().items():
            Stats.gauge(f"onlive.bulk.{name}", number, tags={"dag_id": self.dag_id, "task_id": self.task_id})
