"""What updating one appointment and updating one service have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from onlive_provider.errors import OnliveError
from onlive_provider.hooks.arguments import (
    NOT_GIVEN,
    ArgumentReader,
    FailOrSkip,
    NotGiven,
    checked_choice,
    skipped_errors,
)
from onlive_provider.hooks.fail_fast import failing_fast
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.asset_events import AssetEvents
from onlive_provider.operators.label import RecordLabel
from onlive_provider.operators.masking import WithoutFrames, unveil, veil, without_frames
from onlive_provider.operators.xcom import narrow, refuse_missing_xcom_fields, refuse_one_string, refused_xcom_fields
from onlive_provider.privacy import hide_personal_data

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from onlive_provider.client.updates import Update
    from onlive_provider.models.changes import Change
    from onlive_provider.models.fields import Resource


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
    id_argument: ClassVar[str]
    """The name of the argument that holds the record's id."""

    def __init__(
        self,
        *,
        payload: Mapping[str, Any] | str | XComArg,
        onlive_conn_id: str = OnliveHook.default_conn_name,
        timezone: str | None = None,
        only_changed: bool = True,
        plan_only: bool | str = False,
        expected_updated_at: str | XComArg | NotGiven | None = NOT_GIVEN,
        on_not_found: FailOrSkip = "fail",
        xcom_fields: Collection[str] | None = None,
        xcom_personal_data: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payload = payload
        self.onlive_conn_id = onlive_conn_id
        self.timezone = timezone
        self.only_changed = only_changed
        self.plan_only = plan_only
        self.expected_updated_at = None if expected_updated_at is NOT_GIVEN else expected_updated_at
        self._is_guarded = expected_updated_at is not None and expected_updated_at is not NOT_GIVEN
        self._guard_is_null = expected_updated_at is None
        self.on_not_found = checked_choice("on_not_found", on_not_found)
        self.xcom_fields = xcom_fields
        self.xcom_personal_data = xcom_personal_data
        refuse_one_string(xcom_fields)

    @abstractmethod
    def read_update(self) -> Update:
        """Check every argument and return what they ask for.

        :raises OnlivePayloadError: with every argument that cannot be used.
        """

    @abstractmethod
    def resource(self) -> Resource:
        """Return the kind of record that is updated."""

    def options(self) -> dict[str, Any]:
        """Return the options that every update has."""
        return {
            "timezone": self.timezone,
            "only_changed": self.only_changed,
            "plan_only": self.plan_only,
            **({"expected_updated_at": self.expected_updated_at} if self._is_guarded else {}),
        }

    def skipping(self) -> tuple[type[OnliveError], ...]:
        """Return the errors for which the author asked to skip the task."""
        return skipped_errors(self.on_not_found)

    def execute(self, context: Context) -> dict[str, Any]:
        """Carry the update out, push ``outcome`` and ``change``, and return the record."""
        from onlive_provider.models.changes import Change

        unveil(self)
        # `expand` makes an operator of values: its None is what a value turned out to be, not the author's word.
        is_mapped = getattr(context["ti"], "map_index", -1) not in (-1, None)
        self._is_guarded = self._is_guarded or (self._guard_is_null and is_mapped)
        label = RecordLabel(context, getattr(self, self.id_argument))
        with WithoutFrames(), failing_fast():
            wanted = self._checked_update(label)
        hook = OnliveHook(self.onlive_conn_id)
        with hook.get_conn() as client:
            events = AssetEvents(self.outlets, client.base_url, context)
            try:
                result = hook.carry_out(wanted, self.skipping())
            except AirflowSkipException as skip:
                label.tell("skipped")
                self._push(context, "skipped", Change(wanted.resource, wanted.id, {}, {}))
                raise without_frames(skip) from skip.__cause__
            except OnliveError as error:
                label.fail(error)
                raise without_frames(error) from error.__cause__
        self.log.info("Outcome for %s: %s", wanted.name, result.outcome)
        label.see(result.record)
        label.tell(result.outcome)
        self._push(context, result.outcome, result.change)
        if result.outcome == "updated":
            events.add_written(wanted.resource.name, wanted.id, result.change.after)
        events.emit(self, context)
        return narrow(self._for_xcom(result.record), self.xcom_fields)

    def _checked_update(self, label: RecordLabel) -> Update:
        """Return the update, which is also checked against ``xcom_fields`` before anything is written."""
        arguments = ArgumentReader()
        wanted = arguments.read(self.read_update)
        known = self.resource().names
        arguments.refuse(*refused_xcom_fields(self.xcom_fields, known, is_open=True))
        arguments.finish()
        assert wanted is not None

        def check(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
            label.see(current)
            refuse_missing_xcom_fields(self.xcom_fields, known, current)
            if wanted.check is not None:
                wanted.check(patch, current)

        return replace(wanted, check=check)

    def _push(self, context: Context, outcome: str, change: Change) -> None:
        context["ti"].xcom_push(key="outcome", value=outcome)
        context["ti"].xcom_push(key="change", value=self._for_xcom(change.as_json()))

    def _for_xcom(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return dict(value) if self.xcom_personal_data else hide_personal_data(value)

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """Render, and keep guests' data out of the Rendered Template view and of the log.

        Airflow calls this for plain and for mapped tasks alike, before it stores the rendered fields.
        """
        super()._do_render_template_fields(parent, *args, **kwargs)
        veil(parent, "payload")
