"""Where a value stands in a payload, and how its refusal reads.

A reader is a function that takes a value as a caller or a template made it and returns the JSON to send, or raises
:class:`~onlive_provider.errors.OnlivePayloadError`. Objects and arrays gather the refusals of their members with
:class:`Findings`, so that a caller sees every mistake at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models import fields

SHOWN_NAMES = fields.SHOWN_NAMES | {
    "expected_updated_at",
    "fallback_slots",
    "only_changed",
    "plan_only",
    "timezone",
}
"""What holds no guest's data, of fields, of models and of operators' parameters: errors and reprs show its value."""

MISSING_TEXTS = frozenset({"None", "nan", "NaN", "NaT", "<NA>"})
"""What a template prints for a value that is not there: Python's None, and pandas' and numpy's missing values."""

MAX_SHOWN = 80
MAX_DEPTH = 64
"""Deeper payloads are refused: they are cycles or mistakes, and JSON libraries fail on them."""


class Place:
    """The place of one value in the payload. Most values are right, so its path is only put together when it is asked.

    :param path: as the API spells it, e.g. ``guests[1].email``; empty for the payload itself.
    :param timezone: zone of the times below this place that carry none.
    """

    __slots__ = ("_around", "_step", "depth", "timezone")

    def __init__(self, path: str = "", timezone: ZoneInfo | None = None) -> None:
        self._step: str | int = path
        self._around: Place | None = None
        self.timezone = timezone
        self.depth = 0
        """Objects and arrays around this place."""

    def key(self, name: str) -> Place:
        """Return the place of an object's member."""
        return self._within(name)

    def index(self, position: int) -> Place:
        """Return the place of an array's item."""
        return self._within(position)

    def _within(self, step: str | int) -> Place:
        place = Place.__new__(Place)
        place._step, place._around = step, self
        place.timezone, place.depth = self.timezone, self.depth + 1
        return place

    @property
    def path(self) -> str:
        """The place as the API spells it; a key that may be a guest's data is not shown."""
        if self._around is None:
            return str(self._step)
        outer = self._around.path
        if isinstance(self._step, int):
            return f"{outer}[{self._step}]"
        shown = self._step if _is_harmless_key(self._step) else "(key not shown)"
        return f"{outer}.{shown}" if outer else shown

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


class OpenPlace(Place):
    """A place whose value an error may show: a season, an id of a service and a filter are nobody's data."""

    __slots__ = ()

    @property
    def shows_values(self) -> bool:
        """Whether an error may show the value."""
        return True


Reader: TypeAlias = Callable[[Any, Place], Any]

_NEVER_MISSING = (int, dict, list, type(None), Mapping, Sequence)
"""Plain types first: to ask after the others takes many times as long."""
_SHOWABLE = (str, int, float, Decimal, date, datetime, UUID, Mapping, list, tuple)


class Findings:
    """The refusals found in one object or array, told in the order of its members.

    :param members: the keys or positions of the members, in the caller's order.
    """

    def __init__(self, members: Iterable[object] = ()) -> None:
        self._members = members
        self._errors: dict[object, list[FieldError]] = {}

    def collecting(self, member: object) -> _Collecting:
        """Keep the refusal that the block raises, as one of this member's."""
        return _Collecting(self, member)

    def add(self, member: object, *errors: FieldError) -> None:
        """Add refusals of this member."""
        self._errors.setdefault(member, []).extend(errors)

    def finish(self) -> None:
        """Raise everything that was found, if anything was.

        :raises OnlivePayloadError: naming every broken rule.
        """
        if not self._errors:
            return
        places = {member: place for place, member in enumerate(self._members)}
        members = sorted(self._errors, key=lambda member: places.get(member, len(places)))
        raise OnlivePayloadError([error for member in members for error in self._errors[member]])


class _Collecting:
    """A block whose refusal is kept."""

    __slots__ = ("_findings", "_member")

    def __init__(self, findings: Findings, member: object) -> None:
        self._findings = findings
        self._member = member

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, OnlivePayloadError):
            self._findings.add(self._member, *error.errors)
            return True
        return False


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
    if isinstance(value, _NEVER_MISSING):
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
