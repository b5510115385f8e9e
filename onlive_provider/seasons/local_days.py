"""Local days: when a day begins and ends in a time zone, and how many days a change of date ranges opens or closes.

A local day is taken whole. Where a clock change skips or repeats the time at which it begins or ends:

- a day whose midnight is skipped begins with the first time that exists, e.g. at 01:00;
- a day whose midnight comes twice begins with the first of them;
- a day whose 23:59:59 comes twice ends with the second of them;
- a day whose 23:59:59 is skipped ends with the last second that exists, e.g. at 22:59:59;
- a day that is skipped as a whole, such as 2011-12-30 in Pacific/Apia, ends before it begins: no time is in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from onlive_provider.models.sentences import parse
from onlive_provider.models.times import read_zone_name
from onlive_provider.seasons.date_ranges import Span, cut, read_spans

_LAST_SECOND = time(23, 59, 59)
_NOON = time(12)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_CHANGE_WITHIN_A_DAY = timedelta(hours=20)


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day, in UTC; of the next day, if this one is skipped as a whole."""
    first, second = _readings(day, time.min, zone)
    if first > second:
        first = second + bisect_left(range(second, first), day, key=lambda moment: _local_day(_utc(moment), zone))
    return _utc(first)


def last_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the last whole second of a local day, in UTC; of the day before, if this one is skipped as a whole."""
    first, second = _readings(day, _LAST_SECOND, zone)
    if first > second:
        second += bisect_right(range(second, first), day, key=lambda moment: _local_day(_utc(moment), zone)) - 1
    return _utc(second)


def days_gained_and_lost(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], timezone: str
) -> tuple[int, int]:
    """Return the number of local days on which a change opens time, and the number on which it closes time.

    A day counts however little of it is opened or closed, so that a shift by an hour shows. A day on which some time is
    opened and some closed counts on both sides. A single instant does not count.

    :param before: a service's date ranges before the change.
    :param after: its date ranges after the change.
    :param timezone: name of the IANA time zone whose days are counted.
    :raises OnlivePayloadError: naming everything in one of the lists that is no date range, or the unknown time zone.
    """
    zone = parse(read_zone_name, timezone, "timezone", shown=True)
    old, new = read_spans(before), read_spans(after)
    return _count(cut(new, old), zone), _count(cut(old, new), zone)


def _readings(day: date, clock: time, zone: ZoneInfo) -> tuple[int, int]:
    """Return the two readings of a local time in seconds since 1970.

    They are equal for a time that comes once. The first is the earlier one of a time that comes twice, and the later
    one of a time that is skipped: the clock change lies between the two.
    """
    first, second = (datetime.combine(day, clock, zone).replace(fold=fold) for fold in (0, 1))
    return int(first.timestamp()), int(second.timestamp())


def _utc(moment: int) -> datetime:
    return _EPOCH + timedelta(seconds=moment)


def _local_day(moment: datetime, zone: ZoneInfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # the first or last day that a date can be
        return moment.date()


def _count(spans: Iterable[Span], zone: ZoneInfo) -> int:
    count = 0
    reached = 0
    for first, last in sorted(_days_of(span, zone) for span in spans):
        unseen = max(first, reached + 1)
        reached = max(reached, last)
        if unseen <= last:
            count += last - unseen + 1 - len(_skipped_days(unseen, last, zone))
    return count


def _days_of(span: Span, zone: ZoneInfo) -> tuple[int, int]:
    """Return the number of the first and of the last local day of a span.

    They are ordered: a clock that goes back over midnight may show the later day first.
    """
    first = _local_day(span.start, zone).toordinal()
    last = _local_day(span.end - timedelta(milliseconds=1), zone).toordinal()
    return min(first, last), max(first, last)


def _skipped_days(first: int, last: int, zone: ZoneInfo) -> list[date]:
    """Return the days from the first to the last, by their number, that the zone skips as a whole."""
    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
    return [day for year in years for day in _skipped_in_year(year, zone) if first <= day.toordinal() <= last]


@lru_cache(maxsize=4096)
def _skipped_in_year(year: int, zone: ZoneInfo) -> tuple[date, ...]:
    """Return the days of a year that a zone skips as a whole.

    Zones do so when they move to the other side of the date line, and stay there for years: only a year between whose
    first and last noon so much time is missing is looked at day by day.
    """
    new_year, new_years_eve = date(year, 1, 1), date(year, 12, 31)
    # A skipped noon is read with the difference before the change, which New Year's Eve must not be.
    first, last = _readings(new_year, _NOON, zone)[0], _readings(new_years_eve, _NOON, zone)[1]
    elapsed = timedelta(seconds=last - first)
    if new_years_eve - new_year - elapsed < _LARGEST_CHANGE_WITHIN_A_DAY:
        return ()
    days = (date.fromordinal(number) for number in range(new_year.toordinal(), new_years_eve.toordinal() + 1))
    return tuple(day for day in days if last_instant(day, zone) < first_instant(day, zone))
