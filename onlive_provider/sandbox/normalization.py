"""What a server may do to what it stores: members added to items, ``[]`` for null, e-mail addresses in one spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from onlive_provider.sandbox.store import Kind, Store

_NAMESPACE = UUID("0f6b2a52-7f0c-4a4e-9a0e-6c1b8a5d7e34")
_ARRAYS: dict[Kind, tuple[str, ...]] = {
    "appointments": ("guests", "reminders"),
    "services": ("dateRanges", "calendars"),
}


def spelled(payload: dict[str, Any]) -> dict[str, Any]:
    """Give an update with its guests' e-mail addresses trimmed and in lower case, before anything is checked."""
    guests = payload.get("guests")
    if not isinstance(guests, list):
        return payload
    return {**payload, "guests": [_with_plain_email(guest) for guest in guests]}


def normalized(kind: Kind, record: dict[str, Any], calendar_names: Mapping[str, str]) -> dict[str, Any]:
    """Give a record as a server stores it that adds members of its own; a member that was sent stays as it was sent.

    An item's id depends on the record and on what identifies the item, so that it survives an update.

    :param calendar_names: the names of the organization's calendars by their ids.
    """
    stored = spelled(record)
    for name in _ARRAYS[kind]:
        add = _ADDED[name]
        stored = {
            **stored,
            name: [_filled(item, add(record["id"], item, calendar_names)) for item in stored[name] or ()],
        }
    return stored


def normalize_store(store: Store) -> None:
    """Normalize what a sandbox holds when it starts."""
    with store.transaction():
        for organization in store.organizations():
            names = {each["id"]: each["name"] for each in store.calendars(organization["id"])}
            for kind in _ARRAYS:
                for record in store.records(kind, organization["id"]):
                    store.save(kind, normalized(kind, record, names))


def _filled(item: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    return {**item, **{name: value for name, value in added.items() if item.get(name) is None}}


def _with_plain_email(guest: Any) -> Any:
    if not isinstance(guest, dict) or not isinstance(guest.get("email"), str):
        return guest
    return {**guest, "email": guest["email"].strip().lower()}


def _guest(record_id: str, item: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {"id": _id(record_id, item["email"]), "status": "pending"}


def _reminder(record_id: str, item: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {"id": _id(record_id, item["time"], item["unit"])}


def _date_range(record_id: str, item: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {"id": _id(record_id, item["startDate"], item["endDate"])}


def _calendar(record_id: str, item: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {"name": names.get(item["calendarId"].lower()), "restrictionDates": {}}


_ADDED = {"guests": _guest, "reminders": _reminder, "dateRanges": _date_range, "calendars": _calendar}


def _id(*identity: object) -> str:
    return str(uuid5(_NAMESPACE, " ".join(map(str, identity))))
