"""The operators that update many records in one task."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.hooks.arguments import ArgumentReader, read_path, rendered_to_nothing
from onlive_provider.hooks.fail_fast import terminal
from onlive_provider.operators.input_file import InputFile
from onlive_provider.operators.masking import veil
from onlive_provider.operators.rejects import read_rejects
from onlive_provider.operators.snapshot import SnapshotTaskOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from onlive_provider.bulk.rejects import Rejects
    from onlive_provider.bulk.rows import BadRow, Row
    from onlive_provider.bulk.work import BulkWork
    from onlive_provider.models.fields import Resource
    from onlive_provider.models.patch import Update as PayloadModel

_DEEPEST_SHOWN = 200
"""Airflow stores what was rendered before the task begins, fails on what is nested far deeper, and retries that."""


class BulkUpdateOperator(SnapshotTaskOperator):
    """Base of the two bulk operators; see them for the parameters."""

    template_fields: Sequence[str] = (
        "updates",
        "updates_path",
        "fields",
        "timezone",
        "rejects_path",
        *SnapshotTaskOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"updates": "json", "fields": "json"}

    def __init__(
        self,
        *,
        updates: Sequence[Mapping[str, Any]] | str | XComArg | None = None,
        updates_path: str | XComArg | None = None,
        id_field: str = "id",
        fields: Mapping[str, str] | None = None,
        on_null: Literal["omit", "clear"] = "omit",
        timezone: str | None = None,
        only_changed: bool = True,
        on_record_error: Literal["continue", "stop"] = "continue",
        rejects_path: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (updates is None) == (updates_path is None):
            raise ValueError("updates, updates_path: give one of the two")
        if on_null not in ("omit", "clear"):
            raise ValueError(f"on_null: {on_null!r} is not accepted; accepted are 'omit' and 'clear'")
        if on_record_error not in ("continue", "stop"):
            raise ValueError(
                f"on_record_error: {on_record_error!r} is not accepted; accepted are 'continue' and 'stop'"
            )
        self.updates = updates
        self.updates_path = updates_path
        self._has_path = updates_path is not None
        self.id_field = id_field
        self.fields = fields
        self._has_fields = fields is not None
        self.on_null = on_null
        self.timezone = timezone
        self.only_changed = only_changed
        self.on_record_error = on_record_error
        self.rejects_path = rejects_path
        self._has_rejects_path = rejects_path is not None

    @abstractmethod
    def record_kind(self) -> tuple[Resource, type[PayloadModel], Callable[..., None]]:
        """Return the kind of record, what may be sent to it, and the check against the current record."""

    def shown_timezone(self) -> str | None:
        """Return the zone of the input's times that carry none."""
        return self.timezone

    def read_work(self, arguments: ArgumentReader) -> BulkWork:
        """Check the arguments and return the rows and what is to be done with each."""
        from onlive_provider.bulk.job import Job
        from onlive_provider.bulk.plan_file import PlanHead
        from onlive_provider.bulk.plan_summary import PlanSummary
        from onlive_provider.bulk.summary import Summary
        from onlive_provider.bulk.work import BulkWork, fingerprint_of
        from onlive_provider.models.patch import parse_record_id, parse_timezone
        from onlive_provider.models.rendered import MAX_DEPTH, is_nested_deeper

        resource, model, check = self.record_kind()
        zone = arguments.read(lambda: parse_timezone(self.timezone, "timezone"))
        plan_only = self.read_plan_only(arguments)
        source = arguments.read(self._source)
        fields = arguments.read(self._read_fields)
        brake = arguments.read(self.read_brake)
        if source is not None:
            arguments.read(lambda: self._rows(source, fields))
        rejects = None if source is None else arguments.read(lambda: self._rejects(source))
        arguments.read(self.snapshot_destination)
        arguments.finish()
        assert source is not None
        job = partial(
            Job,
            resource=resource,
            read_payload=lambda payload: model.from_payload(payload, timezone=zone).model_dump(exclude_unset=True),
            read_id=lambda value: parse_record_id(value, self.id_field),
            check=check,
            id_field=self.id_field,
            fields=fields,
            on_null=self.on_null,
            only_changed=self.only_changed,
            stop_on_error=self.on_record_error == "stop",
        )
        options = [resource.name, self.id_field, fields, self.on_null, self.timezone, self.only_changed, plan_only]
        if isinstance(source, InputFile):
            known: list[Any] = [source.path, source.fingerprint, options]
        else:
            known = [[None if is_nested_deeper(row, MAX_DEPTH) else row for row in source], options]
        return BulkWork(
            lambda: self._rows(source, fields),
            job(plan_only=bool(plan_only)),
            fingerprint_of(known),
            total=None if isinstance(source, InputFile) else len(source),
            read_share=source.share if isinstance(source, InputFile) else lambda: 0.0,
            summary=PlanSummary(PlanHead("bulk", resource)) if plan_only else Summary(),
            collectors=[] if rejects is None else [rejects],
            plan_worklist=None if plan_only else job(plan_only=True),
            brake=brake,
            span="onlive.plan" if plan_only else "onlive.write",
        )

    def result_fields(self) -> Sequence[str]:
        """Return the names in the task's result."""
        return (*super().result_fields(), "plan_markdown")

    def row_options(self) -> Sequence[object]:
        """Return what a row's meaning depends on besides the row and the Connection."""
        kind, fields = self.record_kind()[0].name, self._read_fields()
        mapping = None if fields is None else dict(fields)
        return [kind, self.id_field, mapping, self.on_null, self.timezone, self.only_changed]

    def other_paths(self) -> Sequence[str]:
        """Return where the rejects go, if there are to be some."""
        return () if self.rejects_path is None else (str(self.rejects_path),)

    def source_paths(self) -> Sequence[str]:
        """Return the file that the task reads, if it reads one."""
        return () if self.updates_path is None else (str(self.updates_path),)

    def _rows(self, source: InputFile | list[object], fields: Mapping[str, str] | None) -> Iterator[Row | BadRow]:
        from onlive_provider.bulk.rows import read_file, read_rows

        if isinstance(source, InputFile):
            read = read_file(source.path, open_file=source.open, id_field=self.id_field, fields=fields)
            return source.rows(read)
        return read_rows(source, id_field=self.id_field, fields=fields)

    def _rejects(self, source: InputFile | list[object]) -> Rejects | None:
        from onlive_provider.bulk.report_place import files_of
        from onlive_provider.bulk.snapshot_place import files_of as snapshot_files_of

        if not self._has_rejects_path:
            return None
        taken = dict.fromkeys(self.source_paths(), "what the task reads")
        if self.report_path is not None:
            taken |= files_of(str(self.report_path))
        if self.snapshot_path is not None:
            taken |= snapshot_files_of(str(self.snapshot_path))
        return read_rejects(self.rejects_path, source, self.storage, taken)

    def _source(self) -> InputFile | list[object]:
        from onlive_provider.models.json_values import read_given_array
        from onlive_provider.models.sentences import parse

        if self._has_path:
            return InputFile(self.storage, read_path(self.updates_path, "updates_path"))
        updates: Any = self.updates
        if isinstance(updates, str):
            updates = parse(read_given_array, updates, "updates", shown=False)
        if isinstance(updates, str | bytes) or not isinstance(updates, Sequence):
            raise OnlivePayloadError.of(
                "updates", f"got {type(updates).__name__}; accepted: a list of objects, one for each record"
            )
        return list(updates)

    def _read_fields(self) -> Mapping[str, str] | None:
        fields = self.fields
        if fields is None:
            if self._has_fields:
                raise rendered_to_nothing("fields")
            return None
        if not isinstance(fields, Mapping) or not all(
            isinstance(text, str) for pair in fields.items() for text in pair
        ):
            raise OnlivePayloadError.of("fields", "accepted: an object (dict) of column to field, both text")
        return fields

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """Render, and keep guests' data out of the Rendered Template view and of the log."""
        from onlive_provider.models.rendered import is_nested_deeper

        try:
            super()._do_render_template_fields(parent, *args, **kwargs)
            is_too_deep = not isinstance(parent.updates, str) and is_nested_deeper(parent.updates, _DEEPEST_SHOWN)
        except RecursionError:
            is_too_deep = True
        if is_too_deep:
            message = (
                f"is nested deeper than {_DEEPEST_SHOWN} levels, which Airflow cannot store as a rendered template"
            )
            raise terminal(OnlivePayloadError.of("updates", message))
        veil(parent, "updates")


class BulkUpdateAppointmentsOperator(BulkUpdateOperator):
    """Update many appointments in one task, at the speed of the access key's budget.

    Every row is checked, its appointment read and compared, and only what differs is sent: one read a row, and one
    write for each that differs. Reads and writes keep to the Connection's budgets a minute. A row that fails does not
    stop the others; the task is red if more failed than allowed, after the report was stored.

    A retry of the task sends only what is still missing, if there is a ``report_path``, or on Airflow 3.3 and newer. A
    cleared task starts over.

    :param updates: ``[{"id": ..., field: value, ...}, ...]``, text that holds such a list as JSON, or an upstream
        task's output. (templated)
    :param updates_path: instead of ``updates``: path or object-storage URL of a ``.jsonl``, ``.csv`` or ``.parquet``
        file, read as a stream. (templated)
    :param id_field: name of the column that holds the record's id.
    :param fields: column to field; a dotted field such as ``extraFields.city`` sets one member of an object. Other
        columns are ignored. Without it every column but the id's is a field of that name. (templated)
    :param on_null: what becomes of a gap in a file (an empty cell, ``NULL``, ``NaN``, ...): ``omit`` leaves the field
        as it is, ``clear`` clears it. An explicit ``null`` of JSON always clears.
    :param timezone: IANA zone of times that carry none; without it such a time is refused. (templated)
    :param only_changed: ``False`` sends every row blindly, without reading.
    :param plan_only: read and compare, and send nothing; ``"true"`` works too. (templated)
    :param on_record_error: ``continue`` with the other rows, or ``stop`` and leave the rest ``not_attempted``.
    :param max_changes: how many appointments may change: a number, or a share of all rows such as ``"30%"``. All rows
        are compared first. If more would change, the task fails, nothing is written, and Airflow does not retry.
        Costs a further read for each row that differs. (templated)
    :param allowed_failures: how many rows may fail: a number, or a share such as ``"5%"``. (templated)
    :param concurrency: how many records are worked on at once.
    :param snapshot_path: path or URL of a file that remembers the rows that were applied. At the next run a row that is
        the same again is ``unchanged`` without a call. (templated)
    :param snapshot_max_age: after how long such a row's record is read again, because people edit in Onlive, too. The
        reads are spread over the runs by the records' ids. Not less than a minute.
    :param report_path: path or URL of the report, JSON Lines, one line an outcome; beside it goes a page, ``.html``.
        (templated)
    :param report_personal_data: whether guests' e-mail addresses and phone numbers may stand in the report. Without
        them the report cannot revert a change of guests.
    :param rejects_path: path or URL of the failed rows, in the input's form (``.jsonl`` for ``updates``) and with the
        reason in a column ``onlive_error``, to be mended and fed again. The file holds the rows' own values, guests'
        data too. (templated)
    :param xcom_fields: keys of the result to return; all by default.
    :param xcom_personal_data: whether e-mail addresses and phone numbers may stand in the result.
    :return: ``{"total", "updated", "unchanged", "skipped", "failed", "not_attempted", "planned", "failures": [at most
        20], "report_path"}``; with ``snapshot_path`` also ``"from_snapshot"``, how many rows cost no call; with
        ``plan_only`` also ``"plan_markdown"``, the plan for whoever approves it.
    :raises OnlivePayloadError: an argument, or the input as a whole, cannot be used; no call was made.
    :raises OnliveRecordsFailedError: more rows failed than allowed, and Airflow does not retry.
    :raises OnliveRecordsToRetryError: more rows failed than allowed, and some may go well at Airflow's retry.
    :raises OnliveTooManyChangesError: more appointments would change than ``max_changes`` allows; nothing was written.
    """

    def record_kind(self) -> tuple[Resource, type[PayloadModel], Callable[..., None]]:
        """Return the kind of record, what may be sent to it, and the check against the current record."""
        from onlive_provider.models.appointment import AppointmentUpdate, check_against_current
        from onlive_provider.models.fields import APPOINTMENT

        return APPOINTMENT, AppointmentUpdate, check_against_current


class BulkUpdateServicesOperator(BulkUpdateOperator):
    """Update many services in one task, at the speed of the access key's budget.

    See :class:`BulkUpdateAppointmentsOperator`: the parameters, the result and the promises are the same.
    """

    def record_kind(self) -> tuple[Resource, type[PayloadModel], Callable[..., None]]:
        """Return the kind of record, what may be sent to it, and the check against the current record."""
        from onlive_provider.models.fields import SERVICE
        from onlive_provider.models.service import ServiceUpdate, check_against_current

        return SERVICE, ServiceUpdate, check_against_current
