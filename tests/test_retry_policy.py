"""The retry policy turns what the server asked for into the task's retry."""

from __future__ import annotations

import importlib
from datetime import timedelta

import airflow
import pytest

from onlive_provider import errors
from onlive_provider.hooks.fail_fast import terminal

HAS_POLICIES = tuple(map(int, airflow.__version__.split(".")[:2])) >= (3, 3)
newer = pytest.mark.skipif(not HAS_POLICIES, reason="this Airflow has no retry policies")
older = pytest.mark.skipif(HAS_POLICIES, reason="this Airflow has retry policies")


def decide(error: BaseException):
    from onlive_provider.retry_policy import OnliveRetryPolicy

    return OnliveRetryPolicy().evaluate(error, 1, 3)


def busy(retry_after: float | None) -> errors.OnliveBusyError:
    return errors.OnliveBusyError("the server answered 429", status=429, retry_after=retry_after)


@newer
@pytest.mark.parametrize("seconds", [90.0, 0.0])
def test_retry_after_becomes_the_tasks_retry_delay(seconds):
    from airflow.sdk import RetryAction

    decision = decide(busy(seconds))
    assert decision.action == RetryAction.RETRY
    assert decision.retry_delay == timedelta(seconds=seconds)
    assert decision.reason == f"the server asked to wait {seconds:.0f} s"


@newer
@pytest.mark.parametrize(
    "error",
    [
        busy(None),
        errors.OnliveConnectError("the server could not be reached"),
        errors.OnliveServerError("the server answered 500", status=500),
        ValueError("not Onlive's"),
    ],
)
def test_without_retry_after_the_tasks_own_settings_decide(error):
    from airflow.sdk import RetryAction

    decision = decide(error)
    assert decision.action == RetryAction.DEFAULT
    assert decision.retry_delay is None


@newer
@pytest.mark.parametrize("seconds", [None, 90.0])
def test_what_trying_again_cannot_help_fails_the_task(seconds):
    from airflow.sdk import RetryAction

    conflict = errors.OnliveConflictError("the server answered 409", status=409, retry_after=seconds)
    for error in (conflict, terminal(conflict)):
        decision = decide(error)
        assert decision.action == RetryAction.FAIL
        assert decision.reason == "OnliveConflictError: trying again cannot help"


@newer
def test_a_task_takes_the_policy():
    from airflow.sdk import DAG, BaseOperator

    from onlive_provider.retry_policy import OnliveRetryPolicy

    policy = OnliveRetryPolicy()
    with DAG("onlive_policy", schedule=None):
        assert BaseOperator(task_id="t", retries=2, retry_policy=policy).retry_policy is policy


@older
def test_an_older_airflow_is_told_which_one_is_needed():
    from airflow.exceptions import AirflowOptionalProviderFeatureException

    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"needs Airflow 3\.3"):
        importlib.import_module("onlive_provider.retry_policy")
