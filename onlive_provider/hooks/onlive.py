"""The hook: from an Airflow Connection to a client, and the API's calls for use in a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from onlive_provider.connection.fields import CONN_TYPE, DEFAULT_CONN_ID, HOOK_NAME
from onlive_provider.connection.settings import read_settings
from onlive_provider.hooks.fail_fast import failing_fast

if TYPE_CHECKING:
    from onlive_provider.client.settings import Settings
    from onlive_provider.client.sync import OnliveClient


class OnliveHook(BaseHook):
    """The Onlive API with the credentials and settings of one Airflow Connection.

    An error that trying again cannot help (400, 401, 403, 404, 409, 422, a bad payload or Connection) is raised as
    its Onlive error and as an ``AirflowFailException`` in one, so that a task that lets it pass fails at once.

    :param onlive_conn_id: the Connection of type ``onlive``. It is looked up when the hook is first used.
    """

    conn_name_attr = "onlive_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = CONN_TYPE
    hook_name = HOOK_NAME

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
        """Return the client of this hook's Connection, the same one at every call.

        :raises OnliveConfigError: a field of the Connection cannot be used.
        """
        if self._client is None:
            from onlive_provider.client.sync import OnliveClient

            with failing_fast():
                self._client = OnliveClient(self.get_settings())
        return self._client

    def get_settings(self) -> Settings:
        """Look the Connection up and return the client settings that it holds.

        :raises OnliveConfigError: a field of the Connection cannot be used.
        """
        with failing_fast():
            return read_settings(self.get_connection(self.onlive_conn_id))

    def get_appointment(self, appointment_id: str) -> dict[str, Any]:
        """Return an appointment as the API answers it. One read."""
        with failing_fast():
            return self.get_conn().get_appointment(appointment_id)

    def update_appointment(self, appointment_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Check a patch, send all of it, and return the API's answer. One write, and it notifies the guests.

        ``UpdateAppointmentOperator`` reads first and sends only what changes.

        :param patch: the API's field names; a field that is left out stays, ``None`` clears.
        :raises OnlivePayloadError: naming every field that cannot be sent; nothing was sent.
        """
        from onlive_provider.models.appointment import AppointmentUpdate

        with failing_fast():
            return self.get_conn().update_appointment(
                appointment_id, AppointmentUpdate.from_payload(patch).model_dump(exclude_unset=True)
            )

    def get_service(self, service_id: str) -> dict[str, Any]:
        """Return a service as the API answers it. One read."""
        with failing_fast():
            return self.get_conn().get_service(service_id)

    def update_service(self, service_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Check a patch, send all of it, and return the API's answer. One write.

        ``UpdateServiceOperator`` reads first and sends only what changes.

        :param patch: the API's field names; a field that is left out stays, ``None`` clears.
        :raises OnlivePayloadError: naming every field that cannot be sent; nothing was sent.
        """
        from onlive_provider.models.service import ServiceUpdate

        with failing_fast():
            return self.get_conn().update_service(
                service_id, ServiceUpdate.from_payload(patch).model_dump(exclude_unset=True)
            )

    def iter_services(self, **filters: str) -> Iterator[dict[str, Any]]:
        """Yield every service of the organization, page after page. One read for each 20 services.

        :param filters: ``userGroupId``, ``search`` (in the name), ``typeId``, ``name`` (exact), ``startDate`` and
            ``endDate`` (by availability).
        """
        with failing_fast():
            yield from self.get_conn().iter_services(**filters)

    def test_connection(self) -> tuple[bool, str]:
        """Make one signed, read-only call, once, and say in a sentence whether it works or what stands in the way.

        Never raises; the sentence holds no secret.
        """
        from onlive_provider.connection.diagnosis import diagnose

        return diagnose(lambda: self.get_connection(self.onlive_conn_id))
