"""The operator that updates one appointment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onlive_provider.errors import OnliveError
from onlive_provider.hooks.arguments import FailOrSkip, checked_choice, read_appointment_update, skipped_errors
from onlive_provider.operators.update import UpdateOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from onlive_provider.client.updates import Update
    from onlive_provider.models.fields import Resource


class UpdateAppointmentOperator(UpdateOperator):
    """Update one appointment: read it, compare, send only what changes, and prove what happened.

    Costs one read, and one write if anything differs. A write notifies the appointment's guests and moves rooms and
    calendars (API reference, Update Appointment, "Notification Handling"), so a re-run that finds nothing to change
    sends nothing. ``agentComment`` and ``classification`` cannot be read back: they are sent at every run.

    Pushes two XComs beside the returned record: ``outcome`` (``updated``, ``unchanged``, ``planned`` or ``skipped``)
    and ``change`` (``{"resource", "id", "before", "after", "updatedAt"}``, of the fields that were sent).

    :param appointment_id: UUID of the appointment. (templated)
    :param payload: the fields to change, by the API's names: ``title``, ``description``, ``start``, ``end``,
        ``guests``, ``reminders``, ``extraFields``, ``lang``, ``classification``, ``event``, ``state``,
        ``agentComment``. A field that is left out stays as it is, ``None`` clears it, and an array replaces the whole
        array. A dict, text that holds one as JSON, or an upstream task's output. (templated)
    :param onlive_conn_id: the Connection, of type ``onlive``. (templated)
    :param timezone: IANA zone, such as ``Europe/Madrid``, of times in the payload that carry none; without it such a
        time is refused. (templated)
    :param only_changed: read first and send only the fields that differ. ``False`` sends the payload blindly, and
        notifies at every run.
    :param plan_only: read, compare and log the change, and send nothing; ``"true"`` works too. (templated)
    :param expected_updated_at: the ``updatedAt`` that the caller last saw, ISO 8601; if the appointment was changed
        since, the task fails and nothing is sent. A value that renders to nothing is refused. (templated)
    :param on_not_found: ``fail`` or ``skip`` the task when there is no such appointment (404).
    :param on_conflict: ``fail`` or ``skip`` the task when the time slot, and every fallback slot, is taken (409).
    :param fallback_slots: ``[{"start": ..., "end": ...}, ...]``, tried in order when the payload's slot is taken. An
        appointment that is in one of them already stays there. Needs ``start`` and ``end`` in the payload. (templated)
    :param xcom_fields: fields of the record to return; all of them by default.
    :param xcom_personal_data: whether e-mail addresses, phone numbers and ``agentComment`` may stand in the returned
        record and in ``change``, where ``<hidden>`` is shown otherwise. Without them a change of guests cannot be
        reverted.
    :return: the appointment as the API answered it, as plain JSON.
    :raises OnlivePayloadError: an argument cannot be used; every one is named, and no call was made.
    :raises OnliveStaleRecordError: the appointment was changed since ``expected_updated_at``.
    :raises OnliveStatusError: the API refused; 400, 401, 403, 404, 409 and 422 are not retried by Airflow.
    """

    id_argument = "appointment_id"
    template_fields: Sequence[str] = ("appointment_id", "fallback_slots", *UpdateOperator.template_fields)

    def __init__(
        self,
        *,
        appointment_id: str | XComArg,
        payload: Mapping[str, Any] | str | XComArg,
        on_conflict: FailOrSkip = "fail",
        fallback_slots: Sequence[Mapping[str, Any]] | str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(payload=payload, **kwargs)
        self.appointment_id = appointment_id
        self.on_conflict = checked_choice("on_conflict", on_conflict)
        self.fallback_slots = fallback_slots
        self._has_fallback_slots = fallback_slots is not None

    def resource(self) -> Resource:
        """Return the kind of record that is updated."""
        from onlive_provider.models.fields import APPOINTMENT

        return APPOINTMENT

    def read_update(self) -> Update:
        """Check every argument and return what they ask for."""
        options = self.options()
        if self._has_fallback_slots:
            options["fallback_slots"] = self.fallback_slots
        return read_appointment_update(self.appointment_id, self.payload, **options)

    def skipping(self) -> tuple[type[OnliveError], ...]:
        """Return the errors for which the author asked to skip the task."""
        return skipped_errors(self.on_not_found, self.on_conflict)
