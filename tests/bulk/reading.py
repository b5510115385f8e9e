"""Reads an input that is given as its bytes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from onlive_provider.bulk.rows import read_file
from onlive_provider.errors import OnlivePayloadError


def read(name: str, content: str | bytes, fields: Any = None) -> list[Any]:
    content = content if isinstance(content, bytes) else content.encode()
    return list(read_file(name, open_file=lambda _: io.BytesIO(content), id_field="id", fields=fields))


def refusal_of(name: str, content: str | bytes) -> str:
    """Read an input that cannot be used, and return the one thing that is wrong with it."""
    with pytest.raises(OnlivePayloadError) as refusal:
        read(name, content)
    (error,) = refusal.value.errors
    return str(error)
