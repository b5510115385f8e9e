"""The steps that a flow yields to its driver."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from onlive_provider.client.protocol import Answer, Failure, Request
from onlive_provider.models.changes import Change

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Make this exchange and send its outcome back.

    :param is_expected: whether an answer is one to this request. After any other one the connection is closed: what
        comes over it next may be the answer to something else, too.
    :param on_fresh_connection: open a connection for this request, because an earlier one broke.
    """

    request: Request
    is_expected: Callable[[Answer], bool] = field(repr=False, compare=False)
    on_fresh_connection: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait, and send ``None`` back.

    :param seconds: how long.
    :param why: for the log.
    """

    seconds: float
    why: str


@dataclass(frozen=True, slots=True, repr=False)
class Note:
    """Log this text line by line, and send ``None`` back.

    :param text: text, or an object that ``str`` turns into it only where somebody reads the log.
    """

    text: object

    def __repr__(self) -> str:
        return f"Note(text={str(self.text)!r})"

    def lines(self) -> list[str]:
        """Return the text's lines."""
        return str(self.text).split("\n")


@dataclass(frozen=True, slots=True)
class Writing:
    """Take note that this change is about to be sent, and send ``None`` back."""

    change: Change


Step = Send | Wait | Note | Writing
Flow = Generator[Step, Answer | Failure | None, T]
