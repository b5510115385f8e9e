"""Time in the sandbox: a clock that is passed in, and instants as the API writes and reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Returns the present instant as an aware datetime."""

EXAMPLE = "2025-03-01T00:00:00Z"

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class StartError(Exception):
    """The time at which a sandbox is to start cannot be used; the message says why."""


def system_clock() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


def clock_from(start: str, clock: Clock) -> Clock:
    """Make a clock that shows a given time at once, and runs on as another one does.

    :param start: ISO 8601 with ``Z`` or an offset.
    :param clock: what it runs on with.
    :raises StartError: the start is no such time, or not of the years 1970 to 8999.
    """
    begin = parse_instant(start)
    if begin is None or not _FIRST <= begin < _LAST:
        raise StartError(
            f"now: {start!r} is not accepted: give an ISO 8601 time of the years 1970 to 8999 with Z or an offset,"
            f" such as {EXAMPLE}"
        )
    ahead = begin - clock()
    return lambda: clock() + ahead


def to_text(instant: datetime) -> str:
    """Write an instant as the API answers it: UTC, milliseconds, ``Z``."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_instant(text: object) -> datetime | None:
    """Read an ISO 8601 date and time with ``Z`` or an offset; anything else gives None."""
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_day(text: object) -> date | None:
    """Read an ISO 8601 date; anything else gives None."""
    if not isinstance(text, str) or _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def shift(instant: datetime, minutes: float) -> datetime:
    """Move an instant; one that would lie outside the years 1 to 9999 becomes the first or the last instant."""
    try:
        return instant + timedelta(minutes=minutes)
    except OverflowError:
        return (datetime.max if minutes > 0 else datetime.min).replace(tzinfo=UTC)


def local_day(instant: datetime, zone: tzinfo) -> date:
    """Give the day of an instant in a time zone; at the very end of the calendar, its day in UTC."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        return instant.date()


def zone_of(service: Mapping[str, Any] | None) -> tzinfo:
    """Give the time zone that a service's ``extraFields.timezone`` names; UTC where it names none.

    The API has no field for a zone. This key is where the sandbox's own brand keeps it.
    """
    name = ((service or {}).get("extraFields") or {}).get("timezone")
    try:
        return ZoneInfo(name) if isinstance(name, str) else UTC
    except (KeyError, ValueError, OSError):
        return UTC


def next_update(now: datetime, previous: str) -> str:
    """Give the ``updatedAt`` of a write: the present instant, and always later than the one before.

    :param previous: the record's ``updatedAt`` before the write.
    """
    before = parse_instant(previous)
    if before is not None and to_text(now) <= previous:
        now = before + timedelta(milliseconds=1)
    return to_text(now)
