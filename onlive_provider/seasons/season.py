"""Seasons: from a first to a last local day in a time zone, as the date range in UTC that the API takes.

A season holds its days whole, from their first second to their last. :mod:`onlive_provider.seasons.local_days` says
which they are where a clock change skips or repeats them. A day that a zone skips as a whole, such as 2011-12-30 in
Pacific/Apia, adds nothing: a season that begins with it begins with the next day, one that ends with it ends with the
day before, and one without any other day is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.sentences import Refused, parse
from onlive_provider.seasons.local_days import first_instant, last_instant

if TYPE_CHECKING:
    from onlive_provider.models.service import DateRange

_LEAP_DAY = (2, 29)


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
        from onlive_provider.models.refusals import read_argument
        from onlive_provider.seasons.members import SeasonMembers

        given = {"name": name, "first_day": first_day, "last_day": last_day, "timezone": timezone}
        members = read_argument(SeasonMembers.model_validate, given)
        for member in self.__slots__:
            object.__setattr__(self, member, getattr(members, member))

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
        from onlive_provider.models.refusals import read_argument
        from onlive_provider.seasons.members import YearlyMembers

        given = {"name": name, "first_day": first_day, "last_day": last_day, "timezone": timezone, "years": years}
        members = read_argument(YearlyMembers.model_validate, given)
        first, last = members.first_day, members.last_day
        errors: list[FieldError] = []
        seasons: list[Self] = []
        for position, year in enumerate(members.years):
            begin, end = _first_day_in(year, first), _last_day_in(year + (last < first), last)
            if end < begin:
                refused = Refused(year, "a leap year", because="which has no 02-29")
                errors.append(FieldError(f"years[{position}]", refused.sentence(shown=True)))
                continue
            try:
                seasons.append(cls(name, begin, end, timezone))
            except OnlivePayloadError as error:
                errors += error.errors
        if errors:
            raise OnlivePayloadError(errors)
        return seasons

    @classmethod
    def from_json(cls, value: object, field: str = "season") -> Self:
        """Return the season that :meth:`as_json` gave.

        :param value: a mapping of the four members, or text that holds one, as a template makes it.
        :param field: what an error calls the value, e.g. ``season[1]``.
        :raises OnlivePayloadError: naming every member that is missing, unknown or cannot be used.
        """
        from onlive_provider.models.refusals import read_argument
        from onlive_provider.models.rendered import read_object
        from onlive_provider.seasons.members import SeasonMembers

        given = parse(read_object, value, field, shown=True)
        return cls(**read_argument(SeasonMembers.model_validate, given, field).model_dump())

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


def _first_day_in(year: int, day: tuple[int, int]) -> date:
    return date(year, 2, 28) + timedelta(days=1) if day == _LEAP_DAY else date(year, *day)


def _last_day_in(year: int, day: tuple[int, int]) -> date:
    return date(year, 3, 1) - timedelta(days=1) if day == _LEAP_DAY else date(year, *day)
