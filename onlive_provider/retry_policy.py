"""A retry policy for Airflow 3.3 and newer: the server's ``Retry-After`` becomes the task's retry delay."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from onlive_provider.errors import OnliveError

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError:
    from airflow.exceptions import AirflowOptionalProviderFeatureException

    raise AirflowOptionalProviderFeatureException(
        "OnliveRetryPolicy needs Airflow 3.3 or newer: older ones take no retry_policy. Leave it out; errors that a "
        "retry cannot help fail the task at once without it."
    ) from None

if TYPE_CHECKING:
    from airflow.sdk import Context


class OnliveRetryPolicy(RetryPolicy):
    """Decide about a task's retry by the Onlive error that failed it.

    A retryable error with a ``Retry-After`` is retried after that time; another retryable error, and any error that
    is not Onlive's, as the task's own settings say; an error that a retry cannot help fails the task. The task's
    ``retries`` still is the limit.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return the decision about one failed try."""
        if not isinstance(exception, OnliveError):
            return RetryDecision.default()
        if not exception.retryable:
            return RetryDecision.fail(f"{type(exception).__name__}: trying again cannot help")
        seconds = getattr(exception, "retry_after", None)
        if seconds is None:
            return RetryDecision.default()
        return RetryDecision.retry(timedelta(seconds=seconds), f"the server asked to wait {seconds:.0f} s")
