"""The errors of a rollout: a service that does not hold what was sent, and the rollout that was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onlive_provider.bulk.errors import OnliveRecordsFailedError
from onlive_provider.client.errors import OnliveError


class OnliveNotHeldError(OnliveError):
    """A service was read again after its write and does not hold what was sent.

    :param service: in words.
    :param sent: the field's value that was sent, in words.
    :param held: what it holds instead, in words.
    :param changed_at: when somebody else changed it since, if somebody did.
    """

    def __init__(self, service: str, sent: str, held: str, changed_at: str | None) -> None:
        self.changed_at = changed_at
        cause = f", changed by somebody else at {changed_at}" if changed_at else ""
        super().__init__(f"{service} does not hold what was sent{cause}: sent {sent}, holds {held}")


class OnliveRolloutFailedError(OnliveRecordsFailedError):
    """A rollout was stopped, and doing the same again cannot help.

    :param story: in which batch and why, and what became of the services that were written.
    """

    def __init__(
        self,
        story: str,
        counts: Mapping[str, int],
        failures: Sequence[Mapping[str, Any]],
        report_path: str | None,
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(counts, failures, report_path, retry_after=retry_after)
        self.story = story
        self.args = (f"{story}\n{self.args[0]}",)


class OnliveRolloutToRetryError(OnliveRolloutFailedError):
    """A rollout was stopped by failures that may be over later."""

    retryable = True
