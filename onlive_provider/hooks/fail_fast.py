"""Makes an error that a retry cannot help fail the task at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider import errors
from onlive_provider.errors import OnliveError

E = TypeVar("E", bound=OnliveError)
_KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, OnliveError)}


def terminal(error: E) -> E:
    """Return the same error as an ``AirflowFailException`` too, with its class, text and attributes.

    ``except OnliveConflictError`` still catches it; uncaught, it fails the task without a retry.
    """
    if isinstance(error, AirflowFailException):
        return error
    return cast(E, _rebuild(type(error), error.args, error.__dict__))


def told_again(name: str, sentence: str) -> OnliveError:
    """Return an error that another process told of by its class and sentence, such as a trigger in its event.

    :param name: of a class in :mod:`onlive_provider.errors`.
    :raises ValueError: there is no such class.
    """
    kind: type[OnliveError] | None = _KINDS.get(name)
    if kind is None:
        raise ValueError(f"error: {name!r} is not a class of onlive_provider.errors")
    error = kind.__new__(kind, sentence)
    error.args = (sentence,)
    return error


@contextmanager
def failing_fast() -> Iterator[None]:
    """Make errors that a retry cannot help terminal. Retryable errors pass unchanged."""
    try:
        yield
    except OnliveError as error:
        if error.retryable or isinstance(error, AirflowFailException):
            raise
        # The error's own traceback and cause: with the error as its cause, a task's log would say everything twice.
        raise terminal(error).with_traceback(error.__traceback__) from error.__cause__


@cache
def _terminal_class(kind: type[OnliveError]) -> type[OnliveError]:
    def reduce(self: OnliveError) -> tuple[Any, ...]:
        return _rebuild, (kind, self.args, self.__dict__)

    namespace = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__reduce__": reduce}
    return type(kind.__name__, (kind, AirflowFailException), namespace)


def _rebuild(kind: type[OnliveError], args: tuple[Any, ...], attributes: dict[str, Any]) -> OnliveError:
    made = _terminal_class(kind)  # type: ignore[arg-type]  # mypy doubts that a class can be hashed
    error = made.__new__(made, *args)
    error.__dict__.update(attributes)
    return error
