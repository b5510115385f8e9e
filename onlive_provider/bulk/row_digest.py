"""Short hashes of a record's id and of a row, by which a snapshot knows them again.

Two rows have one digest where they ask for the same, and with a chance of 1 in 18 million million million elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

_SIZE = 8


def key_of(record_id: str) -> int:
    """Return a hash of a record's id, of 64 bits.

    :param record_id: as the API spells it.
    """
    return int.from_bytes(blake2b(record_id.encode(), digest_size=_SIZE).digest())


def digest_of(record_id: str, payload: Mapping[str, Any]) -> int | None:
    """Return a hash of what a row asks for, of 64 bits; ``None`` where it holds what has no exact text.

    :param record_id: as the API spells it.
    :param payload: as given, before it is checked.
    """
    try:
        text = f"{record_id} {_JSON.encode(payload)}"
    except (RecursionError, TypeError, ValueError):
        return None
    return int.from_bytes(blake2b(text.encode(), digest_size=_SIZE).digest())


def _exact(value: object) -> dict[str, Any]:
    """Return JSON for a value that JSON does not know. Its key keeps it apart from an object that looks like it.

    :raises TypeError: its text may leave something out, as that of a model does, which hides guests' data.
    """
    kind = type(value)
    if kind in (date, Decimal, UUID):
        return {f"\0{kind.__name__}": str(value)}
    if kind in (datetime, time):
        assert isinstance(value, datetime | time)
        return {f"\0{kind.__name__}": [value.isoformat(), value.fold]}
    raise TypeError(kind.__name__)


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_exact)
