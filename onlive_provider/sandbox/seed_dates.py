"""Dates of a seed file that are counted from today, so that the file does not grow old."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from onlive_provider.sandbox.clock import local_day, to_text, zone_of

ACCEPTED = 'or days from today and a local time, such as "+3d 10:00"'
"""What a seed's times may be besides what the API takes."""

_TIME = re.compile(r"([+-][0-9]{1,5})d ([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)")
_DAY = re.compile(r"([+-][0-9]{1,5})d")
_HISTORY = ("createdAt", "updatedAt", "deletedAt")


def dated_service(given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Give a seed's service with its dates counted from today; what is no such date stays as it is.

    :param now: the present instant; today is its day in the service's time zone.
    """
    today = _Today(now, zone_of(given if isinstance(given.get("extraFields"), dict) else None))
    dated = _with_times(given, _HISTORY, today)
    if isinstance(given.get("dateRanges"), list):
        dated["dateRanges"] = [
            _with_times(each, ("startDate", "endDate"), today) if isinstance(each, dict) else each
            for each in given["dateRanges"]
        ]
    if isinstance(given.get("calendars"), list):
        dated["calendars"] = [_with_days(each, today) for each in given["calendars"]]
    return dated


def dated_appointment(given: dict[str, Any], service: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Give a seed's appointment with its times counted from today; what is no such time stays as it is.

    :param service: its service, whose time zone counts; None for UTC.
    """
    return _with_times(given, ("start", "end", *_HISTORY), _Today(now, zone_of(service)))


class _Today:
    """Counts from a day in a time zone."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self._day = local_day(now, zone)
        self._zone = zone

    def time(self, value: Any) -> Any:
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return value
        try:
            moment = datetime.combine(self._in(int(found[1])), time.fromisoformat(found[2]), self._zone)
            return to_text(moment)
        except (ValueError, OverflowError):
            return value

    def day(self, value: Any) -> Any:
        found = _DAY.fullmatch(value) if isinstance(value, str) else None
        try:
            return self._in(int(found[1])).isoformat() if found else value
        except OverflowError:
            return value

    def _in(self, days: int) -> date:
        return self._day + timedelta(days=days)


def _with_times(record: dict[str, Any], names: tuple[str, ...], today: _Today) -> dict[str, Any]:
    return {name: today.time(value) if name in names else value for name, value in record.items()}


def _with_days(calendar: Any, today: _Today) -> Any:
    if not isinstance(calendar, dict) or not isinstance(calendar.get("restrictionDates"), dict):
        return calendar
    restrictions = {
        kind: [[today.day(day) for day in pair] if isinstance(pair, list) else pair for pair in pairs]
        if isinstance(pairs, list)
        else pairs
        for kind, pairs in calendar["restrictionDates"].items()
    }
    return {**calendar, "restrictionDates": restrictions}
