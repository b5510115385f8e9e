"""The record ids that an input has named so far, kept in little memory."""

from __future__ import annotations

_BUCKETS = 1 << 14
_SIZE = 16


class SeenIds:
    """A set of UUIDs that takes about 20 bytes for each of a million, where Python's own takes over 100.

    A bucket is its ids, one after another. An id's hash chooses its bucket, not its first bytes, because ids that were
    made one after another begin alike.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, bytearray] = {}

    def add(self, record_id: str) -> bool:
        """Add an id and return whether it is new."""
        raw = bytes.fromhex(record_id.replace("-", ""))
        bucket = self._buckets.setdefault(hash(raw) % _BUCKETS, bytearray())
        found = bucket.find(raw)
        while found >= 0:
            if found % _SIZE == 0:
                return False
            found = bucket.find(raw, found + 1)
        bucket += raw
        return True
