"""Limits of calls per access key and minute: what is over them is refused with the seconds to wait."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from datetime import datetime, timedelta

from onlive_provider.sandbox.errors import ApiError

READS_PER_MINUTE = 1000
WRITES_PER_MINUTE = 100
_MINUTE = timedelta(minutes=1)


class CallLimits:
    """Counts each access key's reads and writes of the last minute.

    The numbers are the vendor's published ones; the answer's form is an assumption, for the API reference has no 429.

    :param reads_per_minute: GET calls that one access key may make in any 60 seconds.
    :param writes_per_minute: PUT calls that one access key may make in any 60 seconds.
    """

    def __init__(self, reads_per_minute: int = READS_PER_MINUTE, writes_per_minute: int = WRITES_PER_MINUTE) -> None:
        self._allowed = {"read": reads_per_minute, "write": writes_per_minute}
        self._calls: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)

    def take(self, access_key_id: str, method: str, now: datetime) -> None:
        """Count one call, or raise the 429 that says when to come back. A refused call is not counted."""
        kind = "read" if method == "GET" else "write"
        calls = self._calls[access_key_id, kind]
        while calls and now - calls[0] >= _MINUTE:
            calls.popleft()
        if len(calls) >= self._allowed[kind]:
            seconds = max(1, math.ceil((calls[0] + _MINUTE - now).total_seconds()))
            raise ApiError(429, "Too many requests", headers={"Retry-After": str(seconds)})
        calls.append(now)
