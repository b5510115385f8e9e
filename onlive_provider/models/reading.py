"""Where a value stands in a payload, and how its refusal reads.

A reader is a function that takes a value as a caller or a template made it and returns the JSON to send, or raises
:class:`~onlive_provider.client.errors.OnlivePayloadError`. Objects and arrays gather the refusals of their members with
:class:`Findings`, so that a caller sees every mistake at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from onlive_provider.changes import SAFE_FIELDS
from onlive_provider.client.errors import FieldError, OnlivePayloadError

SHOWN_NAMES = (
    SAFE_FIELDS
    | {"startDate", "endDate", "time", "unit", "calendarId", "type", "restrictionDates", "include", "exclude"}
    | {"expected_updated_at", "fallback_slots", "only_changed", "plan_only", "timezone"}
)
"""What holds no guest's data, of fields, of models and of operators' parameters: errors and reprs show its value."""

MISSING_TEXTS = frozenset({"None", "nan", "NaN", "NaT", "<NA>"})
"""What a template prints for a value that is not there: Python's None, and pandas' and numpy's missing values."""

MAX_SHOWN = 80
MAX_DEPTH = 64
"""Deeper payloads are refused: they are cycles or mistakes, and JSON libraries fail on them."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one value in the payload.

    :param path: as the API spells it, e.g. ``guests[1].email``; empty for the payload itself.
    :param timezone: zone of the times below this place that carry none.
    :param depth: objects and arrays around this place.
    """

    path: str = ""
    timezone: ZoneInfo | None = None
    depth: int = 0

    def key(self, name: str) -> Place:
        """Return the place of an object's member."""
        shown = name if _is_harmless_key(name) else "(key not shown)"
        return Place(f"{self.path}.{shown}" if self.path else shown, self.timezone, self.depth + 1)

    def index(self, position: int) -> Place:
        """Return the place of an array's item."""
        return Place(f"{self.path}[{position}]", self.timezone, self.depth + 1)

    @property
    def shows_values(self) -> bool:
        """Whether an error may show the value: never where guests' data may stand."""
        root = self.path.partition(".")[0].partition("[")[0]
        return root in SHOWN_NAMES

    def given(self, value: object) -> str:
        """Say what was given: its Python type, and the shortened value where it may be shown."""
        if value is None:
            return "null (None)"
        kind, module = type(value).__name__, type(value).__module__
        if module != "builtins":
            kind = f"{module}.{kind}"  # numpy's bool is not Python's
        if not self.shows_values or not isinstance(value, _SHOWABLE):
            return f"{kind} (value not shown)"
        try:
            shown = repr(value)
        except ValueError:  # Python prints no integer of thousands of digits
            return kind
        return f"{kind} {shown}" if len(shown) <= MAX_SHOWN else f"{kind} {shown[: MAX_SHOWN - 3]}..."

    def error(self, message: str) -> FieldError:
        """Return an error of this place."""
        return FieldError(self.path or "payload", message)

    def broken(self, message: str) -> OnlivePayloadError:
        """Return the exception that says what is wrong at this place, to be raised by the caller."""
        return OnlivePayloadError([self.error(message)])

    def refused(self, value: object, accepted: str, *, because: str = "") -> OnlivePayloadError:
        """Return the exception that refuses a value, to be raised by the caller.

        :param value: what was given.
        :param accepted: what would be taken.
        :param because: what is wrong with the value, where its type alone does not say it.
        """
        reason = f", {because}" if because else ""
        return self.broken(f"got {self.given(value)}{reason}; accepted: {accepted}")


Reader: TypeAlias = Callable[[Any, Place], Any]

_SHOWABLE = (str, int, float, Decimal, date, datetime, UUID, Mapping, list, tuple)


class Findings:
    """The refusals found in one object or array, told in the order of its members.

    :param members: the keys or positions of the members, in the caller's order.
    """

    def __init__(self, members: Iterable[object] = ()) -> None:
        self._errors: dict[object, list[FieldError]] = {member: [] for member in members}

    @contextmanager
    def collecting(self, member: object) -> Iterator[None]:
        """Keep the refusal that the block raises, as one of this member's."""
        try:
            yield
        except OnlivePayloadError as refusal:
            self._errors.setdefault(member, []).extend(refusal.errors)

    def add(self, member: object, error: FieldError) -> None:
        """Add a refusal of this member."""
        self._errors.setdefault(member, []).append(error)

    def finish(self) -> None:
        """Raise everything that was found, if anything was.

        :raises OnlivePayloadError: naming every broken rule.
        """
        errors = [error for found in self._errors.values() for error in found]
        if errors:
            raise OnlivePayloadError(errors)


def read(reader: Reader, value: object, place: Place) -> Any:
    """Read one value, after refusing what only stands for a value that is not there.

    :raises OnlivePayloadError: the value is missing, too deep, or what the reader refuses.
    """
    if place.depth > MAX_DEPTH:
        raise place.broken(f"is nested deeper than {MAX_DEPTH} levels")
    if is_missing(value):
        raise place.broken(
            f"got {type(value).__name__} {value!s}, a missing value that a template or a data frame turned into "
            "something else; a real None (null) clears a field, and leaving the key out keeps what it holds"
        )
    return reader(value, place)


def is_missing(value: object) -> bool:
    """Whether the value is a missing one in disguise: ``"None"``, ``"nan"``, NaN, pandas' ``NaT`` and ``NA``."""
    if isinstance(value, str):
        return str.__str__(value) in MISSING_TEXTS
    if value is None or isinstance(value, int | Mapping | Sequence):
        return False
    return str(value) in MISSING_TEXTS


def suggest(given: str, names: Iterable[str]) -> str:
    """Return ``did you mean "name"?`` for the name closest to what was given, or an empty string."""
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(given.lower(), by_lower, n=1)
    return f'did you mean "{by_lower[close[0]]}"?' if close else ""


def read_key(key: object, place: Place) -> str:
    """Read an object's key: JSON knows only text.

    :raises OnlivePayloadError: it is not text.
    """
    if not isinstance(key, str):
        raise place.broken(f"has a key of type {type(key).__name__}; accepted: keys that are text")
    return str.__str__(key)


def _is_harmless_key(key: str) -> bool:
    """Whether a key may stand in an error: an e-mail or phone used as a key may not."""
    if len(key) > MAX_SHOWN:
        return False
    return key.isalpha() or ("@" not in key and sum(character.isdigit() for character in key) < 6)
