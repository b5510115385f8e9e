"""What updating one appointment and updating one service have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from onlive_provider.errors import (
    FieldError,
    OnliveConflictError,
    OnliveNotFoundError,
    OnlivePayloadError,
)
from onlive_provider.hooks.fail_fast import failing_fast
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.masking import mask_personal_data

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from onlive_provider.client.updates import Update
    from onlive_provider.models.changes import Change
    from onlive_provider.models.patch import Update as PayloadModel

T = TypeVar("T")
FailOrSkip = Literal["fail", "skip"]


class UpdateOperator(BaseOperator):
    """Base of the operators that update one record; see the two operators built on it for the parameters."""

    template_fields: Sequence[str] = (
        "onlive_conn_id",
        "payload",
        "timezone",
        "plan_only",
        "expected_updated_at",
    )
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {"payload": "json"}
    ui_color = "#e8f3ef"

    def __init__(
        self,
        *,
        payload: Mapping[str, Any] | str | XComArg,
        onlive_conn_id: str = OnliveHook.default_conn_name,
        timezone: str | None = None,
        only_changed: bool = True,
        plan_only: bool | str = False,
        expected_updated_at: str | XComArg | None = None,
        on_not_found: FailOrSkip = "fail",
        xcom_fields: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payload = payload
        self.onlive_conn_id = onlive_conn_id
        self.timezone = timezone
        self.only_changed = only_changed
        self.plan_only = plan_only
        self.expected_updated_at = expected_updated_at
        self.on_not_found = checked_choice("on_not_found", on_not_found)
        self.xcom_fields = xcom_fields
        if isinstance(xcom_fields, str):
            raise TypeError(f"xcom_fields: {xcom_fields!r} is one string; accepted is a list of field names")

    @abstractmethod
    def wanted_update(self) -> Update:
        """Check every argument and return what they ask for.

        :raises OnlivePayloadError: with every argument that cannot be used.
        """

    def read_arguments(self, arguments: ArgumentReader, id_name: str, model: type[PayloadModel]) -> dict[str, Any]:
        """Read the arguments that every update has.

        :param id_name: the argument that holds the record's id.
        :param model: what may be sent to this kind of record.
        """
        from onlive_provider.models.patch import parse_flag, parse_instant, parse_record_id

        expected = self.expected_updated_at
        return {
            "id": arguments.read(lambda: parse_record_id(getattr(self, id_name), id_name)),
            "payload": arguments.read(
                lambda: model.from_payload(self.payload, timezone=self.timezone).model_dump(exclude_unset=True)
            ),
            "only_changed": self.only_changed,
            "plan_only": arguments.read(lambda: parse_flag(self.plan_only, "plan_only")),
            "expected_updated_at": expected
            and arguments.read(lambda: parse_instant(expected, "expected_updated_at", self.timezone)),
        }

    def execute(self, context: Context) -> dict[str, Any]:
        """Carry the update out, push ``outcome`` and ``change``, and return the record."""
        with failing_fast():
            wanted = self.wanted_update()
            try:
                with OnliveHook(self.onlive_conn_id).get_conn() as client:
                    result = client.update(wanted)
            except (OnliveNotFoundError, OnliveConflictError) as error:
                if not self.is_skipped(error):
                    raise
                self._skip(context, wanted.id, error)
        self.log.info("Outcome for %s: %s", wanted.name, result.outcome)
        self._push(context, result.outcome, result.change)
        if self.xcom_fields is None:
            return result.record
        return {name: result.record[name] for name in self.xcom_fields if name in result.record}

    def is_skipped(self, error: OnliveNotFoundError | OnliveConflictError) -> bool:
        """Whether the caller asked to skip the task for this error."""
        return isinstance(error, OnliveNotFoundError) and self.on_not_found == "skip"

    def _skip(self, context: Context, record_id: str, error: Exception) -> NoReturn:
        from onlive_provider.models.changes import Change

        self._push(context, "skipped", Change(record_id, {}, {}))
        raise AirflowSkipException(f"Skipped, as asked: {error}") from error

    def _push(self, context: Context, outcome: str, change: Change) -> None:
        context["ti"].xcom_push(key="outcome", value=outcome)
        context["ti"].xcom_push(key="change", value=change.as_json())

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """Render, and keep guests' data out of the Rendered Template view and of the log.

        Airflow calls this for plain and for mapped tasks alike, before it stores the rendered fields.
        """
        super()._do_render_template_fields(parent, *args, **kwargs)
        mask_personal_data(parent.payload)


def checked_choice(name: str, value: FailOrSkip) -> FailOrSkip:
    """Return ``fail`` or ``skip``, or refuse another value when the DAG file is read."""
    if value not in ("fail", "skip"):
        raise ValueError(f"{name}: {value!r} is not accepted; accepted are 'fail' and 'skip'")
    return value


class ArgumentReader:
    """Reads a task's rendered arguments one by one and keeps every error, so that all are told at once."""

    def __init__(self) -> None:
        self._errors: dict[FieldError, None] = {}

    def read(self, parse: Callable[[], T]) -> T | None:
        """Return what ``parse`` returns, or ``None`` and keep its errors."""
        try:
            return parse()
        except OnlivePayloadError as error:
            self.refuse(*error.errors)
            return None

    def refuse(self, *errors: FieldError) -> None:
        """Keep errors; the same one told twice counts once."""
        self._errors.update(dict.fromkeys(errors))

    def finish(self) -> None:
        """Raise one error that holds all that were kept, if any were."""
        if self._errors:
            raise OnlivePayloadError(list(self._errors))
