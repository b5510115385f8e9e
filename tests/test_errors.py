from __future__ import annotations

import inspect

import pytest

from onlive_provider import errors
from onlive_provider.errors import FieldError

RETRYABLE = {
    "OnliveConnectError",
    "OnliveInputAwayError",
    "OnliveReportPlaceError",
    "OnliveUnknownFateError",
    "OnliveNoAnswerError",
    "OnliveAnswerError",
    "OnliveBusyError",
    "OnliveServerError",
    "OnliveStoppedError",
    "OnliveRecordsToRetryError",
    "OnliveRolloutToRetryError",
}


def family() -> list[type[errors.OnliveError]]:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return [kind for kind in found if issubclass(kind, errors.OnliveError)]


def test_only_what_may_succeed_later_without_a_correction_is_retryable() -> None:
    assert {kind.__name__ for kind in family() if kind.retryable} == RETRYABLE


def test_what_the_key_the_connection_or_the_server_causes_concerns_all_records() -> None:
    causes = errors.OnliveConnectError, errors.OnliveTlsError, errors.OnliveUnknownFateError, errors.OnliveNoAnswerError
    answers = errors.OnliveAnswerError, errors.OnliveUnauthorizedError, errors.OnliveBusyError, errors.OnliveServerError
    assert all(kind.concerns_all == issubclass(kind, (*causes, *answers)) for kind in family())


def test_a_proxys_page_concerns_all_records_and_a_refusal_by_the_api_its_own() -> None:
    assert errors.OnliveNotFoundError("x", status=404, from_api=False).concerns_all
    assert not errors.OnliveNotFoundError("x", status=404).concerns_all


@pytest.mark.parametrize("kind", [kind for kind in family() if issubclass(kind, errors.OnliveCallError)])
def test_every_error_of_a_call_says_what_to_do(kind: type[errors.OnliveCallError]) -> None:
    assert kind.advice or kind in (errors.OnliveCallError, errors.OnliveStatusError)


def test_a_call_error_names_the_call_what_happened_attempts_seconds_and_advice_in_this_order() -> None:
    error = errors.OnliveConnectError("no route", call="GET /x", attempts=3, elapsed=1.26, retry_after=5.0)
    assert str(error) == f"GET /x: no route (3 attempts in 1.3 s). {errors.OnliveConnectError.advice}"
    assert (error.call, error.attempts, error.elapsed, error.retry_after) == ("GET /x", 3, 1.26, 5.0)


def test_an_error_without_call_and_advice_is_still_a_sentence() -> None:
    assert str(errors.OnliveCallError("something")) == "something (1 attempt in 0.0 s)."


def test_a_payload_error_names_every_field_and_that_nothing_was_sent() -> None:
    error = errors.OnlivePayloadError([FieldError("end", "is before start"), FieldError("guests[0].email", "is none")])
    assert str(error) == (
        "Nothing was sent; 2 values cannot be used:\n  - end: is before start\n  - guests[0].email: is none"
    )
    assert isinstance(error, ValueError)


def test_an_error_about_one_value_is_one_sentence_that_is_true_of_arguments_too() -> None:
    error = errors.OnlivePayloadError.of("service_filter", '{"search": "x"} selects no service')
    assert str(error) == 'Nothing was sent: service_filter: {"search": "x"} selects no service'


def test_a_field_error_without_a_field_is_its_message_alone() -> None:
    assert str(FieldError("", "something is wrong")) == "something is wrong"


def test_a_stale_record_error_names_both_times_and_that_nothing_was_sent() -> None:
    error = errors.OnliveStaleRecordError("appointment 1", "2025-03-09T12:00:00Z", "2025-03-09T13:00:00Z")
    assert "2025-03-09T12:00:00Z" in str(error)
    assert "2025-03-09T13:00:00Z" in str(error)
    assert "nothing was sent" in str(error)
    assert not error.retryable
