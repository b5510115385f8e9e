"""What every update has in common, and the readers of operators' arguments."""

from __future__ import annotations

from typing import Self
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.fields import IMMUTABLE_FIELDS
from onlive_provider.models.model import Model
from onlive_provider.models.refusals import field_errors
from onlive_provider.models.sentences import parse
from onlive_provider.models.times import read_instant, read_timezone
from onlive_provider.models.values import read_flag, read_record_id
from onlive_provider.privacy import HIDDEN


class Update(Model):
    """A partial update of one record; ``model_dump(exclude_unset=True)`` is the patch, plain JSON."""

    immutable = IMMUTABLE_FIELDS
    may_be_empty = False

    @classmethod
    def from_payload(cls, payload: object, *, timezone: str | ZoneInfo | None = None) -> Self:
        """Read what a caller or a template gave.

        :param payload: a mapping of the API's field names to values, or text that holds such an object as JSON or,
            as a template prints a dict, in Python's notation. May hold models such as ``Guest`` in place of their JSON.
        :param timezone: name of the zone of times that carry none; without it such a time is refused.
        :raises OnlivePayloadError: naming every field that cannot be sent, in the payload's order.
        """
        errors: list[FieldError] = []
        zone = None
        try:
            zone = parse_timezone(timezone, "timezone")
        except OnlivePayloadError as error:
            errors += error.errors
        try:
            update = cls.model_validate(payload, context={"timezone": zone})
        except ValidationError as error:
            errors += field_errors(error)
        else:
            errors += _hidden(payload, update)
        if errors:
            raise OnlivePayloadError(errors)
        return update


def _hidden(payload: object, update: Update) -> list[FieldError]:
    """Return an error for each field that was taken from XCom or a report, where guests' data were hidden."""
    if HIDDEN not in repr(payload):  # Nearly every payload ends here, and looking at its fields takes much longer.
        return []
    message = f"holds {HIDDEN}, which stands for guests' data in XCom and reports; accepted: the data themselves"
    fields = update.model_dump(exclude_unset=True)
    return [FieldError(name, message) for name, value in fields.items() if HIDDEN in str(value)]


def parse_record_id(value: object, field: str) -> str:
    """Return a record's id as the API spells it: a UUID in lower case with hyphens.

    :param field: what an error calls the value, e.g. ``appointment_id``.
    :raises OnlivePayloadError: it is not a UUID; also what a template prints for a missing value.
    """
    return parse(read_record_id, value, field, shown=False)


def parse_flag(value: object, field: str) -> bool:
    """Return a switch that may have come through a template: True, False, or these words in any case.

    :param field: what an error calls the value, e.g. ``plan_only``.
    :raises OnlivePayloadError: it is anything else.
    """
    return parse(read_flag, value, field, shown=True)


def parse_timezone(value: object, field: str) -> ZoneInfo | None:
    """Return the time zone of a name such as ``Europe/Madrid``, or ``None`` for ``None``.

    :param field: what an error calls the value, e.g. ``timezone``.
    :raises OnlivePayloadError: no such zone is known; the error suggests the closest name.
    """
    return parse(read_timezone, value, field, shown=True)


def parse_instant(value: object, field: str, timezone: str | ZoneInfo | None) -> str:
    """Return a time as the API spells it: UTC, milliseconds, ``Z``.

    :param value: an aware datetime, or ISO 8601 text.
    :param field: what an error calls the value, e.g. ``expected_updated_at``.
    :param timezone: name of the zone of a time that carries none; without it such a time is refused.
    :raises OnlivePayloadError: it is no time, or does not mean one instant.
    """
    zone = parse_timezone(timezone, "timezone")
    return parse(lambda given: read_instant(given, zone), value, field, shown=True)
