"""Readers of objects, arrays and free-form JSON, given as Python values or as the text that a template made of them."""

from __future__ import annotations

import ast
import json
import numbers
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from onlive_provider.models.reading import Findings, Place, Reader, read, read_key
from onlive_provider.models.times import read_instant
from onlive_provider.models.values import exact_number, read_text


@runtime_checkable
class Patchable(Protocol):
    """A value that knows its own JSON, such as a DateRange or a Guest inside a payload."""

    def to_patch(self) -> dict[str, Any]:
        """Return the value as plain JSON."""


def read_object(value: object, place: Place) -> Mapping[Any, Any]:
    """Read an object: a mapping, one of our models, or text that holds a JSON object or prints a Python dict.

    :raises OnlivePayloadError: it is anything else.
    """
    accepted = "an object (dict), or text that holds one as JSON"
    held = value if type(value) is dict else _held_in_text(value, place, accepted)
    if isinstance(held, Mapping):
        return held
    if isinstance(held, Patchable):
        return held.to_patch()
    raise place.refused(value, accepted, because=_holding(value, held))


def read_items(read_item: Reader, value: object, place: Place) -> tuple[dict[int, Any], Findings]:
    """Read an array: a list or another sequence, or text that holds a JSON array or prints a Python list.

    :param read_item: the reader of each item.
    :returns: the items that could be read, by position, and the refusals of the others: the caller adds its own rules
        and calls ``finish``.
    :raises OnlivePayloadError: it is not an array.
    """
    accepted = "an array (list), or text that holds one as JSON"
    held = _held_in_text(value, place, accepted)
    if not _is_array(held):
        raise place.refused(value, accepted, because=_holding(value, held))
    findings = Findings(range(len(held)))
    items: dict[int, Any] = {}
    for position, item in enumerate(held):
        with findings.collecting(position):
            items[position] = read(read_item, item, place.index(position))
    return items, findings


def array_of(read_item: Reader) -> Reader:
    """Return a reader of arrays whose items have no rule among each other."""

    def read_array(value: object, place: Place) -> list[Any]:
        items, findings = read_items(read_item, value, place)
        findings.finish()
        return list(items.values())

    return read_array


def free_object(*texts: str) -> Reader:
    """Return a reader of an object whose members are the caller's own, such as ``extraFields``.

    :param texts: the members that are text wherever they stand, such as a phone, so that a number in their place has
        lost digits.
    """

    def read_free_object(value: object, place: Place) -> dict[str, Any]:
        return _read_members(read_object(value, place), place, texts)

    return read_free_object


def read_json(value: object, place: Place) -> Any:
    """Read any JSON: kept as it is, with times, dates, UUIDs and Decimals in their JSON form. ``null`` stays.

    :raises OnlivePayloadError: JSON cannot carry it without loss: bytes, sets, infinity, too many digits.
    """
    if isinstance(value, str):
        return read_text(value, place)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return read_instant(value, place)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, numbers.Number):
        number = exact_number(value)
        if number is None:
            raise place.refused(value, "a number that JSON carries without loss, or the same digits as text")
        return number
    if isinstance(value, Patchable):
        return value.to_patch()
    if isinstance(value, Mapping):
        return _read_members(value, place, ())
    if _is_array(value):
        return array_of(read_json)(value, place)
    raise place.refused(value, "what JSON can carry: text, numbers, True, False, None, lists and dicts")


def _read_members(given: Mapping[Any, Any], place: Place, texts: Sequence[str]) -> dict[str, Any]:
    findings = Findings(given)
    members: dict[str, Any] = {}
    for key, value in given.items():
        with findings.collecting(key):
            name = read_key(key, place)
            reader = read_text if name in texts and value is not None else read_json
            members[name] = read(reader, value, place.key(name))
    findings.finish()
    return members


def _is_array(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def _held_in_text(value: object, place: Place, accepted: str) -> Any:
    """Return what a text holds, and any other value as it is.

    JSON comes first. Only text that is no JSON is taken as Python: a template without native rendering prints a dict
    or a list with Python's quotes.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        # Decimal keeps every digit until it is known whether a JSON number can carry them.
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise place.refused(
            value,
            accepted,
            because="which is neither JSON nor a Python literal; in a template, end the expression with `| tojson`, "
            "or pass `task.output` instead of text",
        ) from None


def _holding(value: object, held: object) -> str:
    return f"which holds {type(held).__name__}" if isinstance(value, str) else ""
