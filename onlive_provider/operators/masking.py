"""Keeps guests' data out of the Rendered Template view, of logs and of tracebacks."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from itertools import accumulate, groupby
from os.path import commonprefix
from types import TracebackType
from typing import Any

from airflow.providers.common.compat.sdk import conf

from onlive_provider.errors import OnliveError
from onlive_provider.privacy import hide_personal_data, personal_data

MAX_TOLD = 200
"""Words that are masked one by one. Airflow 3 tells them to the process that writes the log, which compiles its pattern
anew for each word: twice the words would take it four times as long."""
MAX_CHARACTERS = 10_000
"""Of the words beyond those, together. Airflow 2's pattern engine complains of more on the standard error output."""
EVERY_GUEST = (
    r"""[^\s"'<>(),;:=/?&\\@%]{1,64}(?:@|%40)[^\s"'<>(),;:=/?&\\]{1,255}""",
    r"\+\d[\d ().\-/]{5,20}\d",
    r"\b\d{9,15}\b",
    r"\(?\b0\d{1,5}\)?[ /.\-]\d[\d /.\-]{4,12}\d\b",
    r"\b[1-9]\d{2}(?:[ .\-]\d{2,3}){2,4}\b",
)
"""Patterns that find most e-mail addresses and phone numbers, whosever they are: what many guests need takes no longer
than what a few need. Airflow 2's engine knows no look-around."""
SHARE = 8
"""How many times more than the Rendered Template view shows is looked at."""
_FOUND_ANYWAY = re.compile("|".join(EVERY_GUEST))
_MAX_DEPTH = 20


class Veiled:
    """A rendered value of which Airflow's Rendered Template view and callbacks see no guest's data.

    Airflow 3 stores what ``serialize`` returns, Airflow 2 the text.
    """

    __slots__ = ("_shown", "value")

    def __init__(self, value: Any, shown: Any) -> None:
        self.value, self._shown = value, shown

    def serialize(self) -> Any:
        """Return what may be shown."""
        return self._shown

    def __str__(self) -> str:
        shown = self._shown
        return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)

    __repr__ = __str__


def veil(operator: Any, name: str) -> None:
    """Keep guests' data in a rendered field out of the Rendered Template view, and mask them in the log.

    Only the beginning of a long list is shown, and masked.

    :param name: of the field; :func:`unveil` gives it back its value before the operator reads it.
    """
    value = getattr(operator, name)
    if value is None or isinstance(value, Veiled):
        return
    beginning = _beginning(_read(value))
    mask_personal_data(beginning)
    shown = hide_personal_data(beginning)
    if isinstance(value, str) and not isinstance(shown, str):
        shown = value if shown == _read(value) else json.dumps(shown, ensure_ascii=False, default=str)
    setattr(operator, name, Veiled(value, shown))


def unveil(operator: Any) -> None:
    """Give an operator's fields back the values that :func:`veil` hid."""
    for name in operator.template_fields:
        value = getattr(operator, name)
        if isinstance(value, Veiled):
            setattr(operator, name, value.value)


def without_frames(error: BaseException) -> BaseException:
    """Return an error without the frames that it went through, and so its causes.

    Frames of the client hold the payload and the record as it was read, and trackers of errors show local variables.
    Our errors say all there is to say.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:  # An error that was raised again may be among its own causes.
            seen.add(id(each))
            each.__traceback__ = None
            waiting += [each.__cause__, each.__context__]
    return error


class WithoutFrames:
    """A block that our errors leave without the frames that they went through; see :func:`without_frames`.

    A log then shows the error's text, Airflow's own frames, and one of the operator.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OnliveError):
            without_frames(error)


def _read(value: Any) -> Any:
    """Return what a text holds, or a sentence if that cannot be known: it could be anybody's data."""
    if not isinstance(value, str):
        return value
    from onlive_provider.models.rendered import evaluate

    try:
        return evaluate(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return f"(text of {len(value):,} characters that cannot be read as JSON)"


def _beginning(value: Any) -> Any:
    """Return the first items of a list, up to some times more than the Rendered Template view shows."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return value
    left = SHARE * conf.getint("core", "max_templated_field_length", fallback=4096)
    items = []
    for item in value:
        items.append(item)
        left -= len(str(item))
        if left < 0:
            return [*items, f"... ({len(value):,} in all)"]
    return items


def mask_personal_data(value: Any) -> None:
    """Give guests' data in a rendered value to Airflow's secrets masker.

    The masker then shows ``***`` in their place in the task's log and tracebacks, whoever writes them. What is sent to
    the API stays as it is.

    Airflow's own function compiles one pattern of all words for each new word: a thousand guests take it half a minute.
    Here the first words are literal, and what is beyond them is found by :data:`EVERY_GUEST`, or literally as long as
    there is room. All is compiled once.

    :param value: a payload as rendered: a mapping, or text that holds one.
    """
    words = list(dict.fromkeys(personal_data(value)))
    if not words:
        return
    module = _masker_module()
    told, others = words[:MAX_TOLD], words[MAX_TOLD:]
    masker: Any = getattr(module, "_secrets_masker", lambda: None)()
    if not hasattr(masker, "patterns"):  # An Airflow that keeps them elsewhere: slower, and no more than these.
        _teller_module().mask_secret(told)
        return
    engine: Any = getattr(module, "re2", re)
    patterns = {engine.escape(word) for word in told if len(word) >= getattr(masker, "min_length_to_mask", 1)}
    if others:
        patterns.update(EVERY_GUEST)
        ends = accumulate(map(len, rare := [word for word in others if not _FOUND_ANYWAY.fullmatch(word)]))
        if rare := [word for word, end in zip(rare, ends, strict=True) if end <= MAX_CHARACTERS]:
            patterns.add(pattern_of(rare))
    if not patterns <= masker.patterns:
        masker.patterns |= patterns
        masker.replacer = engine.compile("|".join(masker.patterns))
    if not _writes_the_log():
        _teller_module().mask_secret(told)


def pattern_of(words: Sequence[str]) -> str:
    """Return a regular expression that finds any of the words, the longest first.

    Words that begin alike share their beginning, so that the time to search a text hardly depends on their number.
    """
    return _alternatives(sorted(set(words)), 0)


def _alternatives(words: Sequence[str], depth: int) -> str:
    """Return the pattern of sorted, different words."""
    start = commonprefix([words[0], words[-1]])  # noqa: RUF071 (of texts that are no paths)
    rests = [word[len(start) :] for word in words]
    head = re.escape(start)
    if len(rests) == 1:
        return head
    if depth == _MAX_DEPTH:  # Parsers of patterns do not nest without end.
        return f"{head}(?:{'|'.join(map(re.escape, reversed(rests)))})"
    is_word = not rests[0]
    groups = groupby(rests[1:] if is_word else rests, key=lambda rest: rest[0])
    branches = "|".join(_alternatives(list(group), depth + 1) for _, group in groups)
    return f"{head}(?:{branches}){'?' if is_word else ''}"


def _masker_module() -> Any:
    """Return the module that has the masker: of Airflow 3.1 and newer, of 3.0, or of 2.11."""
    names = ("airflow.sdk._shared.secrets_masker", "airflow.sdk.execution_time.secrets_masker")
    for name in names:
        with suppress(ImportError):
            return import_module(name)
    return import_module("airflow.utils.log.secrets_masker")


def _writes_the_log() -> bool:
    """Return whether this process writes the log, as in ``DAG.test``. Airflow 3.0 prints there what it is told."""
    task_runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return type(getattr(task_runner, "SUPERVISOR_COMMS", None)).__name__ == "InProcessSupervisorComms"


def _teller_module() -> Any:
    """Return the module with the ``mask_secret`` for tasks. Airflow 3's also tells the task's supervisor."""
    try:
        return import_module("airflow.sdk.log")
    except ImportError:  # Airflow 2.11
        return _masker_module()
