"""The types of fields that hold a single value."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema

from onlive_provider.models.sentences import Refusal, refuse_missing
from onlive_provider.models.times import read_instant, read_local_date
from onlive_provider.models.values import (
    number,
    read_calendar_id,
    read_email,
    read_flag,
    read_link,
    read_record_id,
    read_text,
    read_word,
)


def timezone_of(info: ValidationInfo) -> object:
    """Return the time zone of times that carry none: ``model_validate(..., context={"timezone": ...})``."""
    return info.context.get("timezone") if info.context else None


def _day(value: object) -> str:
    refuse_missing(value)
    return read_local_date(value)


def _choice(value: object) -> object:
    refuse_missing(value)
    return read_text(value) if isinstance(value, str) else value


def _instant(value: object, info: ValidationInfo) -> str:
    return read_instant(value, timezone_of(info))


def later_than(name: str) -> AfterValidator:
    """Return a validator of an end that must be after a start.

    :param name: of the member that holds the start, declared before the end.
    """

    def check(end: str, info: ValidationInfo) -> str:
        start = info.data.get(name)
        if start is not None and end <= start:
            raise Refusal(f"{end} is not after the {name}, {start}; accepted: a later time")
        return end

    return AfterValidator(check)


def _json_schema(kind: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


_ABOVE_ZERO = _json_schema("number", exclusiveMinimum=0)
_FROM_ZERO = _json_schema("number", minimum=0)

Text: TypeAlias = Annotated[str, BeforeValidator(read_text)]
Word: TypeAlias = Annotated[str, BeforeValidator(read_word), _json_schema("string", pattern=r"\S")]
Email: TypeAlias = Annotated[str, BeforeValidator(read_email), _json_schema("string", format="email")]
Link: TypeAlias = Annotated[str, BeforeValidator(read_link), _json_schema("string", format="uri-reference")]
RecordId: TypeAlias = Annotated[str, BeforeValidator(read_record_id), _json_schema("string", format="uuid")]
CalendarId: TypeAlias = Annotated[str, BeforeValidator(read_calendar_id), _json_schema("string", pattern=r"\S")]
CalendarType: TypeAlias = Annotated[Literal["agent", "asset"], BeforeValidator(_choice)]
Flag: TypeAlias = Annotated[bool, BeforeValidator(read_flag)]
Instant: TypeAlias = Annotated[str, BeforeValidator(_instant), _json_schema("string", format="date-time")]
Day: TypeAlias = Annotated[str, BeforeValidator(_day), _json_schema("string", format="date")]
Amount: TypeAlias = Annotated[int | float, BeforeValidator(number("units", above_zero=False)), _FROM_ZERO]
Minutes: TypeAlias = Annotated[int | float, BeforeValidator(number("minutes", above_zero=True)), _ABOVE_ZERO]
PauseMinutes: TypeAlias = Annotated[int | float, BeforeValidator(number("minutes", above_zero=False)), _FROM_ZERO]
LeadDays: TypeAlias = Annotated[int | float, BeforeValidator(number("days", above_zero=False)), _FROM_ZERO]
