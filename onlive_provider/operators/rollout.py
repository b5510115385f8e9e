"""The operator that opens, closes or sets a season for many services, in batches."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from onlive_provider.errors import OnliveError, OnlivePayloadError
from onlive_provider.operators.bulk_task import BulkTaskOperator, Input, fingerprint_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from onlive_provider.bulk.allowed_failures import AllowedFailures
    from onlive_provider.bulk.memory import Memory
    from onlive_provider.bulk.tally import Tally
    from onlive_provider.client.settings import Settings
    from onlive_provider.operators.update import ArgumentReader
    from onlive_provider.report.outcomes import Outcome
    from onlive_provider.rollout.phase import Phase
    from onlive_provider.rollout.run import Rollout
    from onlive_provider.seasons import Season
    from onlive_provider.seasons.target import Mode, Target

_MODES = ("add", "remove", "replace")
_TARGETS = ("dateRanges", "restrictionDates")


class RolloutDateRangesOperator(BulkTaskOperator):
    """Open, close or set a season for many services: plan all, apply in batches, check each, put back what goes wrong.

    First every service is read and planned, and nothing is written; the plan stands in the log as a table. Then batch
    after batch is written, only services that differ and that nobody changed since the plan, and what was written is
    read again and compared. More failures than allowed, or a service that does not hold what was sent, stop the
    rollout; what was written is then put back, the last write first, but for services that somebody else changed since.

    Costs one read a service for the plan, and for each that differs two more reads and one write. A service that holds
    the season already costs no write. Ranges that the season does not touch are sent back as the server gave them.

    In the report ``before`` and ``after`` are those of the plan, whatever became of it: ``updated``, ``unchanged``,
    ``planned``, ``failed``, ``not_attempted``, or ``skipped`` for a service that was written and put back. It can be
    given to ``RevertUpdatesOperator``. With ``report_path`` a retry after a crash still knows what the first try wrote
    and what was there before; without one it takes that for unchanged.

    :param service_ids: UUIDs of the services: a list, text that holds one as JSON, or an upstream task's output.
        (templated)
    :param service_filter: instead of ``service_ids``: ``userGroupId``, ``typeId``, ``search`` (in the name), ``name``
        (exact), ``startDate``, ``endDate`` (by availability, ISO 8601 with an offset), all pages of what they select;
        ``{}`` means all services. Selecting none is an error. (templated)
    :param season: a :class:`~onlive_provider.seasons.Season`, its JSON, or a list of them. (templated)
    :param mode: ``add`` the seasons to what is there, ``remove`` them from it, or ``replace`` everything by them.
    :param target: what carries the seasons: the service's ``dateRanges``, or the ``restrictionDates`` (``include``) of
        its active calendars.
    :param batches: how far each batch reaches, the earlier ones included: shares such as ``"5%"`` or numbers of
        services. Which ones is decided by their ids, the same at every run. Services beyond the last batch are
        ``not_attempted``, and the task is green. (templated)
    :param revert_on_failure: whether what was written is put back when the rollout is stopped by failures.
    :param plan_only: read and plan, and send nothing; ``"true"`` works too. (templated)
    :param allowed_failures: how many services may fail: a number, or a share of all such as ``"5%"``. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param concurrency: how many services are worked on at once.
    :param report_path: path or URL of the report, JSON Lines, one line an outcome; beside it goes a page, ``.html``.
        (templated)
    :param report_personal_data: whether e-mail addresses, such as a calendar's id, may stand in the report.
    :param xcom_fields: keys of the result to return; all by default.
    :return: ``{"total", "updated", "unchanged", "skipped", "failed", "not_attempted", "planned", "failures": [at most
        20], "report_path", "batches": [{"size", "updated", ...}], "plan_table"}``.
    :raises OnlivePayloadError: an argument cannot be used, or no service is selected; nothing was sent.
    :raises OnliveRolloutFailedError: the rollout was stopped; Airflow does not retry.
    :raises OnliveRolloutToRetryError: the rollout was stopped by failures that may be over at Airflow's retry.
    """

    template_fields: Sequence[str] = (
        "service_ids",
        "service_filter",
        "season",
        "batches",
        *BulkTaskOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"service_ids": "json", "service_filter": "json"}

    def __init__(
        self,
        *,
        season: Season | Mapping[str, Any] | Sequence[Season | Mapping[str, Any]] | str | XComArg,
        service_ids: Sequence[str] | str | XComArg | None = None,
        service_filter: Mapping[str, str] | str | XComArg | None = None,
        mode: Mode = "add",
        target: Target = "dateRanges",
        batches: Sequence[str | int] | str | XComArg = ("100%",),
        revert_on_failure: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (service_ids is None) == (service_filter is None):
            raise ValueError("service_ids, service_filter: give one of the two")
        if mode not in _MODES:
            raise ValueError(f"mode: {mode!r} is not accepted; accepted are {', '.join(_MODES)}")
        if target not in _TARGETS:
            raise ValueError(f"target: {target!r} is not accepted; accepted are {', '.join(_TARGETS)}")
        self.season = season
        self.service_ids = service_ids
        self.service_filter = service_filter
        self.mode = mode
        self.target = target
        self.batches = batches
        self.revert_on_failure = revert_on_failure
        self._rollout: Rollout | None = None
        self._reads = self._writes = 0

    def read_input(self, arguments: ArgumentReader) -> Input:
        """Check the arguments, find the services, and return them with what is to be done first: nothing but a plan."""
        from onlive_provider.rollout.arguments import read_seasons, read_service_filter, read_service_ids
        from onlive_provider.rollout.batches import read_batches, split
        from onlive_provider.rollout.run import Rollout

        plan_only = self.read_plan_only(arguments)
        seasons = arguments.read(lambda: read_seasons(self.season, "season"))
        reaches = arguments.read(lambda: read_batches(self.batches, "batches"))
        ids: list[str] | None = None
        filters: dict[str, str] | None = None
        if self.service_ids is not None:
            ids = arguments.read(lambda: read_service_ids(self.service_ids, "service_ids"))
        else:
            filters = arguments.read(lambda: read_service_filter(self.service_filter, "service_filter"))
        arguments.finish()
        assert seasons is not None
        assert reaches is not None
        found = ids if ids is not None else self._list(filters or {})
        rollout = self._rollout = Rollout(
            ids=found,
            seasons=seasons,
            mode=self.mode,
            target=self.target,
            batches=split(found, reaches, "batches"),
            revert_on_failure=self.revert_on_failure,
            plan_only=bool(plan_only),
        )
        options = [self.mode, self.target, [str(reach) for reach in reaches], plan_only, self.revert_on_failure]
        told = [found, [season.as_json() for season in seasons], options]
        plan = rollout.plan_phase()
        return Input(iter(plan.rows), plan.worklist, fingerprint_of(told), len(found))

    def _list(self, filters: Mapping[str, str]) -> list[str]:
        """Return the ids of all services that a filter selects, one read for each 20."""
        from onlive_provider.hooks.onlive import OnliveHook

        with OnliveHook(self.onlive_conn_id).get_conn() as client:
            ids = sorted(service["id"] for service in client.iter_services(**filters))
        if not ids:
            raise OnlivePayloadError.of("service_filter", f"{json.dumps(filters)} selects no service")
        self.log.info("The filter %s selects %d services", json.dumps(filters), len(ids))
        return ids

    def _work(
        self, context: Context, work: Input, settings: Settings, limit: AllowedFailures, report_path: str | None
    ) -> Tally:
        """Carry out the rollout phase by phase, and leave the report behind whatever happens.

        :raises OnliveRolloutFailedError: it was stopped by failures.
        :raises OnliveStoppedError: the task was told to stop before it was done.
        """
        from onlive_provider.errors import OnliveStoppedError
        from onlive_provider.rollout.tally import RolloutTally

        rollout = self._rollout
        assert rollout is not None
        memory = self._memory(context, work, report_path)
        rollout.begin(limit, memory)
        tally = RolloutTally(rollout)
        self._reads = self._writes = 0
        self._retry_after: float | None = None
        began = time.monotonic()
        error: OnliveError | None = None
        again, is_cut_short = True, False
        try:
            is_cut_short = self._go_on(rollout, settings, memory)
            again = False
        except OnliveError as unusable:
            again = unusable.retryable
            raise
        finally:
            for outcome in rollout.outcomes():
                memory.record(outcome)
                tally.add(outcome)
            tally.retry_after = self._retry_after
            if not again:
                error = tally.error(limit, report_path)
                if error is None and is_cut_short:
                    error = OnliveStoppedError(f"the task was told to stop; its outcomes so far: {tally.words()}")
                again = error is not None and error.retryable
            more = self._about(rollout)
            details = self._details(context, self._reads, self._writes, time.monotonic() - began, **more)
            options = {"mode": self.mode, "target": self.target}
            seasons = [
                {**season.as_json(), **season.date_range().model_dump(exclude_unset=True), **options}
                for season in rollout.seasons
            ]
            memory.finish(title=f"{self.task_id}: outcomes", details=details, again=again, seasons=seasons)
            self._tell_end(tally, details, report_path)
        if error is not None:
            raise error
        return tally

    def _go_on(self, rollout: Rollout, settings: Settings, memory: Memory) -> bool:
        """Carry out the phases, and return whether the task was told to stop before the last."""
        from onlive_provider.client.steps import Note

        for step in rollout.phases():
            if self._killed:
                return True
            if isinstance(step, Note):
                for line in step.lines():
                    self.log.info("%s", line)
            else:
                self._carry_out(step, settings, memory)
        return False

    def _carry_out(self, phase: Phase, settings: Settings, memory: Memory) -> None:
        from onlive_provider.bulk.background import Background
        from onlive_provider.bulk.progress import Progress
        from onlive_provider.bulk.run import BulkRun
        from onlive_provider.bulk.tally import Tally

        tally = Tally()

        def tell(outcome: Outcome) -> None:
            tally.add(outcome)
            if phase.is_over:
                run.stop()

        run = self._run = BulkRun(phase.worklist, iter(phase.rows), phase, concurrency=self.concurrency, tell=tell)
        work = Input(iter(phase.rows), phase.worklist, phase.name, len(phase.rows))
        progress = Progress(work.total, settings, time.monotonic())
        try:
            with Background(run, settings, concurrency=self.concurrency) as background:
                self._watch(background, run, memory, work, tally, progress)
        finally:
            run.close()
            self._retry_after = run.retry_after or self._retry_after
            self._reads += run.reads
            self._writes += run.writes
            told = phase.name.capitalize(), run.reads, run.writes, tally.counts.failed
            self.log.info("%s: %d reads, %d writes, %d failed", *told)

    def _about(self, rollout: Rollout) -> dict[str, str]:
        """Return what the report's page says of a rollout besides what it says of every task."""
        from onlive_provider.rollout.table import season_words

        return {
            "Mode": self.mode,
            "Target": self.target,
            "Season": "; ".join(season_words(season) for season in rollout.seasons),
            "Batches": ", ".join(f"{len(batch):,}" for batch in rollout.batches) + " services",
            **({"Stopped": rollout.story()} if rollout.stopped_by else {}),
        }
