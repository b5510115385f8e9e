"""Types of arrays and of free-form JSON, such as ``extraFields``."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar
from uuid import UUID

from pydantic import (
    BeforeValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from onlive_provider.models.model import Model, members_of
from onlive_provider.models.refusals import rebuilt
from onlive_provider.models.rendered import MAX_DEPTH, is_array, read_array
from onlive_provider.models.sentences import Loc, Refusal, Refused, refuse_missing
from onlive_provider.models.times import read_instant
from onlive_provider.models.types import timezone_of
from onlive_provider.models.values import exact_number, read_text

T = TypeVar("T")

_DEPTH_OF_MEMBERS = 2
"""The payload and its field stand around a member of free-form JSON."""


def _read_json(value: Any, info: ValidationInfo) -> Any:
    """Read any JSON: kept as it is, with times, dates, UUIDs and Decimals in their JSON form. ``null`` stays."""
    if isinstance(value, str):
        return read_text(value)
    if value is None or isinstance(value, bool):
        return value
    refuse_missing(value)
    if type(value) is int or isinstance(value, numbers.Number):
        number = exact_number(value)
        if number is None:
            raise Refused(value, "a number that JSON carries without loss, or the same digits as text")
        return number
    if isinstance(value, Mapping):
        return _read_inside(dict, members_of(value), info)
    if is_array(value):
        return _read_inside(list, list(value), info)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return read_instant(value, timezone_of(info))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Model):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, Refusal):
        raise value
    raise Refused(value, "what JSON can carry: text, numbers, True, False, None, lists and dicts")


def _read_inside(kind: type, value: Any, info: ValidationInfo) -> Any:
    context = info.context or {}
    depth = context.get("depth", _DEPTH_OF_MEMBERS) + 1
    return _container(kind, depth > MAX_DEPTH).validate_python(value, context={**context, "depth": depth})


def _refuse_depth(_: object) -> None:
    raise Refusal(f"is nested deeper than {MAX_DEPTH} levels")


def read_given_array(value: object) -> list[Any]:
    """Read an array inside a payload."""
    refuse_missing(value)
    return read_array(value)


Json: TypeAlias = Annotated[Any, BeforeValidator(_read_json)]
FreeObject: TypeAlias = Annotated[dict[str, Json], BeforeValidator(members_of)]
ArrayOf: TypeAlias = Annotated[list[T], BeforeValidator(read_given_array)]


@cache
def _container(kind: type, too_deep: bool) -> TypeAdapter[Any]:
    item = Annotated[Any, BeforeValidator(_refuse_depth)] if too_deep else Json
    # A type made at run time is a value to mypy.
    return TypeAdapter(dict[str, item] if kind is dict else list[item])  # type: ignore[valid-type]


def texts(*names: str) -> BeforeValidator:
    """Return a validator of a free object some of whose members are text wherever they stand, such as a phone.

    A number in their place has lost digits. Its refusal is kept and raised in the member's turn, together with the
    refusals of other members.
    """

    def refuse_other(value: object) -> dict[Any, Any]:
        members = dict(members_of(value))  # the caller's own stays as it is
        for name in names:
            if members.get(name) is not None:
                try:
                    members[name] = read_text(members[name])
                except Refusal as refusal:
                    members[name] = refusal
        return members

    return BeforeValidator(refuse_other)


def keeping(broken_rules: Callable[[Mapping[int, Any]], Iterable[tuple[Loc, Refusal]]]) -> WrapValidator:
    """Return a validator of an array whose items must obey a rule among each other.

    Broken rules are reported together with the items that cannot be read.

    :param broken_rules: yields the places at which the items, by their position, break the rule.
    """

    def read_items(value: object, read: ValidatorFunctionWrapHandler) -> list[Any]:
        given = read_given_array(value)
        errors, title = [], "array"
        try:
            items = dict(enumerate(read(given)))
        except ValidationError as error:
            errors, title = error.errors(include_url=False), error.title
            broken = {each["loc"][0] for each in errors}
            items = {place: read([item])[0] for place, item in enumerate(given) if place not in broken}
        for loc, refusal in broken_rules(items):
            errors.append({"type": "value_error", "loc": loc, "msg": "", "input": given, "ctx": {"error": refusal}})
        if errors:
            raise rebuilt(title, sorted(errors, key=lambda each: each["loc"][0]))
        return list(items.values())

    return WrapValidator(read_items)
