"""The hook: the Onlive API for an Airflow Connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseHook

from onlive_provider.connection.fields import CONN_TYPE, DEFAULT_CONN_ID, HOOK_NAME
from onlive_provider.connection.settings import read_settings
from onlive_provider.errors import OnliveError
from onlive_provider.hooks.arguments import (
    NOT_GIVEN,
    FailOrSkip,
    NotGiven,
    read_appointment_update,
    read_service_update,
    skipped_errors,
)
from onlive_provider.hooks.fail_fast import failing_fast

if TYPE_CHECKING:
    from onlive_provider.client.settings import Settings
    from onlive_provider.client.sync import OnliveClient
    from onlive_provider.client.updates import Update, Updated


class OnliveHook(BaseHook):
    """The Onlive API with the credentials and settings of one Airflow Connection.

    An error that a retry cannot help (400, 401, 403, 404, 409, 422, a bad payload or Connection) is both its Onlive
    error and an ``AirflowFailException``, so that a task that does not catch it fails at once.

    :param onlive_conn_id: the Connection of type ``onlive``. It is looked up when the hook is first used.
    """

    conn_name_attr = "onlive_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = CONN_TYPE
    hook_name = HOOK_NAME
    clock: ClassVar[Any] = None
    """Where the time comes from and how it is waited for; ``None`` stands for the machine's. Tests set another one."""

    def __init__(self, onlive_conn_id: str = DEFAULT_CONN_ID) -> None:
        super().__init__()
        self.onlive_conn_id = onlive_conn_id
        self._client: OnliveClient | None = None

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's fields for Airflow 2.11, 3.0 and 3.1; newer ones read ``get_provider_info``."""
        from onlive_provider.connection.form import form_widgets

        return form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form's labels for Airflow 2.11, 3.0 and 3.1; newer ones read ``get_provider_info``."""
        from onlive_provider.connection.form import ui_field_behaviour

        return ui_field_behaviour()

    def get_conn(self) -> OnliveClient:
        """Return the client of this hook's Connection. Every call returns the same one.

        :raises OnliveConfigError: a field of the Connection cannot be used.
        """
        if self._client is None:
            from onlive_provider.client.sync import OnliveClient

            with failing_fast():
                self._client = OnliveClient(self.get_settings(), clock=self.clock)
        return self._client

    def get_settings(self) -> Settings:
        """Look the Connection up and return the client settings that it holds.

        :raises OnliveConfigError: a field of the Connection cannot be used.
        """
        with failing_fast():
            return read_settings(self.get_connection(self.onlive_conn_id), self.get_connection)

    def get_appointment(self, appointment_id: str) -> dict[str, Any]:
        """Return an appointment as the API answers it. One read."""
        with failing_fast():
            return self.get_conn().get_appointment(appointment_id)

    def update_appointment(
        self,
        appointment_id: str,
        payload: Mapping[str, Any] | str,
        *,
        timezone: str | None = None,
        only_changed: bool = True,
        plan_only: bool | str = False,
        expected_updated_at: str | NotGiven = NOT_GIVEN,
        on_not_found: FailOrSkip = "fail",
        on_conflict: FailOrSkip = "fail",
        fallback_slots: Sequence[Mapping[str, Any]] | str | None = None,
    ) -> dict[str, Any]:
        """Read an appointment, compare, send only what changes, and return the appointment.

        One read, and one write if anything differs; a write notifies the guests. The parameters are those of
        :class:`~onlive_provider.operators.appointment.UpdateAppointmentOperator`.

        :param payload: the API's field names; a field that is left out stays, ``None`` clears.
        :param only_changed: ``False`` writes blindly: it sends the whole payload and notifies at every call.
        :param expected_updated_at: leave it out to write without the check; ``None`` is refused like any empty value.
        :return: the appointment as the API answered it, or as it was read when nothing was written.
        :raises OnlivePayloadError: naming every argument that cannot be used; no call was made.
        :raises AirflowSkipException: it was not found or the slot is taken, and the caller asked to skip.
        """
        skipping = skipped_errors(on_not_found, on_conflict)
        with failing_fast():
            wanted = read_appointment_update(
                appointment_id,
                payload,
                timezone=timezone,
                only_changed=only_changed,
                plan_only=plan_only,
                expected_updated_at=expected_updated_at,
                fallback_slots=NOT_GIVEN if fallback_slots is None else fallback_slots,
            )
        return self.carry_out(wanted, skipping).record

    def get_service(self, service_id: str) -> dict[str, Any]:
        """Return a service as the API answers it. One read."""
        with failing_fast():
            return self.get_conn().get_service(service_id)

    def update_service(
        self,
        service_id: str,
        payload: Mapping[str, Any] | str,
        *,
        timezone: str | None = None,
        only_changed: bool = True,
        plan_only: bool | str = False,
        expected_updated_at: str | NotGiven = NOT_GIVEN,
        on_not_found: FailOrSkip = "fail",
    ) -> dict[str, Any]:
        """Read a service, compare, send only what changes, and return the service.

        One read, and one write if anything differs. The parameters are those of
        :class:`~onlive_provider.operators.service.UpdateServiceOperator`.

        :param payload: the API's field names; a field that is left out stays, ``None`` clears.
        :param only_changed: ``False`` writes blindly: it sends the whole payload at every call.
        :param expected_updated_at: leave it out to write without the check; ``None`` is refused like any empty value.
        :return: the service as the API answered it, or as it was read when nothing was written.
        :raises OnlivePayloadError: naming every argument that cannot be used; no call was made.
        :raises AirflowSkipException: it was not found, and the caller asked to skip.
        """
        skipping = skipped_errors(on_not_found)
        with failing_fast():
            wanted = read_service_update(
                service_id,
                payload,
                timezone=timezone,
                only_changed=only_changed,
                plan_only=plan_only,
                expected_updated_at=expected_updated_at,
            )
        return self.carry_out(wanted, skipping).record

    def carry_out(self, wanted: Update, skipping: tuple[type[OnliveError], ...] = ()) -> Updated:
        """Carry out a checked update.

        :param skipping: errors for which the task is skipped.
        """
        with failing_fast():
            try:
                return self.get_conn().update(wanted)
            except skipping as error:
                if not getattr(error, "from_api", True):
                    raise  # A proxy's page says nothing about the record.
                raise AirflowSkipException(f"Skipped, as configured: {error}") from error

    def iter_services(self, **filters: str) -> Iterator[dict[str, Any]]:
        """Yield every service of the organization, page by page. One read per 20 services.

        :param filters: ``userGroupId``, ``search`` (in the name), ``typeId``, ``name`` (exact), ``startDate`` and
            ``endDate`` (by availability).
        """
        with failing_fast():
            yield from self.get_conn().iter_services(**filters)

    def describe_budget(self) -> str:
        """Return who shares the budgets, where they are kept and how much of the minute is used, in a sentence.

        :raises OnliveConfigError: a field of the Connection cannot be used.
        """
        from onlive_provider.connection.budget_use import describe_budgets

        return describe_budgets(self.get_settings())

    def test_connection(self) -> tuple[bool, str]:
        """Make one signed, read-only call, and say in a sentence whether it works, or what is wrong.

        Never raises. The sentence holds no secret.
        """
        from onlive_provider.connection.diagnosis import diagnose

        return diagnose(self.get_connection, self.onlive_conn_id)
