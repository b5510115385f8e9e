"""The rows that a snapshot remembers: in 20 bytes each, in memory as in the file.

A file is one line of JSON with the version and a hash of what the rows mean, then an entry of 20 bytes for each record,
sorted by the hash of its id, then a checksum of all that. An entry is the hash of the id, the hash of the row, and when
the record was last read or written.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from itertools import chain
from struct import Struct
from typing import IO

VERSION = 1
BEGIN = b'{"snapshot": '

_ENTRY = Struct(">QQI")
_CHECKSUM_SIZE = 16
_BLOCK = 1 << 20
_BUCKETS = 256
_SHIFT = 56
_REST = 168
"""The share of ``max_age`` that counts as right after a reading: an hour of a week."""
_LAST_TIME = (1 << 32) - 1
_DROPPED = 0


class SnapshotTable:
    """The entries. ``is_changed`` says whether there is anything to store.

    Every record has moments of its own, a little less than ``max_age`` apart, which its id decides. Once one has come
    since its last reading it is not known any more. So each record is read once in ``max_age``, and no run reads much
    more than another. A moment that comes right after a reading does not count, so that a run that is repeated at once
    reads nothing.

    :param max_age: whole seconds, at least 1.
    """

    def __init__(self, max_age: int) -> None:
        self.is_changed = False
        self._rest = max_age // _REST
        self._period = max_age - self._rest
        self._keys, self._digests, self._times = array("Q"), array("Q"), array("I")
        self._new = [bytearray() for _ in range(_BUCKETS)]

    def knows(self, key: int, digest: int, now: int) -> bool:
        """Whether a record was given exactly this row, and need not be read again yet.

        :param key: the hash of its id.
        :param digest: the hash of the row.
        :param now: seconds since the epoch.
        """
        place = self._find(key)
        return place is not None and self._digests[place] == digest and not self._is_due(key, self._times[place], now)

    def put(self, key: int, digest: int, at: int) -> None:
        """Remember what a record was given.

        :param at: when it was read or written, in seconds since the epoch, or before that.
        """
        self.is_changed = True
        at = min(max(at, _DROPPED + 1), _LAST_TIME)
        place = self._find(key)
        if place is None:
            self._new[key >> _SHIFT] += _ENTRY.pack(key, digest, at)
        else:
            self._digests[place], self._times[place] = digest, at

    def drop(self, key: int) -> None:
        """Forget what a record was given before this run."""
        place = self._find(key)
        if place is not None:
            self.is_changed = True
            self._times[place] = _DROPPED

    def blocks(self, identity: str, now: int) -> Iterator[bytes]:
        """Yield the file, in parts. Entries that are due are left out: they save no call.

        :param identity: a hash of what the rows mean.
        """
        checksum = blake2b(digest_size=_CHECKSUM_SIZE)
        head = json.dumps({"snapshot": VERSION, "identity": identity}).encode() + b"\n"
        for block in chain([head], self._sorted(now)):
            checksum.update(block)
            yield block
        yield checksum.digest()

    def _sorted(self, now: int) -> Iterator[bytes]:
        low = 0
        for bucket in range(_BUCKETS):
            high = bisect_left(self._keys, (bucket + 1) << _SHIFT, low) if bucket + 1 < _BUCKETS else len(self._keys)
            columns = self._keys[low:high], self._digests[low:high], self._times[low:high]
            kept = {
                key: (digest, at) for key, digest, at in zip(*columns, strict=True) if not self._is_due(key, at, now)
            }
            kept.update((key, (digest, at)) for key, digest, at in _ENTRY.iter_unpack(self._new[bucket]))
            yield b"".join(_ENTRY.pack(key, *kept[key]) for key in sorted(kept))
            low = high

    def _extend(self, block: bytes) -> None:
        for key, digest, at in _ENTRY.iter_unpack(block):
            self._keys.append(key)
            self._digests.append(digest)
            self._times.append(at)

    def _find(self, key: int) -> int | None:
        place = bisect_left(self._keys, key)
        return place if place < len(self._keys) and self._keys[place] == key else None

    def _is_due(self, key: int, at: int, now: int) -> bool:
        """Whether a record is to be read again: it was forgotten, its moment is over, or it was read in the future."""
        moment = key % self._period
        return not at or at > now or (now - moment) // self._period > (at + self._rest - moment) // self._period


def read_table(file: IO[bytes], identity: str, max_age: int) -> SnapshotTable:
    """Read a file.

    :raises ValueError: it cannot be relied on; the error says why.
    """
    table, checksum = SnapshotTable(max_age), blake2b(digest_size=_CHECKSUM_SIZE)
    head, newline, rest = file.read(_BLOCK).partition(b"\n")
    _check_head(head, identity)
    checksum.update(head + newline)
    while True:
        whole = max(0, len(rest) - _CHECKSUM_SIZE) // _ENTRY.size * _ENTRY.size
        entries, rest = rest[:whole], rest[whole:]
        checksum.update(entries)
        table._extend(entries)
        block = file.read(_BLOCK)
        if not block:
            break
        rest += block
    if rest != checksum.digest():
        raise ValueError("is cut short or damaged")
    return table


def _check_head(head: bytes, identity: str) -> None:
    try:
        said = json.loads(head)
    except (RecursionError, ValueError):
        said = None
    if not isinstance(said, dict) or "snapshot" not in said:
        raise ValueError("is cut short or damaged")
    if said["snapshot"] != VERSION:
        raise ValueError("is of another version")
    if said.get("identity") != identity:
        raise ValueError("was made for another mapping, Connection or option")
