"""Faults that a sandbox is told to make: the form of one, and the script that says which request meets which."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

MAXIMUM_SECONDS = 3600
MAXIMUM_ERRORS = 20

Reply = Literal["own", "another_record", "close", "silence"]


class FaultError(Exception):
    """A script of faults cannot be used; the message names each fault and what is wrong with it, at most twenty."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of the requests that it meets. The defaults change nothing.

    :param number: its place in the script, from 1.
    :param method: None for any.
    :param path: a pattern in which ``*`` stands for anything.
    :param requests: which of the requests that fit, from 1; None for all of them.
    :param apply: whether a write is made; a number makes it so many seconds later.
    :param delay: seconds before the answer.
    :param answer: the sandbox's own answer, the same with another record, the connection closed without one, or none
        while the connection stays open.
    :param body: bytes in place of the answer's.
    :param truncate: how many bytes of the body come before the connection is closed.
    :param date: the ``Date`` header: seconds that it is off, or its text.
    """

    number: int
    method: str | None = None
    path: str = "/api/*"
    requests: frozenset[int] | None = None
    apply: bool | float = True
    delay: float = 0
    answer: Reply = "own"
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes | None = None
    truncate: int | None = None
    date: float | str | None = None

    def meets(self, status: int) -> bool:
        """Tell whether a request with this answer meets it.

        A refused signature does not: the client signs again, and that is the request that was meant. Only a wrong
        ``Date`` is for refusals too, because a client learns the server's time from them.
        """
        return status != HTTPStatus.UNAUTHORIZED or self.date is not None

    def told(self, status: int) -> int | None:
        """Give the status that the client is told in place of the sandbox's own; None for nothing."""
        return None if self.answer in ("close", "silence") else self.status or status

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is one of those that this fault counts."""
        pattern = ".*".join(map(re.escape, self.path.split("*")))
        return self.method in (None, method) and re.fullmatch(pattern, path, re.DOTALL) is not None


NO_FAULT = Fault(0)


class FaultScript:
    """Faults in their order; the first one that is due for a request meets it. Each counts the requests that fit it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = faults
        self._counts: Counter[int] = Counter()

    def next(self, method: str, path: str) -> Fault:
        """Count a request, and give the fault that it meets, perhaps none."""
        fitting = [fault for fault in self._faults if fault.fits(method, path)]
        self._counts.update(fault.number for fault in fitting)
        due = (fault for fault in fitting if fault.requests is None or self._counts[fault.number] in fault.requests)
        return next(due, NO_FAULT)

    def forget(self, method: str, path: str, status: int) -> None:
        """Take back the count of a request whose answer no fault is meant for."""
        self._counts.subtract(
            fault.number for fault in self._faults if fault.fits(method, path) and not fault.meets(status)
        )


def read_faults(path: Path) -> list[Any]:
    """Read a script: JSON Lines with a fault in each line, or one JSON array. What is in it is not checked here.

    :raises FaultError: the file cannot be read or is not JSON.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
        if text.startswith("["):
            return list(json.loads(text))
    except OSError as error:
        raise FaultError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FaultError(f"{path}: is not JSON: {error}") from error
    faults = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.strip():
                faults.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise FaultError(f"{path}: line {number} is not JSON: {error}") from error
    return faults


def check_faults(given: Sequence[Any]) -> list[Fault]:
    """Make faults of a script's content.

    :raises FaultError: with every problem.
    """
    faults, errors = [], []
    for number, each in enumerate(given, 1):
        problems: list[str] = []
        faults.append(_fault(number, each, problems))
        errors += [f"  - fault {number}: {problem}" for problem in problems]
    if len(errors) > MAXIMUM_ERRORS:
        errors[MAXIMUM_ERRORS:] = [f"  and {len(errors) - MAXIMUM_ERRORS} more"]
    if errors:
        raise FaultError("\n".join(["the faults cannot be used:", *errors]))
    return faults


def _fault(number: int, given: Any, problems: list[str]) -> Fault:
    if not isinstance(given, dict):
        problems.append("must be an object")
        return Fault(number)
    members = {}
    for name, value in given.items():
        if name not in _MEMBERS:
            problems.append(f"{name}: is not a member of a fault; these are: {', '.join(_MEMBERS)}")
            continue
        accepted, convert = _MEMBERS[name]
        try:
            members[name] = convert(value)
        except (ValueError, TypeError, AttributeError):
            problems.append(f"{name}: must be {accepted}; given: {json.dumps(value, default=repr)}")
    fault = Fault(number, **members)
    if not problems:
        problems.extend(_contradictions(fault, members))
    return fault


def _contradictions(fault: Fault, members: Mapping[str, Any]) -> list[str]:
    problems = []
    if fault.answer in ("close", "silence"):
        idle = [name for name in ("status", "headers", "body", "truncate", "date") if name in members]
        problems += [f'{name}: cannot stand beside "answer": "{fault.answer}", which answers nothing' for name in idle]
    if fault.answer == "another_record" and "body" in members:
        problems.append('body: cannot stand beside "answer": "another_record", which has a body of its own')
    is_told_otherwise = fault.told(200) != 200 or fault.body is not None
    if is_told_otherwise and fault.method != "GET" and "apply" not in members:
        problems.append(
            "apply: is missing; say whether the write is made, for the answer does not: "
            "true, false, or the seconds after which it is made"
        )
    return problems


def _one_of(*choices: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if value not in choices:
            raise ValueError
        return value

    return convert


def _path(value: Any) -> str:
    if not value.startswith("/api/"):
        raise ValueError
    return str(value)


def _number(value: Any, minimum: float, maximum: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise ValueError
    return value


def _whole(value: Any, minimum: int, maximum: float) -> int:
    if not isinstance(value, int):
        raise TypeError
    return int(_number(value, minimum, maximum))


def _requests(value: Any) -> frozenset[int]:
    if not isinstance(value, list) or not value:
        raise TypeError
    return frozenset(_whole(each, 1, float("inf")) for each in value)


def _apply(value: Any) -> bool | float:
    return value if isinstance(value, bool) else _seconds(value)


def _seconds(value: Any) -> float:
    return _number(value, 0.001, MAXIMUM_SECONDS)


def _headers(value: Any) -> dict[str, str]:
    for name, text in value.items():
        name_is_plain = re.fullmatch(r"[A-Za-z0-9-]+", name) and name.lower() not in _FRAMING
        if not name_is_plain or not isinstance(text, str) or not _is_header_text(text):
            raise ValueError
    return dict(value)


def _is_header_text(text: str) -> bool:
    return re.fullmatch(r"[!-~]([ -~]*[!-~])?", text) is not None


def _body(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value, allow_nan=False)).encode()


def _date(value: Any) -> float | str:
    if isinstance(value, str) and _is_header_text(value):
        return value
    return _number(value, -1e9, 1e9)


_FRAMING = ("content-length", "transfer-encoding", "connection", "date")
_MEMBERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "method": ('"GET" or "PUT"', _one_of("GET", "PUT")),
    "path": ('a path that begins with "/api/", in which * stands for anything', _path),
    "requests": ("a list of whole numbers from 1, such as [1, 3]", _requests),
    "apply": (f"true, false, or seconds, at most {MAXIMUM_SECONDS}", _apply),
    "delay": (f"seconds, above 0 and at most {MAXIMUM_SECONDS}", _seconds),
    "answer": ('"own", "another_record", "close" or "silence"', _one_of("own", "another_record", "close", "silence")),
    "status": ("a whole number, 200 to 599", lambda value: _whole(value, HTTPStatus.OK, 599)),
    "headers": (f"an object of texts in ASCII, without {', '.join(_FRAMING)}", _headers),
    "body": ("JSON, or a text that is sent as it is", _body),
    "truncate": ("a whole number of bytes, 0 or more", lambda value: _whole(value, 0, float("inf"))),
    "date": ("the seconds that the Date header is off, or its text", _date),
}
"""Each member of a fault: what is accepted, and how it is read."""
