"""Whether and when a call may be sent again: pure functions of what came back."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from onlive_provider.client.answers import is_success
from onlive_provider.client.protocol import Answer, Failure, FailureKind

FIRST_DELAY = 0.5
"""Seconds: the upper bound of the first back-off; it doubles with every attempt."""
LONGEST_DELAY = 30.0
"""Seconds: no back-off is longer, unless the server asks for more."""
LONGEST_RETRY_AFTER = 86_400.0
"""Seconds: a longer ``Retry-After`` counts as this one. No limit of an API is reset less often than once a day."""
SETTLING_PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each look at a record whose write has an unknown fate: the write may still be in progress."""
SKEW_TOLERANCE = 60.0
"""Seconds: a clock that is off by less is not the cause of a 401 (the documented window is 15 minutes)."""

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
BUSY_STATUSES = frozenset({429, 503})
"""Statuses that throttle the whole key, not just this call: all its callers wait."""
OVER_LIMIT_STATUSES = frozenset({429})
"""Statuses that say that the key makes more calls than it may: fewer are made for a while."""

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def may_be_sent_again(outcome: Answer | Failure) -> bool:
    """Whether the same call may succeed later with nothing changed. A write must be known not to have been made."""
    if isinstance(outcome, Failure):
        return outcome.kind is not FailureKind.TLS
    # A success here is one without what was asked for, such as a page of a proxy; below 200 it is no answer at all.
    return outcome.status in RETRIED_STATUSES or outcome.status < 200 or is_success(outcome)


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
    return min(seconds, LONGEST_RETRY_AFTER)


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
