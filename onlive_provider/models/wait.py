"""What a wait for an appointment waits for, and what an appointment as it was read means for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.patch import parse_record_id
from onlive_provider.models.rendered import read_array
from onlive_provider.models.sentences import Refused, parse
from onlive_provider.models.values import read_word
from onlive_provider.models.wording import nearest
from onlive_provider.privacy import hide_personal_data, without_personal_data

DOCUMENTED_STATES = ("pending", "confirmed")
"""The states that the API reference shows. It gives no list, so any other text may be a state too."""
SUMMARY = ("id", "state", "updatedAt")
"""The fields of an appointment that a wait returns."""

_NEEDED = (*SUMMARY, "deletedAt")
_SLIP = 0.8
"""How like a documented state a text must be to be taken for a slip of it, from 0 to 1 (the same)."""


@dataclass(frozen=True, slots=True)
class AppointmentWait:
    """A wait for one appointment.

    :param appointment_id: UUID.
    :param states: it is over when the appointment is in one of these.
    :param failure_states: it fails when the appointment is in one of these.
    """

    appointment_id: str
    states: tuple[str, ...]
    failure_states: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"waiting for {' or '.join(map(shown, self.states))}"

    def is_over(self, appointment: Mapping[str, Any]) -> bool:
        """Return whether an appointment is in one of the awaited states.

        :param appointment: as the API answered it, or what is :func:`needed` of it.
        """
        return appointment.get("state") in self.states

    def failure(self, appointment: Mapping[str, Any]) -> str | None:
        """Return why an appointment that is in no awaited state need not be waited for any more, in a sentence."""
        state, name = appointment.get("state"), f"Appointment {self.appointment_id}"
        if state in self.failure_states:
            listed = ", ".join(map(shown, self.failure_states))
            return f"{name} is {shown(state)}, one of failure_states ({listed}); {self}"
        if appointment.get("deletedAt") is not None:
            at = without_personal_data(str(appointment["deletedAt"]))
            return f"{name} was deleted at {at}, and was {shown(state)} then; {self}"
        return None

    def progress(self, appointment: Mapping[str, Any]) -> str:
        """Return how far an appointment is, in a sentence for the log."""
        return f"Appointment {self.appointment_id} is {shown(appointment.get('state'))}; {self}"


def read_wait(appointment_id: object, states: object, failure_states: object = ()) -> AppointmentWait:
    """Return the wait that arguments ask for, as a caller or a template gave them.

    :raises OnlivePayloadError: naming every argument that cannot be used.
    """
    errors: list[FieldError] = []
    record_id = ""
    try:
        record_id = parse_record_id(appointment_id, "appointment_id")
    except OnlivePayloadError as error:
        errors += error.errors
    awaited = _read_states(states, "states", errors)
    refused = _read_states(failure_states, "failure_states", errors)
    if not awaited and not any(error.field.startswith("states") for error in errors):
        errors.append(FieldError("states", "is empty; accepted: one state or more"))
    if both := [shown(state) for state in awaited if state in refused]:
        errors.append(FieldError("failure_states", f"holds {', '.join(both)}, which states holds too"))
    if errors:
        raise OnlivePayloadError(errors)
    return AppointmentWait(record_id, awaited, refused)


def read_interval(value: object) -> float:
    """Read the seconds from one look at an appointment to the next."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise Refused(value, "a number of seconds greater than 0")
    return float(value)


def needed(appointment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few fields that a wait needs, so that guests' data are not held longer than the answer."""
    return {name: appointment.get(name) for name in _NEEDED}


def summary(appointment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a wait says of an appointment: plain JSON without guests' data."""
    found: dict[str, Any] = hide_personal_data({name: appointment.get(name) for name in SUMMARY})
    return found


def _read_states(value: object, field: str, errors: list[FieldError]) -> tuple[str, ...]:
    """Read an array of states, and add an error for each that cannot be used."""
    states: list[str] = []
    try:
        items = parse(read_array, value, field, shown=True)
    except OnlivePayloadError as error:
        errors += error.errors
        return ()
    for index, item in enumerate(items):
        try:
            states.append(parse(_read_state, item, f"{field}[{index}]", shown=True))
        except OnlivePayloadError as error:
            errors += error.errors
    return tuple(states)


def _read_state(value: object) -> str:
    """Read a state, which may be any word, but no slip of a documented one: that would be waited for in vain."""
    state = read_word(value)
    near = nearest(state, DOCUMENTED_STATES, likeness=_SLIP)
    if near is None or state == near or (near in state and state.strip() == state):
        return state  # `unconfirmed` may well be a state of the vendor's.
    raise Refused(state, f'"{near}", or a state that is less like it')


def shown(state: object) -> str:
    """Return a state as a log or an error shows it."""
    return f'"{without_personal_data(state)}"' if isinstance(state, str) else "without a state"
