"""What may be changed in an appointment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, JsonValue

from onlive_provider.models.json_values import array_of, free_object, read_items
from onlive_provider.models.patch import Reads, Shape, Update, parse_timezone
from onlive_provider.models.reading import Place, read
from onlive_provider.models.times import read_instant
from onlive_provider.models.values import read_email, read_text, read_word, zero_or_more


class Guest(Shape):
    """Somebody who attends. Its repr shows no data.

    :param email: e-mail address, sent as given. Required.
    :param extraFields: the guest's own data: ``phone``, ``firstName`` and ``lastName`` are text, other keys are free.
    """

    noun = "a guest"

    email: Annotated[str, Reads(read_email)]
    extraFields: Annotated[dict[str, JsonValue] | None, Reads(free_object("phone", "firstName", "lastName"))] = None


class Reminder(Shape):
    """When to remind before the appointment.

    :param time: how long before, in ``unit``; 0 or more. Required.
    :param unit: unit of ``time``; the API reference shows ``m`` for minutes, others may exist. Required.
    """

    noun = "a reminder"

    time: Annotated[int | float, Reads(zero_or_more("units"))]
    unit: Annotated[str, Reads(read_word)]


class VirtualEvent(Shape):
    """The online side of an appointment; other keys are kept. Its repr shows no data.

    :param iCallUrl: address of the video call.
    :param room: name of the room.
    """

    model_config = ConfigDict(extra="allow")
    noun = "a virtual event"

    iCallUrl: Annotated[str | None, Reads(read_text)] = None
    room: Annotated[str | None, Reads(read_text)] = None


def _read_guests(value: object, place: Place) -> list[Guest]:
    """Read the guests; no two may have the same e-mail address, in whatever case."""
    guests, findings = read_items(Guest.read, value, place)
    first_with: dict[str, int] = {}
    for position, guest in guests.items():
        first = first_with.setdefault(guest.email.casefold(), position)
        if first != position:
            email = place.index(position).key("email")
            findings.add(
                position, email.error(f"is the same address as guests[{first}].email; each guest needs another")
            )
    findings.finish()
    return list(guests.values())


def _end_after_start(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    start, end = values.get("start"), values.get("end")
    if start is not None and end is not None and end <= start:
        yield "end", f"{end} is not after the start, {start}; accepted: a later time"


class AppointmentUpdate(Update):
    """A partial update of an appointment: the API reference, Update Appointment, Updatable Fields.

    Every field may be ``None``, which clears it.

    :param title: title or subject.
    :param description: detailed description.
    :param start: start time, sent in UTC.
    :param end: end time, sent in UTC; after the start.
    :param guests: everybody who attends; replaces the whole list. E-mail addresses differ.
    :param reminders: reminders; replaces the whole list.
    :param extraFields: custom fields, free-form JSON.
    :param lang: language code, e.g. ``en``.
    :param classification: category, e.g. ``internal``. Cannot be read back.
    :param event: the virtual event.
    :param state: state, e.g. ``confirmed``; the list of states is the vendor's.
    :param agentComment: internal notes. Cannot be read back.
    """

    noun = "an appointment update"

    title: Annotated[str | None, Reads(read_text)] = None
    description: Annotated[str | None, Reads(read_text)] = None
    start: Annotated[str | None, Reads(read_instant)] = None
    end: Annotated[str | None, Reads(read_instant)] = None
    guests: Annotated[list[Guest] | None, Reads(_read_guests)] = None
    reminders: Annotated[list[Reminder] | None, Reads(array_of(Reminder.read))] = None
    extraFields: Annotated[dict[str, JsonValue] | None, Reads(free_object())] = None
    lang: Annotated[str | None, Reads(read_word)] = None
    classification: Annotated[str | None, Reads(read_word)] = None
    event: Annotated[VirtualEvent | None, Reads(VirtualEvent.read)] = None
    state: Annotated[str | None, Reads(read_word)] = None
    agentComment: Annotated[str | None, Reads(read_text)] = None

    @classmethod
    def _broken_rules(cls, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return _end_after_start(values)


class Slot(Shape):
    """Another time for an appointment whose first choice is taken.

    :param start: start time, sent in UTC. Required.
    :param end: end time, sent in UTC; after the start. Required.
    """

    noun = "a slot"

    start: Annotated[str, Reads(read_instant)]
    end: Annotated[str, Reads(read_instant)]

    @classmethod
    def _broken_rules(cls, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return _end_after_start(values)


def parse_slots(value: object, *, timezone: str | ZoneInfo | None) -> list[dict[str, str]]:
    """Return ``fallback_slots`` as the API spells times, in the order in which they are tried.

    :param value: a list of objects with ``start`` and ``end``, or text that holds one as JSON.
    :param timezone: name of the zone of times that carry none; without it such a time is refused.
    :raises OnlivePayloadError: naming every slot that cannot be sent, e.g. ``fallback_slots[0].end``.
    """
    place = Place("fallback_slots", parse_timezone(timezone, "timezone"))
    return [slot.to_patch() for slot in read(array_of(Slot.read), value, place)]
