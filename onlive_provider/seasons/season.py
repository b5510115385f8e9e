"""Seasons: from a first to a last local day in a time zone, as the date range in UTC that the API takes.

A season holds its days whole, from their first second to their last. :mod:`onlive_provider.seasons.local_days` says
which they are where a clock change skips or repeats them. A day that a zone skips as a whole, such as 2011-12-30 in
Pacific/Apia, adds nothing: a season that begins with it begins with the next day, one that ends with it ends with the
day before, and one without any other day is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from onlive_provider.models.reading import Findings, OpenPlace, Place, Reader, is_missing, read_key
from onlive_provider.models.times import read_local_date
from onlive_provider.models.wording import suggest
from onlive_provider.seasons.local_days import first_instant, last_instant, read_zone

if TYPE_CHECKING:
    from onlive_provider.models.service import DateRange

_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_LEAP_DAY = (2, 29)
_A_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True, init=False)
class Season:
    """From the first second of a local day to the last second of another, or of the same.

    A day whose midnight is skipped begins with the first time that exists; one whose midnight comes twice, with the
    first. A day whose 23:59:59 comes twice ends with the second; one whose 23:59:59 is skipped, with its last second.

    :param name: what a plan and a report call the season.
    :param first_day: first local day; a date, or text as ``YYYY-MM-DD``.
    :param last_day: last local day, which belongs to the season; not before the first.
    :param timezone: name of the IANA time zone whose days are meant, e.g. ``Europe/Madrid``.
    :raises OnlivePayloadError: naming every member that cannot be used.
    """

    name: str
    first_day: date
    last_day: date
    timezone: str

    def __init__(self, name: str, first_day: date | str, last_day: date | str, timezone: str) -> None:
        given = {"name": name, "first_day": first_day, "last_day": last_day, "timezone": timezone}
        for member, value in _read_season(given, Place()).items():
            object.__setattr__(self, member, value)

    @classmethod
    def yearly(cls, name: str, first_day: str, last_day: str, timezone: str, years: Iterable[int]) -> list[Self]:
        """Return the same season in several years, in the order of the years, each under the same name.

        A last day that comes before the first in the calendar lies in the following year: ``11-15`` to ``02-28``.
        ``02-29`` means the leap day where there is one. Elsewhere it adds nothing: a season that begins with it begins
        on 1 March, and one that ends with it ends on 28 February. ``02-28`` means that day in leap years too.

        :param first_day: first local day as ``MM-DD``.
        :param last_day: last local day as ``MM-DD``.
        :param years: the years in which the season begins.
        :raises OnlivePayloadError: naming every argument that cannot be used, also a year in which the season would
            have no day.
        """
        given = {"name": name, "first_day": first_day, "last_day": last_day, "timezone": timezone, "years": years}
        findings = Findings()
        values = _read_members(given, _YEARLY_READERS, Place(), findings)
        findings.finish()
        first, last = values["first_day"], values["last_day"]
        seasons: list[Self] = []
        for position, year in enumerate(values["years"]):
            with findings.collecting(position):
                begin, end = _first_day_in(year, first), _last_day_in(year + (last < first), last)
                if end < begin:
                    raise _year_at(position).refused(year, "a leap year", because="which has no 02-29")
                seasons.append(cls(name, begin, end, timezone))
        findings.finish()
        return seasons

    @classmethod
    def from_json(cls, value: object, field: str = "season") -> Self:
        """Return the season that :meth:`as_json` gave.

        :param value: a mapping of the four members, or text that holds one, as a template makes it.
        :param field: what an error calls the value, e.g. ``season[1]``.
        :raises OnlivePayloadError: naming every member that is missing, unknown or cannot be used.
        """
        from onlive_provider.models.json_values import read_object

        season = OpenPlace(field)
        return cls(**_read_season(read_object(value, season), season))

    def as_json(self) -> dict[str, str]:
        """Return the season as it travels through XCom."""
        return {
            "name": self.name,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "timezone": self.timezone,
        }

    def date_range(self) -> DateRange:
        """Return the season in UTC.

        2024-10-14 to 2025-10-14 in Europe/Madrid is ``2024-10-13T22:00:00.000Z`` to ``2025-10-14T21:59:59.000Z``, as in
        the API reference, Update Booking Service, Request Example.
        """
        from onlive_provider.models.service import DateRange

        zone = ZoneInfo(self.timezone)
        return DateRange(
            startDate=first_instant(self.first_day, zone),
            endDate=last_instant(self.last_day, zone),
        )


def _read_season(given: Mapping[Any, Any], season: Place) -> dict[str, Any]:
    findings = Findings(given)
    values = _read_members(given, _READERS, season, findings)
    for member, message in _broken_rules(values):
        findings.add(member, season.key(member).error(message))
    findings.finish()
    return values


def _read_members(
    given: Mapping[Any, Any], readers: Mapping[str, Reader], season: Place, findings: Findings
) -> dict[str, Any]:
    """Return the members that can be read, and add what is wrong with the others to the findings."""
    values: dict[str, Any] = {}
    for key in given:
        with findings.collecting(key):
            if read_key(key, season) not in readers:
                hint = suggest(key, readers) or f"accepted: {', '.join(readers)}"
                raise season.key(key).broken(f"is no member of a season; {hint}")
    for member, reader in readers.items():
        with findings.collecting(member):
            if member not in given:
                raise season.key(member).broken("is missing; a season needs it")
            values[member] = reader(given[member], OpenPlace(season.key(member).path))
    return values


def _broken_rules(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Name the member that breaks a rule together with others, and the rule. Only readable members are given."""
    first, last, timezone = (values.get(member) for member in ("first_day", "last_day", "timezone"))
    if first is None or last is None:
        return
    if last < first:
        yield "last_day", f"{last} is before the first day, {first}; accepted: the same day or a later one"
    elif timezone is not None:
        zone = ZoneInfo(timezone)
        if last_instant(last, zone) < first_instant(first, zone):
            days = f"{first} to {last}, which a clock change in {timezone} skips"
            yield "first_day", f"got {days}; accepted: a season with a day that exists there"


def _read_name(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value.strip() or is_missing(value):
        raise place.refused(value, 'text that is not blank, such as "summer"')
    return str.__str__(value)


def _read_day(value: object, place: Place) -> date:
    day = date.fromisoformat(read_local_date(value, place))
    if day.year in {MINYEAR, MAXYEAR}:
        raise place.refused(value, f"a day of the years {MINYEAR + 1} to {MAXYEAR - 1}")
    return day


def _read_timezone(value: object, place: Place) -> str:
    return read_zone(value, place).key


def _read_month_day(value: object, place: Place) -> tuple[int, int]:
    if isinstance(value, str) and _MONTH_DAY.fullmatch(value):
        try:
            day = date.fromisoformat(f"{_A_LEAP_YEAR}-{value}")
        except ValueError:
            pass
        else:
            return day.month, day.day
    raise place.refused(value, "a day that exists in some year, as MM-DD")


def _read_years(value: object, place: Place) -> list[int]:
    accepted = "years as numbers, such as [2026, 2027] or range(2026, 2030)"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise place.refused(value, accepted)
    years = list(value)
    if not years:
        raise place.refused(years, accepted, because="which names no year")
    findings = Findings()
    for position, year in enumerate(years):
        with findings.collecting(position):
            if not isinstance(year, int) or not MINYEAR < year < MAXYEAR - 1:
                raise _year_at(position).refused(year, f"a number from {MINYEAR + 1} to {MAXYEAR - 2}")
    findings.finish()
    return years


def _year_at(position: int) -> Place:
    return OpenPlace(f"years[{position}]")


_READERS: dict[str, Reader] = {
    "name": _read_name,
    "first_day": _read_day,
    "last_day": _read_day,
    "timezone": _read_timezone,
}
_YEARLY_READERS: dict[str, Reader] = {
    **_READERS,
    "first_day": _read_month_day,
    "last_day": _read_month_day,
    "years": _read_years,
}


def _first_day_in(year: int, day: tuple[int, int]) -> date:
    return date(year, 2, 28) + timedelta(days=1) if day == _LEAP_DAY else date(year, *day)


def _last_day_in(year: int, day: tuple[int, int]) -> date:
    return date(year, 3, 1) - timedelta(days=1) if day == _LEAP_DAY else date(year, *day)
