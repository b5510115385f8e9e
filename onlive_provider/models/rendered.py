"""Reads objects and arrays as a caller or a template gives them: as Python values, or as text."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from onlive_provider.models.sentences import Refused


def read_object(value: object) -> Mapping[Any, Any]:
    """Read an object: a mapping, or text that holds a JSON object or prints a Python dict."""
    held: Mapping[Any, Any] = _read(value, "an object (dict)", lambda held: isinstance(held, Mapping))
    return held


def read_array(value: object) -> list[Any]:
    """Read an array: a list or another sequence, or text that holds a JSON array or prints a Python list."""
    return list(_read(value, "an array (list)", is_array))


def is_array(value: object) -> bool:
    """Whether the value is an array in JSON."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def _read(value: object, what: str, is_right: Callable[[object], bool]) -> Any:
    accepted, because = f"{what}, or text that holds one as JSON", ""
    held = value
    if isinstance(value, str):
        try:
            held = evaluate(value.strip())
            because = f"which holds {type(held).__name__}"
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            because = (
                "which is neither JSON nor a Python literal; in a template, end the expression with `| tojson`, "
                "or pass `task.output` instead of text"
            )
    if not is_right(held):
        raise Refused(value, accepted, because=because)
    return held


def evaluate(text: str) -> Any:
    """Return what a text holds.

    JSON is tried first, then Python: a template without native rendering prints a dict or a list with Python's quotes.

    :raises ValueError: it is neither; or SyntaxError, TypeError, MemoryError or RecursionError.
    """
    try:
        # Decimal keeps every digit until it is known whether a JSON number can carry them.
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return ast.literal_eval(text)
