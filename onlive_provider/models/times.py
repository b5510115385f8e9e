"""Readers of times, dates and time zones. Times are sent in UTC, with milliseconds. Each may raise ``Refusal``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, available_timezones

from onlive_provider.models.sentences import Refused, refuse_missing
from onlive_provider.models.wording import did_you_mean

ACCEPTED_TIME = (
    "an aware datetime, or ISO 8601 text such as 2025-03-10T08:00:00Z or 2025-03-10T09:00:00+01:00; "
    "without an offset only together with `timezone`"
)

_AS_SENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")
_ISO_TIME = re.compile(r"[0-9W-]+[T ][0-9:.,]+(Z|[+-][0-9:]+)?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ACCEPTED_ZONE = "a name of the IANA time zone database, such as Europe/Madrid"


def read_instant(value: object, timezone: object = None) -> str:
    """Read a time and return it as ``YYYY-MM-DDTHH:MM:SS.mmmZ`` in UTC.

    Digits below the millisecond are cut off, so that a time never moves into the future.

    :param value: an aware datetime, or ISO 8601 text; one without an offset is read in the time zone.
    :param timezone: a time zone or the name of one.
    """
    refuse_missing(value)
    moment = _as_datetime(value)
    if type(value) is str and _AS_SENT.fullmatch(value):
        return value
    offset = moment.utcoffset()
    # A plain copy: subclasses (pendulum, pandas) calculate and print in their own way.
    wall = datetime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond
    )
    try:
        if offset is None:
            return _print_utc(_read_in_zone(wall, value, read_timezone(timezone)))
        return _print_utc(wall.replace(tzinfo=UTC) - offset)
    except OverflowError:
        raise Refused(value, ACCEPTED_TIME, because="which in UTC is outside the years 1 to 9999") from None


def read_local_date(value: object) -> str:
    """Read a calendar day and return it as ``YYYY-MM-DD``.

    :param value: a date, or text of that form.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    text = value.strip() if isinstance(value, str) else ""
    try:
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise Refused(value, "a day that exists, as YYYY-MM-DD, without a time")


def read_timezone(value: object) -> ZoneInfo | None:
    """Read the name of a time zone, such as ``Europe/Madrid``; ``None`` stays ``None``."""
    if value is None or isinstance(value, ZoneInfo):
        return value
    return read_zone_name(value)


def read_zone_name(value: object) -> ZoneInfo:
    """Read the name of a time zone; ``None`` is refused."""
    if not isinstance(value, str):
        raise Refused(value, _ACCEPTED_ZONE)
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown, no valid name, a folder of the time zone database
        hint = did_you_mean(value, available_timezones())
        because = f"which is not a known time zone; {hint}" if hint else "which is not a known time zone"
        raise Refused(value, _ACCEPTED_ZONE, because=because) from None


def _as_datetime(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        raise Refused(value, ACCEPTED_TIME, because="a date without a time of day")
    if not isinstance(value, str):
        raise Refused(value, ACCEPTED_TIME)
    text = value.strip().upper()
    try:
        if _ISO_TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    because = "a date without a time of day" if _is_date(text) else "which is not an ISO 8601 time"
    raise Refused(value, ACCEPTED_TIME, because=because)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _read_in_zone(wall: datetime, value: object, zone: ZoneInfo | None) -> datetime:
    """Read a local time in a time zone, if it means exactly one instant."""
    if zone is None:
        raise Refused(value, ACCEPTED_TIME, because="a time without a time zone")
    earlier, later = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(UTC)
    is_skipped = earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall
    verb = "skips" if is_skipped else "repeats"
    both = " or ".join(f"{_print_utc(moment)} ({moment.isoformat()})" for moment in (earlier, later))
    raise Refused(
        value,
        "the same time with its offset",
        because=f"a local time that a clock change in {zone} {verb}",
        detail=f": it can be read as {both}",
    )


def _print_utc(moment: datetime) -> str:
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"
