"""The wording of a refusal: what was given, what is wrong with it, and what is accepted.

Readers of single values (:mod:`~onlive_provider.models.values`, :mod:`~onlive_provider.models.times`) raise
:class:`Refusal`, which has no place. Pydantic adds one inside a model, and :func:`parse` for an operator's argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias, TypeVar
from uuid import UUID

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.privacy import is_safe_key, on_one_line, without_personal_data

T = TypeVar("T")
Loc: TypeAlias = tuple[int | str, ...]
"""A place as pydantic writes it."""

MISSING_TEXTS = frozenset({"None", "nan", "NaN", "NaT", "<NA>"})
"""What a template prints for a value that is not there: Python's None, and pandas' and numpy's missing values."""

MAX_SHOWN = 80

_NEVER_MISSING = (int, dict, list, type(None), Mapping, Sequence)
"""Plain types first: checking the others takes many times as long."""
_SHOWABLE = (str, int, float, Decimal, date, datetime, UUID, Mapping, list, tuple)


class Refusal(ValueError):
    """Why a value cannot be sent, in one sentence. Pydantic takes it from a validator as it takes any ValueError.

    :param member: another member of the same object, if the sentence is about that one.
    """

    member = ""

    def __init__(self, sentence: str, *, member: str = "") -> None:
        super().__init__(sentence)
        self.member = member

    def sentence(self, *, shown: bool) -> str:
        """Return the sentence.

        :param shown: whether it may hold the value.
        """
        return str(self)


class Refused(Refusal):
    """The refusal of a value. Its ``str`` does not show the value.

    :param value: what was given.
    :param accepted: what would be taken.
    :param because: what is wrong with the value, if its type alone does not say it.
    :param detail: follows ``because`` if the value may be shown.
    """

    def __init__(self, value: object, accepted: str, *, because: str = "", detail: str = "") -> None:
        self.value, self.accepted, self.because, self.detail = value, accepted, because, detail

    def __str__(self) -> str:
        return self.sentence(shown=False)

    def sentence(self, *, shown: bool) -> str:
        """Return the sentence, with the value if it may be shown."""
        reason = f", {self.because}{self.detail if shown else ''}" if self.because else ""
        return f"got {given(self.value, shown=shown)}{reason}; accepted: {self.accepted}"


class KeyRefusal(Refusal):
    """The refusal of an object's key, reported at the object's place."""

    def __init__(self, key: object) -> None:
        self.key = key
        super().__init__(f"has a key of type {type(key).__name__}; accepted: keys that are text")


def parse(read: Callable[[object], T], value: object, field: str, *, shown: bool) -> T:
    """Read one argument.

    :param read: the reader of the value.
    :param field: what an error calls the value.
    :param shown: whether an error may hold the value.
    :raises OnlivePayloadError: the reader refuses the value.
    """
    try:
        return read(value)
    except Refusal as refusal:
        raise OnlivePayloadError.of(field, refusal.sentence(shown=shown)) from None


def given(value: object, *, shown: bool) -> str:
    """Return what was given: its Python type, and the shortened value if it may be shown."""
    if value is None:
        return "null (None)"
    kind, module = type(value).__name__, type(value).__module__
    if module != "builtins":
        kind = f"{module}.{kind}"  # numpy's bool is not Python's
    if not shown or not isinstance(value, _SHOWABLE):
        return f"{kind} (value not shown)"
    try:
        # Where a file's columns are shifted, a phone number may stand under `duration`.
        text = without_personal_data(repr(value))
    except (ValueError, RecursionError):  # Python prints no integer of thousands of digits, and nothing nested as deep
        return kind
    return f"{kind} {text}" if len(text) <= MAX_SHOWN else f"{kind} {text[: MAX_SHOWN - 3]}..."


def is_missing(value: object) -> bool:
    """Whether the value is a missing one in disguise: ``"None"``, ``"nan"``, NaN, pandas' ``NaT`` and ``NA``."""
    if isinstance(value, str):
        return str.__str__(value) in MISSING_TEXTS
    if isinstance(value, _NEVER_MISSING):
        return False
    return str(value) in MISSING_TEXTS


def refuse_missing(value: object) -> None:
    """Refuse a missing value in disguise.

    :raises Refusal: it is one.
    """
    if (type(value) is not str or value in MISSING_TEXTS) and is_missing(value):
        raise Refusal(
            f"got {type(value).__name__} {value!s}, a missing value that a template or a data frame turned into "
            "something else; a real None (null) clears a field, and leaving the key out keeps what it holds"
        )


def path_of(loc: Loc, path: str = "") -> str:
    """Return a place as the API spells it, e.g. ``guests[0].email``; a key that may be a guest's data is not shown."""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            key = safe_step(step)
            path += f".{key}" if path else f"{key}"
    return path


def safe_step(step: int | str) -> int | str:
    """Return a step of a place as an error may show it."""
    if isinstance(step, int):
        return step
    return on_one_line(step) if is_safe_key(step) else "(key not shown)"
