"""The forms of the API's answers, for the OpenAPI page only: nothing is validated with them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    """One field and what is wrong with it."""

    field: str
    message: str


class Error(BaseModel):
    """Any answer that is not a success."""

    statusCode: int
    message: str
    errors: list[FieldError] | None = None


class Guest(BaseModel):
    """An attendee."""

    model_config = ConfigDict(extra="allow")
    email: str
    extraFields: dict[str, Any] | None = None


class Reminder(BaseModel):
    """When a reminder goes out before the start."""

    model_config = ConfigDict(extra="allow")
    time: float
    unit: str


class Appointment(BaseModel):
    """An appointment as it is answered; agentComment and classification are in no answer."""

    id: str
    deletedAt: str | None
    createdAt: str
    updatedAt: str
    title: str | None
    description: str | None
    lang: str | None
    start: str
    end: str
    event: dict[str, Any] | None
    reminders: list[Reminder] | None
    guests: list[Guest] | None
    extraFields: dict[str, Any] | None
    calendarIds: list[str]
    serviceId: str | None
    state: str | None
    blocked: bool
    origin: str | None
    organizationId: str
    userGroupId: str | None


class DateRange(BaseModel):
    """A period in which a service can be booked."""

    model_config = ConfigDict(extra="allow")
    startDate: str
    endDate: str


class ServiceCalendar(BaseModel):
    """A calendar that a service books."""

    model_config = ConfigDict(extra="allow")
    calendarId: str
    active: bool
    type: Literal["agent", "asset"]
    restrictionDates: dict[str, list[list[str]] | None] | None = None


class Service(BaseModel):
    """A service as it is answered. Durations are minutes; times to schedule are days."""

    id: str
    deletedAt: str | None
    createdAt: str
    updatedAt: str
    organizationId: str
    name: str
    duration: float
    timeBetween: float
    minTimeToSchedule: float
    maxTimeToSchedule: float
    incrementTime: float
    condition: str | None
    extraFields: dict[str, Any] | None
    deniedMultipleAppointment: bool
    active: bool
    allowOverlapping: bool
    hasICall: bool
    dateRanges: list[DateRange] | None
    calendars: list[ServiceCalendar] | None
    image: str | None
    userGroupId: str | None
    typeId: str | None


class ServicePage(BaseModel):
    """One page of the services list."""

    items: list[Service]
    total: int
    page: int
    limit: int


class Notification(BaseModel):
    """One message that a write sent, with the names of the fields in the request."""

    at: str
    kind: Literal["guest", "provider", "calendar"]
    appointmentId: str | None = None
    serviceId: str | None = None
    to: str
    fields: list[str]


class Call(BaseModel):
    """One request that the API answered; the status is null when a fault left it without an answer."""

    at: str
    method: str
    path: str
    status: int | None
    fault: int | None = None


class NotificationLog(BaseModel):
    """Every notification, oldest first."""

    items: list[Notification] = Field(default_factory=list)


class CallLog(BaseModel):
    """Every call of the API, oldest first."""

    items: list[Call] = Field(default_factory=list)
