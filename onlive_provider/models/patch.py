"""What every update has in common: absent is not null, text of templates becomes its type, unknown keys are refused.

A model is a pydantic class whose fields name their reader. Building one reads every member, and raises all that
is wrong with them at once as :class:`~onlive_provider.errors.OnlivePayloadError`; ``to_patch`` gives back
plain JSON with exactly the members that were set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.json_values import read_json, read_object
from onlive_provider.models.reading import SHOWN_NAMES, Findings, Place, Reader, read, read_key
from onlive_provider.models.times import read_instant, read_timezone
from onlive_provider.models.values import read_flag, read_record_id
from onlive_provider.models.wording import suggest

IMMUTABLE_FIELDS = frozenset({"id", "organizationId", "createdAt", "updatedAt"})
"""Set by the API for every resource; see the API reference, Update Booking Service, Update Restrictions."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Annotation of a model's field: how what the caller gave becomes what is sent.

    :param reader: the reader of a value that is not null.
    """

    reader: Reader


class Shape(BaseModel):
    """An object of the API, of which only the members that were set are sent.

    Absent, ``None`` and empty are three things: absent is not sent, ``None`` is sent as ``null``, ``[]`` and ``{}`` are
    sent as they are. A member without a default must be there and cannot be null.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    noun: ClassVar[str]
    """What an error calls the object, e.g. ``a guest``."""

    def __init__(self, /, **members: Any) -> None:
        values = self._read_members(members, Place())
        super().__init__(**values)
        self._keep_order(values)

    def to_patch(self) -> dict[str, Any]:
        """Return the members that were set as plain JSON, under the API's names and in the caller's order."""
        declared = {name: value for name, value in self.__dict__.items() if name in self.model_fields_set}
        members: dict[str, Any] = _as_json({**declared, **(self.model_extra or {})})
        return members

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show what was set; values only where no guest's data can stand."""
        for name, value in self.__dict__.items():
            if name in self.model_fields_set:
                yield name, value if name in SHOWN_NAMES else "(not shown)"

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        """Read the object inside a payload; given as a mapping, as text that holds one, or as a model.

        :raises OnlivePayloadError: naming every member that cannot be sent.
        """
        values = cls._read_members(read_object(value, place), place)
        shape = cls.model_construct(_fields_set=set(values), **values)
        shape._keep_order(values)
        return shape

    @classmethod
    def _broken_rules(cls, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Name the members that break a rule together with others, and the rule. Only readable members are given."""
        return ()

    @classmethod
    def _read_members(cls, given: Mapping[Any, Any], place: Place) -> dict[str, Any]:
        findings = Findings(given)
        members = _members(cls)
        values: dict[str, Any] = {}
        for key, value in given.items():
            with findings.collecting(key):
                name = read_key(key, place)
                values[name] = cls._read_member(members.get(name), value, place.key(name), name)
        for name, member in members.items():
            if member.is_required and name not in given:
                findings.add(name, place.key(name).error(f"is missing; {cls.noun} needs it"))
        for name, message in cls._broken_rules(values):
            findings.add(name, place.key(name).error(message))
        findings.finish()
        return values

    @classmethod
    def _read_member(cls, member: _Member | None, value: object, place: Place, name: str) -> Any:
        if member is None:
            if cls.model_config.get("extra") == "allow":
                return read(read_json, value, place)
            raise place.broken(cls._why_unknown(name))
        if value is None:
            if member.is_required:
                raise place.broken(f"got null (None); accepted: a value, because {cls.noun} needs it")
            return None
        return read(member.reader, value, place)

    @classmethod
    def _why_unknown(cls, name: str) -> str:
        hint = suggest(name, cls.model_fields) or f"accepted: {', '.join(cls.model_fields)}"
        return f"is no field of {cls.noun}; {hint}"

    def _keep_order(self, names: Iterable[str]) -> None:
        """Hold the members in the caller's order; pydantic holds them in the order of their declaration."""
        held = self.__dict__
        ordered = {name: held[name] for name in names if name in held}
        object.__setattr__(self, "__dict__", {**ordered, **held})


class Update(Shape):
    """A partial update of one record: only what the caller set is sent."""

    @classmethod
    def from_payload(cls, payload: object, *, timezone: str | ZoneInfo | None = None) -> Self:
        """Read what a caller or a template gave.

        :param payload: a mapping of the API's field names to values, or text that holds such an object as JSON or,
            as a template prints a dict, in Python's notation. May hold models such as ``Guest`` in place of their JSON.
        :param timezone: name of the zone of times that carry none; without it such a time is refused.
        :raises OnlivePayloadError: naming every field that cannot be sent, in the payload's order.
        """
        findings = Findings()
        zone = None
        with findings.collecting("timezone"):
            zone = parse_timezone(timezone, "timezone")
        with findings.collecting("payload"):
            update: Self = read(cls.read, payload, Place(timezone=zone))
        findings.finish()
        return update

    @classmethod
    def read_patch(cls, payload: Mapping[str, Any], *, timezone: ZoneInfo | None) -> dict[str, Any]:
        """Return what ``from_payload(...).to_patch()`` returns, without building the model.

        :raises OnlivePayloadError: as :meth:`from_payload`.
        """
        patch: dict[str, Any] = _as_json(cls._read_members(payload, Place(timezone=timezone)))
        return patch

    @classmethod
    def _read_members(cls, given: Mapping[Any, Any], place: Place) -> dict[str, Any]:
        if not given:
            raise OnlivePayloadError.of("payload", f"is empty; {cls.noun} needs at least one field to send")
        return super()._read_members(given, place)

    @classmethod
    def _why_unknown(cls, name: str) -> str:
        if name in IMMUTABLE_FIELDS:
            return "cannot be changed: the API sets it; leave it out"
        return super()._why_unknown(name)


def parse_record_id(value: object, field: str) -> str:
    """Return a record's id as the API spells it: a UUID in lower case with hyphens.

    :param field: what an error calls the value, e.g. ``appointment_id``.
    :raises OnlivePayloadError: it is no UUID; also what a template prints for a missing value.
    """
    record_id: str = read(read_record_id, value, Place(field))
    return record_id


def parse_flag(value: object, field: str) -> bool:
    """Return a switch that may have come through a template: True, False, or these words in any case.

    :param field: what an error calls the value, e.g. ``plan_only``.
    :raises OnlivePayloadError: it is anything else.
    """
    flag: bool = read(read_flag, value, Place(field))
    return flag


def parse_timezone(value: object, field: str) -> ZoneInfo | None:
    """Return the time zone of a name such as ``Europe/Madrid``, or ``None`` for ``None``.

    :param field: what an error calls the value, e.g. ``timezone``.
    :raises OnlivePayloadError: no such zone is known; the error suggests the closest name.
    """
    zone: ZoneInfo | None = read(read_timezone, value, Place(field))
    return zone


def parse_instant(value: object, field: str, timezone: str | ZoneInfo | None) -> str:
    """Return a time as the API spells it: UTC, milliseconds, ``Z``.

    :param value: an aware datetime, or ISO 8601 text.
    :param field: what an error calls the value, e.g. ``expected_updated_at``.
    :param timezone: name of the zone of a time that carries none; without it such a time is refused.
    :raises OnlivePayloadError: it is no time, or does not mean one instant.
    """
    instant: str = read(read_instant, value, Place(field, parse_timezone(timezone, "timezone")))
    return instant


class _Member(NamedTuple):
    """What is known of one of a shape's own members."""

    reader: Reader
    is_required: bool


@cache
def _members(shape: type[Shape]) -> Mapping[str, _Member]:
    return {
        name: _Member(next(mark.reader for mark in field.metadata if isinstance(mark, Reads)), field.is_required())
        for name, field in shape.model_fields.items()
    }


def _as_json(value: Any) -> Any:
    """Copy a value as plain JSON, so that no caller can change a model through its patch."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {key: _as_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value.to_patch() if isinstance(value, Shape) else value
