"""The operator that puts back what another task wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.hooks.arguments import read_path
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk_task import BulkTaskOperator
from onlive_provider.operators.masking import veil

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from onlive_provider.bulk.history import History
    from onlive_provider.bulk.tracing import SpanName
    from onlive_provider.bulk.work import BulkWork
    from onlive_provider.hooks.arguments import ArgumentReader


class RevertUpdatesOperator(BulkTaskOperator):
    """Put records back to what they were before another task wrote them, the last write first.

    Costs one read a record, and one write for each that is put back; appointments' guests are notified again. A record
    that somebody changed since is not touched: it fails, by name. A record that is back already costs no write.
    What was not read before the write cannot be put back: ``agentComment``, ``classification``, and every field of a
    blind update.

    The earlier reports of the same DAG run that were kept beside a report count, too, and so does the working file of a
    run that did not end: each record gets what it held before the first write. A write that got no answer is looked up.
    The outcomes go into a report of the same form beside it, ending in ``.reverted.jsonl``.

    :param report: the ``change`` of an update (``update.output["change"]``), a list of them, or the result of a bulk
        task that has a report. (templated)
    :param report_path: instead of ``report``: path or URL of a bulk task's report, or of one that was kept beside it,
        such as ``REPORT.1``, to put back that one's DAG run. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param plan_only: read and compare, and send nothing; ``"true"`` works too. (templated)
    :param allowed_failures: how many records may fail: a number, or a share such as ``"5%"``. (templated)
    :param concurrency: how many records are worked on at once.
    :param report_personal_data: whether guests' e-mail addresses and phone numbers may stand in the report.
    :param xcom_fields: keys of the result to return; all by default.
    :param xcom_personal_data: whether e-mail addresses and phone numbers may stand in the result.
    :return: as a bulk task returns it; ``updated`` counts the records that were put back.
    :raises OnlivePayloadError: the report cannot be used; no call was made.
    :raises OnliveRecordsFailedError: more records failed than allowed, and Airflow does not retry.
    :raises OnliveRecordsToRetryError: more records failed than allowed, and some may go well at Airflow's retry.
    """

    template_fields: Sequence[str] = ("report", *BulkTaskOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {"report": "json"}

    def __init__(
        self,
        *,
        report: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | XComArg | None = None,
        report_path: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(report_path=report_path, **kwargs)
        if (report is None) == (report_path is None):
            raise ValueError("report, report_path: give one of the two")
        self.report = report

    def read_work(self, arguments: ArgumentReader) -> BulkWork:
        """Check the arguments and return the records to put back."""
        from onlive_provider.bulk.revert import RevertList
        from onlive_provider.bulk.work import BulkWork, fingerprint_of

        plan_only = self.read_plan_only(arguments)
        history = arguments.read(self._history)
        arguments.finish()
        assert history is not None
        for line in history.notes():
            self.log.info("%s", line)
        for line in history.warnings(OnliveHook(self.onlive_conn_id).get_settings().object_updates):
            self.log.warning("%s", line)
        worklist = RevertList(history.chains, plan_only=bool(plan_only))
        fingerprint = fingerprint_of([history.fingerprint(), plan_only])
        span: SpanName = "onlive.plan" if plan_only else "onlive.put_back"
        return BulkWork(worklist.rows, worklist, fingerprint, len(history.chains), span=span)

    def report_destination(self) -> str | None:
        """Return where the outcomes go: beside the report that is put back, if there is one."""
        source = self._source_path()
        return None if source is None else f"{source.removesuffix('.jsonl')}.reverted.jsonl"

    def _source_path(self) -> str | None:
        """Return where the report to put back is, or ``None`` where the changes themselves were given."""
        if self._has_report_path:
            return read_path(self.report_path, "report_path")
        given = self._given()
        path = given.get("report_path") if isinstance(given, Mapping) and "before" not in given else None
        return path if isinstance(path, str) else None

    def _given(self) -> Any:
        if not isinstance(self.report, str):
            return self.report
        try:
            return json.loads(self.report)
        except ValueError as error:
            message = f"is text that is not JSON ({error}); accepted: a change, a list of them, or a task's result"
            raise OnlivePayloadError.of("report", message) from None

    def _history(self) -> History:
        from onlive_provider.bulk.history import History, read_history
        from onlive_provider.bulk.revert import chains_of, read_changes

        path = self._source_path()
        if path is not None:
            return read_history(self.storage, path)
        return History(chains_of(read_changes(self._given(), "report")))

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """Render, and keep guests' data out of the Rendered Template view and of the log."""
        super()._do_render_template_fields(parent, *args, **kwargs)
        veil(parent, "report")
