"""The members of a season, as a caller or a template gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, date
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ValidationInfo, field_validator

from onlive_provider.models.model import Model
from onlive_provider.models.sentences import Refusal, Refused, is_missing
from onlive_provider.models.times import read_local_date, read_zone_name
from onlive_provider.seasons.local_days import first_instant, last_instant

_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_A_LEAP_YEAR = 2024


def _read_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or is_missing(value):
        raise Refused(value, 'text that is not blank, such as "summer"')
    return str.__str__(value)


def _read_day(value: object) -> date:
    day = date.fromisoformat(read_local_date(value))
    if day.year in {MINYEAR, MAXYEAR}:
        raise Refused(value, f"a day of the years {MINYEAR + 1} to {MAXYEAR - 1}")
    return day


def _read_month_day(value: object) -> tuple[int, int]:
    if isinstance(value, str) and _MONTH_DAY.fullmatch(value):
        try:
            day = date.fromisoformat(f"{_A_LEAP_YEAR}-{value}")
        except ValueError:
            pass
        else:
            return day.month, day.day
    raise Refused(value, "a day that exists in some year, as MM-DD")


def _read_years(value: object) -> list[object]:
    accepted = "years as numbers, such as [2026, 2027] or range(2026, 2030)"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise Refused(value, accepted)
    years = list(value)
    if not years:
        raise Refused(years, accepted, because="which names no year")
    return years


def _read_year(value: object) -> int:
    if not isinstance(value, int) or not MINYEAR < value < MAXYEAR - 1:
        raise Refused(value, f"a number from {MINYEAR + 1} to {MAXYEAR - 2}")
    return value


def _read_zone_key(value: object) -> str:
    return read_zone_name(value).key


_MonthDay = Annotated[tuple[int, int], BeforeValidator(_read_month_day)]


class _Named(Model):
    noun = "a season"
    member_noun = "member"

    name: Annotated[str, BeforeValidator(_read_name)]

    @classmethod
    def shows(cls, name: str) -> bool:
        """Show values: a season is nobody's data."""
        return True


class SeasonMembers(_Named):
    """One season."""

    first_day: Annotated[date, BeforeValidator(_read_day)]
    last_day: Annotated[date, BeforeValidator(_read_day)]
    timezone: Annotated[str, BeforeValidator(_read_zone_key)]

    @field_validator("last_day")
    @classmethod
    def _ends_after_its_beginning(cls, last: date, info: ValidationInfo) -> date:
        first = info.data.get("first_day")
        if first is not None and last < first:
            raise Refusal(f"{last} is before the first day, {first}; accepted: the same day or a later one")
        return last

    @field_validator("timezone")
    @classmethod
    def _has_a_day(cls, timezone: str, info: ValidationInfo) -> str:
        first, last, zone = info.data.get("first_day"), info.data.get("last_day"), ZoneInfo(timezone)
        if first is not None and last is not None and last_instant(last, zone) < first_instant(first, zone):
            days = f"{first} to {last}, which a clock change in {timezone} skips"
            raise Refusal(f"got {days}; accepted: a season with a day that exists there", member="first_day")
        return timezone


class YearlyMembers(_Named):
    """The same season in several years."""

    first_day: _MonthDay
    last_day: _MonthDay
    timezone: Annotated[str, BeforeValidator(_read_zone_key)]
    years: Annotated[list[Annotated[int, BeforeValidator(_read_year)]], BeforeValidator(_read_years)]
