"""Checks of single JSON values, worded as the API words them; every problem is noted, not only the first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from onlive_provider.sandbox.errors import FieldErrors

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Check = Callable[[str, Any, FieldErrors], Any]
"""Takes a field's path, its value and the list of problems; returns the value to store."""

IMMUTABLE = ("id", "organizationId", "createdAt", "updatedAt")


def is_uuid(value: object) -> bool:
    """Tell whether a value is a UUID in its usual form with hyphens."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def is_number(value: object) -> bool:
    """Tell whether a value is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept a string."""
    if not isinstance(value, str):
        errors.append((field, "must be a string"))
    return value


def filled_text(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept a string with something in it."""
    if not isinstance(value, str) or not value.strip():
        errors.append((field, "must be a string that is not empty"))
    return value


def boolean(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept true or false."""
    if not isinstance(value, bool):
        errors.append((field, "must be true or false"))
    return value


def positive(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept a number above 0."""
    if not is_number(value) or value <= 0:
        errors.append((field, "must be a positive number"))
    return value


def not_negative(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept 0 or a number above it."""
    if not is_number(value) or value < 0:
        errors.append((field, "must be a positive number or 0"))
    return value


def uuid(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept a UUID."""
    if not is_uuid(value):
        errors.append((field, "must be a valid UUID"))
    return value


def json_object(field: str, value: Any, errors: FieldErrors) -> Any:
    """Accept an object with any content."""
    if not isinstance(value, dict):
        errors.append((field, "must be an object"))
    return value


def optional(check: Check) -> Check:
    """Let a field be cleared: accept null besides what the check accepts."""

    def accept_null(field: str, value: Any, errors: FieldErrors) -> Any:
        return None if value is None else check(field, value, errors)

    return accept_null


def objects(field: str, value: Any, errors: FieldErrors, each: Check) -> Any:
    """Accept an array of objects, each of which passes a check of its own."""
    if not isinstance(value, list):
        errors.append((field, "must be an array"))
        return value
    stored = []
    for index, item in enumerate(value):
        where = f"{field}[{index}]"
        if isinstance(item, dict):
            stored.append(each(where, item, errors))
        else:
            errors.append((where, "must be an object"))
    return stored


def check_fields(payload: dict[str, Any], checks: dict[str, Check], errors: FieldErrors) -> dict[str, Any]:
    """Check every field of an update; a field that cannot be updated is a problem too, so that a typo shows.

    :param payload: the request's body.
    :param checks: the updatable fields and their checks.
    :param errors: the list that problems are added to.
    :return: the fields with the values to store.
    """
    checked = {}
    for field, value in payload.items():
        check = checks.get(field)
        if check is not None:
            checked[field] = check(field, value, errors)
        else:
            errors.append((field, "cannot be changed" if field in IMMUTABLE else "is not an updatable field"))
    return checked


def merge(stored: dict[str, Any], changes: dict[str, Any], *, merge_objects: bool) -> dict[str, Any]:
    """Apply a partial update: arrays and plain values are replaced, objects are merged key by key when asked.

    :param merge_objects: True keeps an object's keys that the update does not name.
    """
    merged = dict(stored)
    for field, value in changes.items():
        before = stored.get(field)
        if merge_objects and isinstance(value, dict) and isinstance(before, dict):
            value = {**before, **value}
        merged[field] = value
    return merged
