from __future__ import annotations

import time

import pytest

from onlive_provider.client import retry
from onlive_provider.client.protocol import Answer, Failure, FailureKind
from tests.loopback import NOON

DATE = "Sun, 09 Mar 2025 12:00:00 GMT"


def answer(status: int = 429, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_these_statuses_may_be_sent_again(status: int) -> None:
    assert retry.may_be_sent_again(answer(status))


@pytest.mark.parametrize(
    "status", [300, 301, 400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 413, 418, 422, 426, 451, 501, 505, 520, 600]
)
def test_other_statuses_may_not_be_sent_again(status: int) -> None:
    assert not retry.may_be_sent_again(answer(status))


@pytest.mark.parametrize("status", [99, 101, 103, 200, 204, 299])
def test_what_is_no_answer_to_the_request_may_be_sent_again(status: int) -> None:
    assert retry.may_be_sent_again(answer(status))


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        (FailureKind.NOT_SENT, True),
        (FailureKind.TLS, False),
        (FailureKind.LOST, True),
        (FailureKind.TOO_LARGE, True),
    ],
)
def test_a_failure_of_the_transport_says_whether_another_attempt_may_help(kind: FailureKind, again: bool) -> None:
    assert retry.may_be_sent_again(Failure(kind, "")) is again


@pytest.mark.parametrize(
    ("attempt", "bound"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 16.0), (7, 30.0), (8, 30.0), (100, 30.0), (10_000, 30.0)],
)
def test_the_back_off_is_full_jitter_under_a_doubling_bound(attempt: int, bound: float) -> None:
    assert retry.backoff(attempt, 0.0) == 0.0
    assert retry.backoff(attempt, 0.5) == bound / 2
    assert bound * 0.999 <= retry.backoff(attempt, 0.999) < bound


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("1.5", 1.5),
        ("0.25", 0.25),
        ("86400", 86400.0),
        ("86401", 86400.0),
        ("31536000", 86400.0),
        ("9" * 40, 86400.0),
        ("9" * 400, 86400.0),
        ("-1", None),
        ("+1", None),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("0x10", None),
        ("1,5", None),
        ("٣", None),
        ("nan", None),
        ("NaN", None),
        ("inf", None),
        ("Infinity", None),
        ("-inf", None),
        ("soon", None),
        ("5 s", None),
        ("", None),
        ("   ", None),
        ("Sun, 09 Mar 2025 12:00:30 GMT", 30.0),
        ("Sun, 09 Mar 2025 13:00:30 +0100", 30.0),
        ("Sunday, 09-Mar-25 12:00:30 GMT", 30.0),
        ("Sun Mar  9 12:00:30 2025", 30.0),
        ("Sun, 09 Mar 2025 11:59:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("Sun, 99 Mar 2025 12:00:30 GMT", None),
        ("Sun, 09 Mar 2025 12:00:30 +9999", None),
        ("Sun, 09 Mar 99999999999999999999 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_anything_else_is_left_aside(
    text: str, seconds: float | None
) -> None:
    assert retry.retry_after(answer(retry_after=text), NOON) == seconds


def test_an_answer_without_retry_after_asks_for_nothing() -> None:
    assert retry.retry_after(answer(), NOON) is None


def test_a_retry_after_date_is_counted_from_the_servers_own_date() -> None:
    late = answer(retry_after="Sun, 09 Mar 2025 12:00:30 GMT", date=DATE)
    assert retry.retry_after(late, NOON + 3600) == 30.0
    assert retry.retry_after(late, NOON - 3600) == 30.0


@pytest.mark.parametrize("text", ["", "yesterday", "1741521600"])
def test_a_date_that_is_none_tells_no_server_time(text: str) -> None:
    assert retry.server_time(answer(date=text)) is None


def test_the_date_header_tells_the_servers_time() -> None:
    assert retry.server_time(answer(date=DATE)) == NOON
    assert retry.server_time(answer(date="Sun, 09 Mar 2025 12:00:00")) == NOON
    assert retry.server_time(answer()) is None


def test_a_date_without_a_zone_is_in_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert retry.server_time(answer(date="Sun, 09 Mar 2025 12:00:00 -0000")) == NOON
    finally:
        monkeypatch.undo()
        time.tzset()
