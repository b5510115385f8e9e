"""Reads objects and arrays as a caller or a template gives them: as Python values, or as text."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from onlive_provider.models.sentences import Refused, safe_step

MAX_DEPTH = 64
"""Deeper payloads are refused: they are cycles or mistakes, and JSON libraries fail on them."""

_PLAIN = (str, int, float, type(None))
"""Told apart first, which is much cheaper."""


class RepeatedMemberError(ValueError):
    """An object in a text has a member twice: which of the two is meant, nobody can tell. The text is its name."""


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


def is_nested_deeper(value: object, levels: int) -> bool:
    """Whether objects and arrays stand in one another more than so many times. Works at any depth, and in cycles."""
    if isinstance(value, _PLAIN):
        return False
    open_ones: list[Iterator[Any]] = [iter((value,))]
    while open_ones:
        for held in open_ones[-1]:
            if not isinstance(held, _PLAIN) and (isinstance(held, Mapping) or is_array(held)):
                if len(open_ones) > levels:
                    return True
                open_ones.append(iter(held.values() if isinstance(held, Mapping) else held))
                break
        else:
            open_ones.pop()
    return False


def _read(value: object, what: str, is_right: Callable[[object], bool]) -> Any:
    accepted, because = f"{what}, or text that holds one as JSON", ""
    held = value
    if isinstance(value, str):
        try:
            held = evaluate(value.strip())
            because = f"which holds {type(held).__name__}"
        except RepeatedMemberError as error:
            raise Refused(value, accepted, because=f"which holds {safe_step(str(error))} twice") from None
        except RecursionError:
            because = "which is nested too deep to be read"
        except (ValueError, SyntaxError, TypeError):
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

    :raises RecursionError: it is JSON that is nested too deep.
    :raises RepeatedMemberError: an object in it has a member twice.
    :raises ValueError: it is neither JSON nor Python; or SyntaxError or TypeError.
    """
    try:
        # Decimal keeps every digit until it is known whether a JSON number can carry them.
        return json.loads(text, parse_float=Decimal, object_pairs_hook=as_object)
    except RepeatedMemberError:
        raise
    except ValueError:
        try:
            tree = ast.parse(text, mode="eval")
            for node in ast.walk(tree):
                if isinstance(node, ast.Dict):
                    as_object([(key.value, None) for key in node.keys if isinstance(key, ast.Constant)])
            return ast.literal_eval(tree)
        except (MemoryError, RecursionError) as error:
            raise ValueError from error


def as_object(members: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return an object of its members as they stand in a text.

    :raises RepeatedMemberError: one stands there twice.
    """
    found = dict(members)
    if len(found) < len(members):
        raise RepeatedMemberError(Counter(name for name, _ in members).most_common(1)[0][0])
    return found
