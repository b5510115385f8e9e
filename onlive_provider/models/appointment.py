"""What may be changed in an appointment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models import fields
from onlive_provider.models.instants import instant
from onlive_provider.models.items import Item
from onlive_provider.models.json_values import ArrayOf, FreeObject, Json, keeping, texts
from onlive_provider.models.model import Model
from onlive_provider.models.patch import Update, parse_timezone
from onlive_provider.models.refusals import read_argument
from onlive_provider.models.sentences import Loc, Refusal
from onlive_provider.models.types import Amount, Email, Instant, Text, Word, later_than

_OWN_DATA: dict[str, JsonValue] = {name: {"type": ["string", "null"]} for name in ("phone", "firstName", "lastName")}


class Guest(Item):
    """A person who attends. Its repr shows no data. The API reference: Update Appointment, Updatable Fields."""

    noun = "a guest"
    rows = fields.GUEST

    email: Email = Field(description="E-mail address, sent as given.")
    extraFields: Annotated[FreeObject, texts(*_OWN_DATA)] | None = Field(
        None,
        description="The guest's own data: `phone`, `firstName` and `lastName` are text, other keys are free.",
        json_schema_extra={"properties": _OWN_DATA},
    )


class Reminder(Item):
    """When to remind before the appointment. The API reference: Update Appointment, Updatable Fields."""

    noun = "a reminder"
    rows = fields.REMINDER

    time: Amount = Field(description="How long before, in `unit`; 0 or more.")
    unit: Word = Field(description="Unit of `time`; the API reference shows `m` for minutes, others may exist.")


class VirtualEvent(Model):
    """The online part of an appointment. Other keys are kept. Its repr shows no data.

    The API reference: Update Appointment, Updatable Fields.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Json]
    noun = "a virtual event"

    iCallUrl: Text | None = Field(None, description="Address of the video call.")
    room: Text | None = Field(None, description="Name of the room.")


def _repeated(guests: Mapping[int, Guest]) -> Iterator[tuple[Loc, Refusal]]:
    first_with: dict[str, int] = {}
    for place, guest in guests.items():
        first = first_with.setdefault(guest.email.casefold(), place)
        if first != place:
            message = f"is the same address as guests[{first}].email; each guest needs another"
            yield (place, "email"), Refusal(message)


class AppointmentUpdate(Update):
    """A partial update of an appointment: the API reference, Update Appointment, Updatable Fields.

    Every field may be ``None``, which clears it.
    """

    noun = "an appointment update"
    rows = fields.APPOINTMENT.fields

    title: Text | None = Field(None, description="Title or subject.")
    description: Text | None = Field(None, description="Detailed description.")
    start: Instant | None = Field(None, description="Start time, sent in UTC.")
    end: Annotated[Instant, later_than("start")] | None = Field(
        None, description="End time, sent in UTC; after the start."
    )
    guests: Annotated[list[Guest], keeping(_repeated)] | None = Field(
        None, description="Everybody who attends; replaces the whole list. No e-mail address twice."
    )
    reminders: ArrayOf[Reminder] | None = Field(None, description="Reminders; replaces the whole list.")
    extraFields: FreeObject | None = Field(None, description="Custom fields, free-form JSON.")
    lang: Word | None = Field(None, description="Language code, e.g. `en`.")
    classification: Word | None = Field(None, description="Category, e.g. `internal`. Cannot be read back.")
    event: VirtualEvent | None = Field(None, description="The virtual event.")
    state: Word | None = Field(None, description="State, e.g. `confirmed`; the list of states is the vendor's.")
    agentComment: Text | None = Field(None, description="Internal notes. Cannot be read back.")


def check_against_current(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Check a start or an end that is sent alone against the other one, which the appointment holds.

    It is left to the server if the other one is unknown.

    :param patch: the fields to be sent.
    :param current: the appointment as it was read.
    :raises OnlivePayloadError: the end would not be after the start.
    """
    changed = [name for name in ("start", "end") if name in patch]
    if not changed:
        return
    record = {**current, **patch}
    start, end = instant(record.get("start")), instant(record.get("end"))
    if start is not None and end is not None and end <= start:
        source = " (one of them is what the appointment holds)" if len(changed) == 1 else ""
        message = f"end would be {record['end']} and start {record['start']}{source}; accepted: an end after the start"
        raise OnlivePayloadError.of(changed[0], message)


class Slot(Model):
    """Another time for an appointment whose first choice is taken: the API reference, Update Appointment."""

    noun = "a slot"
    rows = fields.APPOINTMENT.fields

    start: Instant = Field(description="Start time, sent in UTC.")
    end: Annotated[Instant, later_than("start")] = Field(description="End time, sent in UTC; after the start.")


def parse_slots(value: object, *, timezone: str | ZoneInfo | None) -> list[dict[str, Any]]:
    """Return ``fallback_slots`` as the API spells times, in the order in which they are tried.

    :param value: a list of objects with ``start`` and ``end``, or text that holds one as JSON.
    :param timezone: name of the zone of times that carry none; without it such a time is refused.
    :raises OnlivePayloadError: naming every slot that cannot be sent, e.g. ``fallback_slots[0].end``.
    """
    zone = parse_timezone(timezone, "timezone")
    slots = read_argument(TypeAdapter(ArrayOf[Slot]).validate_python, value, "fallback_slots", timezone=zone)
    return [slot.model_dump() for slot in slots]
