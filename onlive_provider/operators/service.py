"""The operator that updates one service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onlive_provider.hooks.arguments import read_service_update
from onlive_provider.operators.update import UpdateOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from onlive_provider.client.updates import Update
    from onlive_provider.models.fields import Resource


class UpdateServiceOperator(UpdateOperator):
    """Update one bookable service: read it, compare, send only what changes, and prove what happened.

    Costs one read, and one write if anything differs. Changes may affect future appointments (API reference, Update
    Booking Service, "Notes"), so a re-run that finds nothing to change sends nothing.

    Pushes two XComs beside the returned record: ``outcome`` (``updated``, ``unchanged``, ``planned`` or ``skipped``)
    and ``change`` (``{"resource", "id", "before", "after", "updatedAt"}``, of the fields that were sent).

    :param service_id: UUID of the service. (templated)
    :param payload: the fields to change, by the API's names: ``name``, ``duration``, ``timeBetween`` and
        ``incrementTime`` (minutes), ``minTimeToSchedule`` and ``maxTimeToSchedule`` (days), ``extraFields``,
        ``deniedMultipleAppointment``, ``active``, ``allowOverlapping``, ``hasICall``, ``dateRanges``, ``calendars``,
        ``image``, ``userGroupId``, ``typeId``. A field that is left out stays as it is, ``None`` clears it, and an
        array replaces the whole array. A dict, text that holds one as JSON, or an upstream task's output. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param timezone: IANA zone, such as ``Europe/Madrid``, of times in the payload that carry none; without it such a
        time is refused. (templated)
    :param only_changed: read first and send only the fields that differ. ``False`` sends the payload blindly.
    :param plan_only: read, compare and log the change, and send nothing; ``"true"`` works too. (templated)
    :param expected_updated_at: the ``updatedAt`` that the caller last saw, ISO 8601; if the service was changed since,
        the task fails and nothing is sent. A value that renders to nothing is refused. (templated)
    :param on_not_found: ``fail`` or ``skip`` the task when there is no such service (404).
    :param xcom_fields: fields of the record to return; all of them by default.
    :param xcom_personal_data: whether e-mail addresses, such as a calendar's id, and phone numbers may stand in the
        returned record and in ``change``, where ``<hidden>`` is shown otherwise. Without them a change that held some
        cannot be reverted.
    :return: the service as the API answered it, as plain JSON.
    :raises OnlivePayloadError: an argument cannot be used; every one is named, and no call was made.
    :raises OnliveStaleRecordError: the service was changed since ``expected_updated_at``.
    :raises OnliveStatusError: the API refused; 400, 401, 403, 404, 409 and 422 are not retried by Airflow.
    """

    id_argument = "service_id"
    template_fields: Sequence[str] = ("service_id", *UpdateOperator.template_fields)

    def __init__(
        self,
        *,
        service_id: str | XComArg,
        payload: Mapping[str, Any] | str | XComArg,
        **kwargs: Any,
    ) -> None:
        super().__init__(payload=payload, **kwargs)
        self.service_id = service_id

    def resource(self) -> Resource:
        """Return the kind of record that is updated."""
        from onlive_provider.models.fields import SERVICE

        return SERVICE

    def read_update(self) -> Update:
        """Check every argument and return what they ask for."""
        return read_service_update(self.service_id, self.payload, **self.options())
