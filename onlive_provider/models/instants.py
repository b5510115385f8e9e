"""Times as a server answers them, made comparable whatever their offset and precision."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(text: object) -> str | None:
    """Return an ISO 8601 time with an offset as ``YYYY-MM-DDTHH:MM:SS.ffffff`` in UTC, or ``None``."""
    moment = _moment(text)
    return None if moment is None else moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def epoch(text: object) -> float | None:
    """Return an ISO 8601 time with an offset as seconds since the epoch, or ``None``."""
    moment = _moment(text)
    return None if moment is None else moment.timestamp()


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip().upper()) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
