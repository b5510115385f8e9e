"""The one table of a record's fields: one row for each field that an update may name.

Comparing, logging, reverting, the report and the documentation read it. The models add which values may be sent. A new
field is one row here and one line in its model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.wording import counted
from onlive_provider.privacy import UUID_PATTERN, without_personal_data

Kind: TypeAlias = Literal["text", "email", "id", "instant", "number", "flag", "set", "object", "free object"]
"""How a value is compared.

``instant``: a time, whatever its offset. ``email``: text, without case and blanks around it. ``id``: text; a UUID or an
e-mail address without case. ``set``: an array, ignoring order. ``object``: the listed members. ``free object``: members
that the customer names and that mean nothing to the API.
"""

_UPDATE_APPOINTMENT = "Update Appointment"
_UPDATE_SERVICE = "Update Booking Service"
_SERVICE_EXAMPLE = "Update Booking Service, Request Example"
_CALENDAR = "Update Booking Service, Calendar Object Structure"

_ANSWERED_BY_ALL = ("id", "createdAt", "updatedAt", "deletedAt")

_MAX_SHOWN = 80
_EXAMPLE_ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record, or one member of an object inside it.

    :param name: as the API spells it.
    :param source: the page of the API reference that the row comes from.
    :param shown: whether its value may stand in a log, an error and a repr. The others may hold a guest's data or a
        private link.
    :param readable: whether a GET answers it. If not, nobody knows whether it already holds a value.
    :param members: of an object, or of each object in a set.
    :param key: the members that tell an item of a set from another.
    """

    name: str
    kind: Kind
    source: str
    shown: bool = True
    readable: bool = True
    members: Mapping[str, Field] = field(default_factory=dict)
    key: tuple[str, ...] = ()


UNKNOWN = Field("", "text", "", shown=False)
"""Stands for a field that is not in the table, such as a new one of the API: compared as it is, never shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One kind of record: what it is called, where the API keeps it, and its fields.

    :param name: singular, for messages: ``appointment``.
    :param path: of the collection, e.g. ``/api/v1/appointments``.
    :param fields: the fields that an update may name, by name.
    :param answered: the names that a GET answers besides; the API sets these.
    """

    name: str
    path: str
    fields: Mapping[str, Field] = field(repr=False)
    answered: tuple[str, ...] = field(repr=False)

    def record_path(self, record_id: str) -> str:
        """Return the path of one record.

        :raises OnlivePayloadError: the id is not a UUID, and could lead to another path.
        """
        if not UUID_PATTERN.fullmatch(record_id):
            given = f"text of {counted(len(record_id), 'character')}"
            raise OnlivePayloadError.of(f"{self.name} id", f"{given} is not a UUID such as {_EXAMPLE_ID}")
        return f"{self.path}/{record_id}"

    @property
    def names(self) -> list[str]:
        """The names of a record's members, according to the API reference."""
        return [*self.answered, *(name for name, row in self.fields.items() if row.readable)]

    def field(self, name: str) -> Field:
        """Return a field's row, or :data:`UNKNOWN`."""
        return self.fields.get(name, UNKNOWN)


def _table(*rows: Field) -> dict[str, Field]:
    return {row.name: row for row in rows}


GUEST = _table(
    Field("email", "email", _UPDATE_APPOINTMENT, shown=False),
    Field("extraFields", "free object", "Get Appointment", shown=False),
)
REMINDER = _table(
    Field("time", "number", _UPDATE_APPOINTMENT),
    Field("unit", "text", _UPDATE_APPOINTMENT),
)
DATE_RANGE = _table(
    Field("startDate", "instant", _SERVICE_EXAMPLE),
    Field("endDate", "instant", _SERVICE_EXAMPLE),
)
RESTRICTION_DATES = _table(
    Field("include", "set", _CALENDAR),
    Field("exclude", "set", _CALENDAR),
)
CALENDAR = _table(
    Field("calendarId", "id", _CALENDAR),
    Field("active", "flag", _CALENDAR),
    Field("type", "text", _CALENDAR),
    Field("restrictionDates", "object", _CALENDAR, members=RESTRICTION_DATES),
)

APPOINTMENT = Resource(
    "appointment",
    "/api/v1/appointments",
    _table(
        Field("title", "text", _UPDATE_APPOINTMENT, shown=False),
        Field("description", "text", _UPDATE_APPOINTMENT, shown=False),
        Field("start", "instant", _UPDATE_APPOINTMENT),
        Field("end", "instant", _UPDATE_APPOINTMENT),
        Field("guests", "set", _UPDATE_APPOINTMENT, shown=False, members=GUEST, key=("email",)),
        Field("reminders", "set", _UPDATE_APPOINTMENT, members=REMINDER, key=("time", "unit")),
        Field("extraFields", "free object", _UPDATE_APPOINTMENT, shown=False),
        Field("lang", "text", _UPDATE_APPOINTMENT),
        Field("classification", "text", _UPDATE_APPOINTMENT, readable=False),
        Field("event", "free object", _UPDATE_APPOINTMENT, shown=False),
        Field("state", "text", _UPDATE_APPOINTMENT),
        Field("agentComment", "text", _UPDATE_APPOINTMENT, shown=False, readable=False),
    ),
    (
        *_ANSWERED_BY_ALL,
        *("calendarIds", "serviceId", "blocked", "origin", "organizationId", "userGroupId"),
    ),
)
SERVICE = Resource(
    "service",
    "/api/v1/services",
    _table(
        Field("name", "text", _UPDATE_SERVICE),
        Field("duration", "number", _UPDATE_SERVICE),
        Field("timeBetween", "number", _UPDATE_SERVICE),
        Field("minTimeToSchedule", "number", _UPDATE_SERVICE),
        Field("maxTimeToSchedule", "number", _UPDATE_SERVICE),
        Field("incrementTime", "number", _UPDATE_SERVICE),
        Field("extraFields", "free object", _UPDATE_SERVICE, shown=False),
        Field("deniedMultipleAppointment", "flag", _UPDATE_SERVICE),
        Field("active", "flag", _UPDATE_SERVICE),
        Field("allowOverlapping", "flag", _UPDATE_SERVICE),
        Field("hasICall", "flag", _UPDATE_SERVICE),
        Field("image", "text", _SERVICE_EXAMPLE),
        Field("userGroupId", "id", _SERVICE_EXAMPLE),
        Field("typeId", "id", _SERVICE_EXAMPLE),
        Field("dateRanges", "set", _UPDATE_SERVICE, members=DATE_RANGE, key=("startDate", "endDate")),
        Field("calendars", "set", _UPDATE_SERVICE, members=CALENDAR, key=("calendarId",)),
    ),
    (*_ANSWERED_BY_ALL, "organizationId", "condition"),
)
RESOURCES: Mapping[str, Resource] = {resource.name: resource for resource in (APPOINTMENT, SERVICE)}


def resource_named(name: object, where: str = "") -> Resource:
    """Return a resource by its name in a change or a report.

    :param where: what an error puts before ``resource``, e.g. ``report[1].``.
    :raises OnlivePayloadError: the name is missing or unknown.
    """
    if isinstance(name, str) and name in RESOURCES:
        return RESOURCES[name]
    found = "is missing" if name is None else f"got {without_personal_data(repr(name))[:_MAX_SHOWN]}"
    raise OnlivePayloadError.of(f"{where}resource", f"{found}; accepted: {' or '.join(RESOURCES)}")


IMMUTABLE_FIELDS = ("id", "organizationId", "createdAt", "updatedAt")
"""Set by the API for every resource; see the API reference, Update Booking Service, Update Restrictions."""
