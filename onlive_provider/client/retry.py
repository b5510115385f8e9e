"""Whether and when a call may be sent again: pure functions of what came back."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from onlive_provider.client.protocol import Answer, Failure, FailureKind

FIRST_DELAY = 0.5
"""Seconds: the upper bound of the first back-off; it doubles with every attempt."""
LONGEST_DELAY = 30.0
"""Seconds: no back-off is longer, unless the server asks for more."""
LONGEST_RETRY_AFTER = 366 * 86_400.0
"""Seconds: a longer ``Retry-After`` is taken for a mistake and ignored."""
SETTLING_DELAY = 1.0
"""Seconds: a write without an answer may still be in progress, so it is not looked up sooner."""
SKEW_TOLERANCE = 60.0
"""Seconds: a clock that is off by less is not the cause of a 401 (the documented window is 15 minutes)."""

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
BUSY_STATUSES = frozenset({429, 503})
"""Statuses that throttle the whole key, not just this call: all its callers wait."""
OVER_LIMIT_STATUSES = frozenset({429})
"""Statuses that say that the key makes more calls than it may: fewer are made for a while."""
UNKNOWN_FATE_STATUSES = frozenset({408, 500, 502, 504})
"""Statuses after which a write may have been made anyway. 425, 429 and 503 say that it was not accepted."""

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def may_be_sent_again(outcome: Answer | Failure) -> bool:
    """Whether the same call may succeed later with nothing changed."""
    if isinstance(outcome, Failure):
        return outcome.kind in (FailureKind.NOT_SENT, FailureKind.LOST)
    return outcome.status in RETRIED_STATUSES


def fate_is_unknown(outcome: Answer | Failure) -> bool:
    """Whether a write with this outcome may have been made."""
    if isinstance(outcome, Failure):
        return outcome.kind in (FailureKind.LOST, FailureKind.TOO_LARGE)
    return outcome.status in UNKNOWN_FATE_STATUSES or 200 <= outcome.status < 300


def backoff(attempt: int, random: float) -> float:
    """Return the seconds to wait after an attempt: full jitter, up to a bound that doubles each time.

    :param attempt: 1 for the first.
    :param random: evenly distributed in [0, 1).
    """
    return random * min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt - 1, 16))


def retry_after(answer: Answer, now: float) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, or ``None`` if it cannot be read.

    :param now: seconds since the epoch; used if ``Retry-After`` is a date and the answer has no ``Date``.
    """
    text = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        when = _epoch(text)
        if when is None:
            return None
        sent = server_time(answer)
        seconds = max(0.0, when - (now if sent is None else sent))
    return seconds if seconds <= LONGEST_RETRY_AFTER else None


def server_time(answer: Answer) -> float | None:
    """Return the answer's ``Date`` as seconds since the epoch, or ``None``."""
    return _epoch(answer.headers.get("date", ""))


@lru_cache(maxsize=16)
def _epoch(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
