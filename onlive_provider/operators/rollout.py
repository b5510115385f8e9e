"""The operator that opens, closes or sets a season for many services, in batches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.operators.bulk_task import WritingTaskOperator
from onlive_provider.privacy import hide_personal_data

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from onlive_provider.hooks.arguments import ArgumentReader
    from onlive_provider.rollout.work import RolloutWork
    from onlive_provider.seasons import Season
    from onlive_provider.seasons.target import Mode, Target

_MODES = ("add", "remove", "replace")
_TARGETS = ("dateRanges", "restrictionDates")


class RolloutDateRangesOperator(WritingTaskOperator):
    """Open, close or set a season for many services: plan all, apply in batches, check each, put back what goes wrong.

    First every service is read and planned, and nothing is written; the log shows the plan as a table. Then batch after
    batch is written, only services that differ and that nobody has changed since the plan, and each is read again and
    compared. More failures than allowed, or a service that does not hold what was sent, stop the rollout; what was
    written is then put back, the last write first, except services that somebody else has changed since.

    Costs one read a service for the plan, and for each that differs two more reads and one write. A service that holds
    the season already costs no write. Ranges that the season does not touch are sent back as the server gave them.

    In the report ``before`` and ``after`` are those of the plan, whatever became of it: ``updated``, ``unchanged``,
    ``planned``, ``failed``, ``not_attempted``, or ``skipped`` for a service that was written and put back. It can be
    given to ``RevertUpdatesOperator``, and with ``plan_only`` to ``ApplyPlanOperator``. With ``report_path`` a retry
    after a crash still knows what the first try wrote and what was there before; without one it takes that for
    unchanged.

    :param service_ids: UUIDs of the services: a list, text that holds one as JSON, or an upstream task's output.
        (templated)
    :param service_filter: instead of ``service_ids``: ``userGroupId``, ``typeId``, ``search`` (in the name), ``name``
        (exact), ``startDate``, ``endDate`` (by availability, ISO 8601 with an offset), all pages of what they select;
        ``{}`` means all services. Selecting none is an error. (templated)
    :param season: a :class:`~onlive_provider.seasons.Season`, its JSON, or a list of them. (templated)
    :param mode: ``add`` the seasons to what is there, ``remove`` them from it, or ``replace`` everything with them.
    :param target: what carries the seasons: the service's ``dateRanges``, or the ``restrictionDates`` (``include``) of
        its active calendars.
    :param batches: how far each batch goes, the earlier ones included: shares such as ``"5%"`` or numbers of services.
        Their ids decide which come first, the same at every run. Services beyond the last batch are
        ``not_attempted``, and the task is green. (templated)
    :param max_changes: how many services may change: a number, or a share of all services such as ``"30%"``. If more
        would be written, the task fails before the first write. (templated)
    :param revert_on_failure: whether what was written is put back when the rollout is stopped by failures.
    :param plan_only: read and plan, and send nothing; ``"true"`` works too. (templated)
    :param allowed_failures: how many services may fail: a number, or a share of all such as ``"5%"``. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param concurrency: how many services are worked on at once.
    :param report_path: path or URL of the report, JSON Lines, one line an outcome; beside it goes a page, ``.html``.
        (templated)
    :param report_personal_data: whether e-mail addresses, such as a calendar's id, may stand in the report.
    :param xcom_fields: keys of the result to return; all by default.
    :param xcom_personal_data: whether e-mail addresses and phone numbers may stand in the result.
    :return: ``{"total", "updated", "unchanged", "skipped", "failed", "not_attempted", "planned", "failures": [at most
        20], "report_path", "batches": [{"size", "updated", ...}], "plan_table", "plan_markdown"}``.
    :raises OnlivePayloadError: an argument cannot be used, or no service is selected; nothing was sent.
    :raises OnliveTooManyChangesError: more services would change than ``max_changes`` allows; nothing was written.
    :raises OnliveRolloutFailedError: the rollout was stopped; Airflow does not retry.
    :raises OnliveRolloutToRetryError: the rollout was stopped by failures that may be over at Airflow's retry.
    """

    template_fields: Sequence[str] = (
        "service_ids",
        "service_filter",
        "season",
        "batches",
        *WritingTaskOperator.template_fields,
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
        self._has_ids = service_ids is not None
        self.mode = mode
        self.target = target
        self.batches = batches
        self.revert_on_failure = revert_on_failure

    def result_fields(self) -> Sequence[str]:
        """Return the names in the task's result."""
        from onlive_provider.rollout.summary import RolloutSummary

        return RolloutSummary.result_fields

    def read_work(self, arguments: ArgumentReader) -> RolloutWork:
        """Check the arguments, find the services, and return the rollout."""
        from onlive_provider.bulk.plan_file import PlanHead
        from onlive_provider.bulk.work import fingerprint_of
        from onlive_provider.models.fields import SERVICE
        from onlive_provider.rollout.arguments import read_seasons, read_service_filter, read_service_ids
        from onlive_provider.rollout.batches import read_batches, split
        from onlive_provider.rollout.record import RolloutRecord
        from onlive_provider.rollout.run import Rollout
        from onlive_provider.rollout.season_planner import SeasonPlanner
        from onlive_provider.rollout.summary import RolloutSummary
        from onlive_provider.rollout.work import RolloutWork

        plan_only = self.read_plan_only(arguments)
        seasons = arguments.read(lambda: read_seasons(self.season, "season"))
        sizes = arguments.read(lambda: read_batches(self.batches, "batches"))
        brake = arguments.read(self.read_brake)
        ids: list[str] | None = None
        filters: dict[str, str] | None = None
        if self._has_ids:
            ids = arguments.read(lambda: read_service_ids(self.service_ids, "service_ids"))
        else:
            filters = arguments.read(lambda: read_service_filter(self.service_filter, "service_filter"))
        arguments.finish()
        assert seasons is not None
        assert sizes is not None
        found = ids if ids is not None else self._list(filters or {})
        planner = SeasonPlanner(seasons, self.mode, self.target)
        rollout = Rollout(
            planner=planner,
            records=[RolloutRecord(SERVICE, each, index) for index, each in enumerate(found)],
            batches=split(found, sizes, "batches"),
            revert_on_failure=self.revert_on_failure,
            plan_only=bool(plan_only),
            brake=brake,
        )
        options = [self.mode, self.target, [str(size) for size in sizes], plan_only, self.revert_on_failure]
        identity = [found, [season.as_json() for season in seasons], options]
        plan = PlanHead("rollout", SERVICE, season=planner.as_json()) if plan_only else None
        return RolloutWork(rollout, fingerprint_of(identity), RolloutSummary(rollout, plan))

    def _list(self, filters: Mapping[str, str]) -> list[str]:
        """Return the ids of all services that a filter selects, one read for each 20."""
        from onlive_provider.hooks.onlive import OnliveHook

        with OnliveHook(self.onlive_conn_id).get_conn() as client:
            ids = sorted(service["id"] for service in client.iter_services(**filters))
        shown = json.dumps(hide_personal_data(filters))
        if not ids:
            raise OnlivePayloadError.of("service_filter", f"{shown} selects no service")
        self.log.info("The filter %s selects %d services", shown, len(ids))
        return ids
