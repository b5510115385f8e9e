"""An error that trying again cannot help is Airflow's failure too, and stays what it was."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider import errors
from onlive_provider.hooks.fail_fast import failing_fast, terminal


def every_class(kind: type[errors.OnliveError] = errors.OnliveError) -> Iterator[type[errors.OnliveError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__ and not issubclass(child, AirflowFailException):
            yield child
            yield from every_class(child)


def example(kind: type[errors.OnliveError]) -> errors.OnliveError:
    if issubclass(kind, errors.OnliveConfigError):
        return kind("host", "cannot be used")
    if issubclass(kind, errors.OnlivePayloadError):
        return kind([errors.FieldError("end", "is before start")])
    if issubclass(kind, errors.OnliveStaleRecordError):
        return kind("appointment 1610", "2025-03-10T08:00:00Z", None)
    if issubclass(kind, errors.OnliveClockSkewError):
        return kind("the server answered 401", skew=-3600.0, call="GET /x")
    if issubclass(kind, errors.OnliveStatusError):
        found = [errors.FieldError("guests", "too many")]
        return kind("the server answered 422", status=422, server_message="Validation failed", errors=found)
    if issubclass(kind, errors.OnliveCallError):
        return kind("no answer", call="GET /x", attempts=3, elapsed=1.5, retry_after=7.0)
    if issubclass(kind, errors.OnliveRecordsFailedError):
        failures = [{"index": 0, "message": "no such record"}]
        return kind("1 failed", counts={"total": 2, "failed": 1}, failures=failures, report_path="report.jsonl")
    return kind("something")


EVERY_ERROR = [example(kind) for kind in dict.fromkeys(every_class())]
by_class = pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)


@by_class
def test_a_terminal_error_is_the_same_error_and_airflows_failure(error):
    failure = terminal(error)
    assert isinstance(failure, AirflowFailException)
    assert isinstance(failure, type(error))
    assert str(failure) == str(error)
    assert failure.args == error.args
    assert vars(failure) == vars(error)
    assert not isinstance(error, AirflowFailException)


@by_class
def test_a_terminal_error_reads_in_a_log_as_the_error_that_it_was(error):
    assert traceback.format_exception_only(terminal(error)) == traceback.format_exception_only(error)
    assert repr(terminal(error)) == repr(error)


@by_class
def test_a_terminal_error_can_be_pickled(error):
    failure = terminal(error)
    again = pickle.loads(pickle.dumps(failure))
    assert type(again) is type(failure)
    assert (str(again), vars(again)) == (str(failure), vars(failure))


def test_errors_of_one_class_become_one_terminal_class():
    first, second = (terminal(errors.OnliveConfigError(name, "is missing")) for name in ("login", "password"))
    assert type(first) is type(second)
    assert (first.setting, second.setting) == ("login", "password")


def test_a_terminal_error_stays_as_it_is():
    failure = terminal(errors.OnliveConfigError("login", "is missing"))
    assert terminal(failure) is failure
    with pytest.raises(errors.OnliveConfigError) as caught, failing_fast(), failing_fast():
        raise failure
    assert caught.value is failure
    assert failure.__cause__ is None


@by_class
def test_only_an_error_that_trying_again_can_help_passes_as_it_is(error):
    with pytest.raises(type(error)) as caught, failing_fast():
        raise error
    if error.retryable:
        assert caught.value is error
    else:
        assert isinstance(caught.value, AirflowFailException)


def test_a_task_log_tells_a_terminal_error_and_its_place_once():
    def refuse():
        raise errors.OnliveConfigError("login", "is empty") from KeyError("the cause")

    with pytest.raises(errors.OnliveConfigError) as caught, failing_fast():
        refuse()
    told = "".join(traceback.format_exception(caught.value))
    assert told.count("login: is empty") == 1
    assert told.count("in refuse") == 1
    assert "the cause" in told


def test_both_kinds_of_error_are_among_the_examples():
    kinds = {type(error) for error in EVERY_ERROR}
    assert {errors.OnliveBusyError, errors.OnliveConflictError, errors.OnliveClockSkewError} <= kinds
    assert {error.retryable for error in EVERY_ERROR} == {True, False}


def test_an_error_that_is_not_onlives_passes_as_it_is():
    with pytest.raises(KeyError) as caught, failing_fast():
        raise KeyError("x")
    assert not isinstance(caught.value, AirflowFailException)


def test_what_succeeds_is_left_alone():
    with failing_fast():
        value = 1
    assert value == 1
