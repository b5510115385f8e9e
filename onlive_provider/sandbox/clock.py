"""Time in the sandbox: a clock that is passed in, and instants as the API writes and reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present instant as an aware datetime."""

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def system_clock() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


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


def parse_day(text: object) -> datetime | None:
    """Read an ISO 8601 date as its midnight in UTC; anything else gives None."""
    if not isinstance(text, str) or _DAY.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def next_update(now: datetime, previous: str) -> str:
    """Give the ``updatedAt`` of a write: the present instant, and always later than the one before.

    :param previous: the record's ``updatedAt`` before the write.
    """
    before = parse_instant(previous)
    if before is not None and to_text(now) <= previous:
        now = before + timedelta(milliseconds=1)
    return to_text(now)
