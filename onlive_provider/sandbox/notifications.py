"""Whom a write tells about itself: the rule behind the sandbox's log of notifications."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

VISIBLE = frozenset({"title", "description", "start", "end", "guests", "reminders", "lang", "event", "state"})
"""The fields of an appointment that its guests see."""


def of_appointment(
    appointment: dict[str, Any], service: dict[str, Any] | None, sent: Collection[str], at: str
) -> list[dict[str, Any]]:
    """List the notifications of one successful appointment update.

    A field counts when it was *sent*, not when its value differs: an identical rewrite tells everybody again. One entry
    goes to each guest when a field that guests see was sent, except to guests whose ``extraFields.notifications`` is
    false; one to the service's provider; one to each calendar when the time was sent (the API reference, Update
    Appointment, Notification Handling).

    :param appointment: the record after the update.
    :param sent: the names of the fields in the request.
    :param at: the update's ``updatedAt``.
    """
    recipients: list[tuple[str, str]] = []
    if VISIBLE & set(sent):
        recipients += [("guest", guest["email"]) for guest in appointment["guests"] or () if _wants_mail(guest)]
    if sent and service is not None:
        recipients.append(("provider", _contact(service)))
    if {"start", "end"} & set(sent):
        recipients += [("calendar", calendar_id) for calendar_id in appointment["calendarIds"] or ()]
    return [
        {"at": at, "kind": kind, "appointmentId": appointment["id"], "to": to, "fields": sorted(sent)}
        for kind, to in recipients
    ]


def of_service(service: dict[str, Any], sent: Collection[str], at: str) -> list[dict[str, Any]]:
    """List the notifications of one successful service update: one to the service's provider."""
    if not sent:
        return []
    return [{"at": at, "kind": "provider", "serviceId": service["id"], "to": _contact(service), "fields": sorted(sent)}]


def _wants_mail(guest: dict[str, Any]) -> bool:
    return (guest.get("extraFields") or {}).get("notifications") is not False


def _contact(service: dict[str, Any]) -> str:
    return str((service.get("extraFields") or {}).get("contact") or service["name"])
