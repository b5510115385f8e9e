"""The operator that applies a saved plan, and the plan as Markdown for whoever approves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onlive_provider.hooks.arguments import read_path
from onlive_provider.operators.bulk_task import WritingTaskOperator
from onlive_provider.operators.input_file import InputFile
from onlive_provider.operators.storage import AirflowStorage

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from onlive_provider.bulk.plan_file import PlanFile
    from onlive_provider.hooks.arguments import ArgumentReader
    from onlive_provider.rollout.work import RolloutWork


class ApplyPlanOperator(WritingTaskOperator):
    """Apply a saved plan: exactly what it says, to records that are still as the plan saw them.

    First every record that the plan changes is read again, and nothing is written. A record is refused, by name, if its
    ``updatedAt`` or one of the planned fields has changed since the plan; if more are refused than allowed, nothing is
    written at all. A record that already holds everything costs no write, so a plan that is applied again sends
    nothing. Then batch after batch is written, and each record is read back and compared. Too many failures, or a
    record that does not hold what was sent, stop the task. A retry after a crash goes on; with ``report_path`` it also
    knows what the first try wrote and what was there before.

    Costs one read for each record that the plan changes, and for each that is written two more reads and one write.
    Rows that the plan does not change cost no call: they are ``unchanged``, or ``skipped`` if they were not planned.

    :param plan_path: path or URL of the plan: the report of a bulk or rollout task that ran with ``plan_only=True``. It
        is refused if it was cut short or edited, was made at another address, or lacks guests' data that it would have
        to send. (templated)
    :param batches: how far each batch goes, the earlier ones included: shares such as ``"5%"`` or numbers of records.
        Their ids decide which come first, the same at every run. Records beyond the last batch are ``not_attempted``,
        and the task is green. (templated)
    :param max_changes: how many records may change: a number, or a share of all rows of the plan such as ``"30%"``. If
        more would be written, the task fails before the first write. (templated)
    :param revert_on_failure: whether what was written is put back when the task is stopped by failures. Putting an
        appointment back notifies its guests again.
    :param plan_only: read and compare, and send nothing; ``"true"`` works too. (templated)
    :param allowed_failures: how many of the records that the plan changes may fail or be refused: a number, or a share
        such as ``"5%"``. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param concurrency: how many records are worked on at once.
    :param report_path: path or URL of the report, JSON Lines, one line an outcome; beside it goes a page, ``.html``. It
        can be given to ``RevertUpdatesOperator``. (templated)
    :param report_personal_data: whether guests' e-mail addresses and phone numbers may stand in the report. Without
        them the report cannot revert a change of guests.
    :param xcom_fields: keys of the result to return; all by default.
    :param xcom_personal_data: whether e-mail addresses and phone numbers may stand in the result.
    :return: the same as a rollout's: ``{"total", "updated", "unchanged", "skipped", "failed", "not_attempted",
        "planned", "failures": [at most 20], "report_path", "batches": [{"size", "updated", ...}], "plan_table",
        "plan_markdown"}``.
    :raises OnlivePayloadError: an argument or the plan cannot be used; no call was made.
    :raises OnliveTooManyChangesError: more records would change than ``max_changes`` allows; nothing was written.
    :raises OnliveRolloutFailedError: the task was stopped; Airflow does not retry.
    :raises OnliveRolloutToRetryError: the task was stopped by failures that may be over at Airflow's retry.
    """

    template_fields: Sequence[str] = ("plan_path", "batches", *WritingTaskOperator.template_fields)

    def __init__(
        self,
        *,
        plan_path: str | XComArg,
        batches: Sequence[str | int] | str | XComArg = ("100%",),
        revert_on_failure: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.plan_path = plan_path
        self.batches = batches
        self.revert_on_failure = revert_on_failure

    def result_fields(self) -> Sequence[str]:
        """Return the names in the task's result."""
        from onlive_provider.rollout.summary import RolloutSummary

        return RolloutSummary.result_fields

    def source_paths(self) -> Sequence[str]:
        """Return the plan's path."""
        return (str(self.plan_path),)

    def read_work(self, arguments: ArgumentReader) -> RolloutWork:
        """Check the arguments and the plan, and return what is to be applied."""
        from onlive_provider.bulk.plan_file import PlanHead
        from onlive_provider.bulk.work import fingerprint_of
        from onlive_provider.hooks.onlive import OnliveHook
        from onlive_provider.rollout.batches import read_batches, split
        from onlive_provider.rollout.run import Rollout
        from onlive_provider.rollout.saved_plan import SavedPlan
        from onlive_provider.rollout.summary import RolloutSummary
        from onlive_provider.rollout.work import RolloutWork

        plan_only = self.read_plan_only(arguments)
        sizes = arguments.read(lambda: read_batches(self.batches, "batches"))
        brake = arguments.read(self.read_brake)
        plan = arguments.read(lambda: read_plan(self.storage, self.plan_path))
        arguments.finish()
        assert plan is not None
        assert sizes is not None
        settings = OnliveHook(self.onlive_conn_id).get_settings()
        plan.refuse_what_cannot_be_applied(settings.base_url, settings.object_updates)
        saved = SavedPlan(plan, str(self.plan_path), settings.object_updates)
        rollout = Rollout(
            planner=saved,
            records=saved.records,
            batches=split([each.id for each in saved.records], sizes, "batches"),
            revert_on_failure=self.revert_on_failure,
            plan_only=bool(plan_only),
            brake=brake,
            total=saved.total,
        )
        options = [[str(size) for size in sizes], plan_only, self.revert_on_failure]
        head = PlanHead(plan.head.kind, plan.head.resource, season=plan.head.season) if plan_only else None
        summary = RolloutSummary(rollout, head)
        return RolloutWork(rollout, fingerprint_of([plan.digest, options]), summary, saved.others())


def read_plan(storage: AirflowStorage, path: object) -> PlanFile:
    """Read a saved plan and check that it is whole and as it was made.

    :raises OnlivePayloadError: there is none, or it is not.
    :raises OnliveInputAwayError: its store gave no answer.
    """
    from onlive_provider.bulk.plan_file import PlanFile

    source = InputFile(storage, read_path(path, "plan_path"), "plan_path")
    with source.open(source.path) as file:
        return PlanFile(file, source.shown)


def plan_markdown(plan_paths: str | Sequence[str]) -> str:
    """Return one text for whoever approves one saved plan or several: the total of all of them, and one table.

    The total comes first, what is lost stands on top of the table, and what does not fit into 48 KB, the size of an
    XCom in any of Airflow's databases, is only counted. Values that may be a guest's are not shown.

    :param plan_paths: paths or URLs of the plans, of one kind of record.
    :raises OnlivePayloadError: there is no such plan, it is cut short or edited, or they are of two kinds.
    """
    from onlive_provider.rollout.saved_plan import plans_markdown

    paths = [plan_paths] if isinstance(plan_paths, str) else list(plan_paths)
    storage = AirflowStorage()
    return plans_markdown({path: read_plan(storage, path) for path in paths})
