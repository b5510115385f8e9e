"""Limits per access key and minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from onlive_provider.sandbox.errors import ApiError
from onlive_provider.sandbox.limits import CallLimits
from onlive_provider.sandbox.server import Sandbox

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)


def _take(limits, times, method="GET", key="a", now=NOON):
    for _ in range(times):
        limits.take(key, method, now)


def test_the_published_numbers_are_the_limits():
    limits = CallLimits()
    _take(limits, 1000)
    _take(limits, 100, "PUT")
    for method in ("GET", "PUT"):
        with pytest.raises(ApiError) as refused:
            _take(limits, 1, method)
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "60"})


def test_a_call_leaves_the_window_after_a_minute():
    limits = CallLimits(writes_per_minute=1)
    _take(limits, 1, "PUT")
    with pytest.raises(ApiError) as refused:
        _take(limits, 1, "PUT", now=NOON + timedelta(seconds=59.5))
    assert refused.value.headers == {"Retry-After": "1"}
    _take(limits, 1, "PUT", now=NOON + timedelta(seconds=60))


def test_the_seconds_to_wait_are_rounded_up():
    limits = CallLimits(writes_per_minute=1)
    _take(limits, 1, "PUT")
    with pytest.raises(ApiError) as refused:
        _take(limits, 1, "PUT", now=NOON + timedelta(seconds=30.2))
    assert refused.value.headers == {"Retry-After": "30"}


def test_a_refused_call_is_not_counted():
    limits = CallLimits(writes_per_minute=1)
    _take(limits, 1, "PUT")
    with pytest.raises(ApiError):
        _take(limits, 1, "PUT", now=NOON + timedelta(seconds=30))
    _take(limits, 1, "PUT", now=NOON + timedelta(seconds=60))


def test_each_access_key_has_a_limit_of_its_own():
    limits = CallLimits(reads_per_minute=1)
    _take(limits, 1, key="a")
    _take(limits, 1, key="b")


def test_the_sandbox_refuses_what_is_over_the_limit_and_says_when_to_come_back(clock, call_to):
    with Sandbox(clock=clock, limits=True) as limited:
        caller = call_to(limited)
        path = f"/api/v1/services/{limited.records('services')[0]['id']}"
        assert {caller.put(path, {}).status for _ in range(100)} == {200}
        clock.forward(seconds=20)
        answer = caller.put(path, {})
        assert (answer.status, answer.body) == (429, {"statusCode": 429, "message": "Too many requests"})
        assert answer.headers["retry-after"] == "40"
        assert caller.get(path).status == 200
        clock.forward(seconds=40)
        assert caller.put(path, {}).status == 200


def test_a_call_with_a_wrong_signature_takes_nothing_from_the_limit(clock, call_to):
    with Sandbox(clock=clock, limits=True) as limited:
        caller = call_to(limited)
        path = f"/api/v1/services/{limited.records('services')[0]['id']}"
        for _ in range(101):
            assert caller.put(path, {}, key=(limited.access_key_id, "guess")).status == 401
        assert caller.put(path, {}).status == 200


def test_there_are_no_limits_unless_asked_for(caller, service):
    assert {caller.put(f"/api/v1/services/{service['id']}", {}).status for _ in range(101)} == {200}
