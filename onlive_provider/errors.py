"""One error class per cause; each message says what happened and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field and what is wrong with it, in the words of the API or of our own checks.

    :param field: path as the API spells it, e.g. ``guests[0].email``; ``""`` when the API names none.
    :param message: what is wrong and what is accepted; no guest's data.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class OnliveError(Exception):
    """Anything that this provider raises about the Onlive API."""

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later with nothing changed: Airflow should retry those and no others."""
    concerns_all: bool = False
    """Whether the key, the Connection or the server is the cause, so that other records meet it too."""


class OnliveConfigError(OnliveError, ValueError):
    """A setting, such as ``host`` or ``extra.timeout``, cannot be used. Raised before any call; shows no secret."""

    def __init__(self, setting: str, message: str) -> None:
        self.setting = setting
        super().__init__(f"{setting}: {message}")


class OnlivePayloadError(OnliveError, ValueError):
    """The caller's input breaks rules that need no server to check: all ``errors``. Nothing was sent."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        if len(self.errors) == 1:
            super().__init__(f"Nothing was sent: {self.errors[0]}")
        else:
            head = f"Nothing was sent; {len(self.errors):,} values cannot be used:"
            super().__init__("\n".join([head, *(f"  - {error}" for error in self.errors)]))

    @classmethod
    def of(cls, field: str, message: str) -> OnlivePayloadError:
        """Return the error of a single field."""
        return cls([FieldError(field, message)])


class OnliveInputError(OnliveError):
    """The input file cannot be read, or not to its end; the rows before that have their outcomes."""


class OnliveInputAwayError(OnliveInputError):
    """As its parent, and it may go well later: the file's store gave no answer."""

    retryable = True


class OnliveStaleRecordError(OnliveError):
    """Somebody else changed the record since it was last seen, so that sending the update would undo their change.

    :param expected: the ``updatedAt`` that was expected, if one was; ``actual`` is the server's.
    :param was_sent: whether a write was sent before, and no answer said what became of it.
    """

    def __init__(self, record: str, expected: str | None, actual: str | None, *, was_sent: bool = False) -> None:
        self.expected, self.actual = expected, actual
        since = f", after the expected {expected}" if expected else ""
        fate = "nothing was sent" if not was_sent else "a write got no answer, and somebody else's values stand"
        is_time = isinstance(actual, str) and "T" in actual and set(actual) <= set("0123456789-:.TZ+")
        changed = f"{record} was changed at {actual if is_time else 'a time that cannot be read'}{since}"
        super().__init__(f"{changed}; {fate}. Read the record again and decide with its new content.")


class OnliveCallError(OnliveError):
    """A call was made, or tried, and did not succeed.

    :param call: method and path, e.g. ``PUT /api/v1/services/1610...``; no host, no query, no header.
    :param attempts: how many times the call was sent, in ``elapsed`` seconds, waits included.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self, message: str, *, call: str = "", attempts: int = 1, elapsed: float = 0.0, retry_after: float | None = None
    ) -> None:
        self.message, self.call = message, call
        self.attempts, self.elapsed, self.retry_after = attempts, elapsed, retry_after
        said = f"{call}: {message}" if call else message
        tries = f"{attempts} attempt{'' if attempts == 1 else 's'}"
        super().__init__(f"{said} ({tries} in {elapsed:.1f} s). {self.advice}".rstrip())


class OnliveConnectError(OnliveCallError):
    """The server could not be reached: no address, connection refused, proxy failure, connect timeout."""

    retryable = concerns_all = True
    advice = "Check the Connection's host and port, the worker's network and its proxy settings."


class OnliveTlsError(OnliveCallError):
    """The TLS handshake failed: the certificate is not trusted, has expired, or belongs to another host."""

    concerns_all = True
    advice = "Check the host name. A private authority needs REQUESTS_CA_BUNDLE on the worker. Leave `verify` on."


class OnliveUnknownFateError(OnliveCallError):
    """A write left this machine, and no answer came back; looking the record up did not settle its fate."""

    retryable = concerns_all = True
    advice = "The write may have been made: the next try reads the record first and sends only what is still missing."


class OnliveUnsettledWriteError(OnliveUnknownFateError):
    """As its parent, and no later read can settle it: the write was blind, or has fields that cannot be read back."""

    retryable = False
    advice = "The write may have been made. Look at the record; to send the write again, clear the task."


class OnliveNoAnswerError(OnliveCallError):
    """A read was sent and no answer came back in time."""

    retryable = concerns_all = True
    advice = "Nothing was written by this call."


class OnliveAnswerError(OnliveCallError):
    """The answer is not what the API documents: not JSON, too large, or not the record that was asked for."""

    retryable = concerns_all = True
    advice = "Check that the Connection's host is the Onlive API and not a proxy's or a login page."


class OnliveRedirectError(OnliveAnswerError):
    """The answer is a redirect, which is not followed: it could lead the signature and guests' data to another host."""

    retryable = False


class OnliveStatusError(OnliveCallError):
    """The server answered with an error status.

    :param server_message: the answer's ``message``, or ``""``; ``errors`` are its field errors.
    :param from_api: whether the body is in the API's form: a proxy's page with 404 says nothing about a record.
    """

    def __init__(
        self, message: str, *, status: int, errors: Sequence[FieldError] = (), from_api: bool = True, **more: Any
    ) -> None:
        self.status, self.from_api, self.errors = status, from_api, tuple(errors)
        self.server_message: str = more.pop("server_message", "")
        self.concerns_all = type(self).concerns_all or not from_api
        super().__init__(message, **more)


class OnliveBadRequestError(OnliveStatusError):
    """400: the server found the input invalid."""

    advice = "Correct the named fields."


class OnliveUnauthorizedError(OnliveStatusError):
    """401: the credentials or the signature were refused."""

    concerns_all = True
    advice = (
        "Check the Access Key ID and the Secret Access Key. If both are right, the signing profile is wrong: its "
        "default is an assumption. Run `onlive check --find-signature`, or see the vendor's authentication page."
    )


class OnliveClockSkewError(OnliveUnauthorizedError):
    """401, and the server's clock is ahead of this machine's by ``skew`` seconds (negative: behind)."""

    advice = "The server accepts 15 minutes of difference: set this machine's clock (NTP)."

    def __init__(self, message: str, *, skew: float, status: int = 401, **about_answer: Any) -> None:
        self.skew = skew
        super().__init__(message, status=status, **about_answer)


class OnliveForbiddenError(OnliveStatusError):
    """403: these credentials may not do this to this record."""

    advice = "Ask the owner of the access key for the permission, or use another Connection."


class OnliveNotFoundError(OnliveStatusError):
    """404: no such record in the organization of this access key."""

    advice = "Check the id and which organization the access key belongs to."


class OnliveConflictError(OnliveStatusError):
    """409: a scheduling conflict, the time slot is taken. Sending the same request again cannot help."""

    advice = "Choose another time, or give `fallback_slots`."


class OnliveValidationError(OnliveStatusError):
    """422: the input is well formed and breaks a rule of the service."""

    advice = "Correct the named fields."


class OnliveRefusedError(OnliveStatusError):
    """Any other 4xx: the server refuses this request as it is."""

    advice = "Sending it again cannot help."


class OnliveBusyError(OnliveStatusError):
    """408, 425 or 429: the server did not take the request and may take it later."""

    retryable = concerns_all = True
    advice = "Lower `reads_per_minute` or `writes_per_minute` if other programs share this access key."


class OnliveServerError(OnliveStatusError):
    """5xx: the server failed."""

    retryable = concerns_all = True
    advice = "Nothing in the request needs correcting; try again later."


class OnliveUnexpectedError(OnliveError):
    """One record met an error that nobody foresaw. Its own text may hold a guest's data and is not shown."""


class OnliveStoppedError(OnliveError):
    """The task was asked to stop; the records that it did not reach are ``not_attempted``."""

    retryable = True


class OnliveNotHeldError(OnliveError):
    """A service was read again after its write and does not hold what was sent."""


class OnliveReportTakenError(OnliveError):
    """A later try of the same task has taken over the report, so that this one sends nothing any more."""


class OnliveReportPlaceError(OnliveError):
    """The place of the report, or of rejects, is full, away, or another task's. Nothing was sent unremembered."""

    retryable = True


class OnliveRecordsFailedError(OnliveError):
    """More records failed than allowed, or the run was stopped. A retry helps none of them.

    :param failures: ``{"index", "line", "id", "error", "message"}`` of the first failed records.
    :param retry_after: seconds that the server asked to wait before a retry.
    """

    def __init__(
        self,
        message: str,
        *,
        counts: Mapping[str, int],
        failures: Sequence[Mapping[str, Any]],
        report_path: str | None,
        retry_after: float | None = None,
    ) -> None:
        self.counts, self.failures = dict(counts), list(failures)
        self.report_path, self.retry_after = report_path, retry_after
        super().__init__(message)


class OnliveRecordsToRetryError(OnliveRecordsFailedError):
    """As its parent, and some of the failed may go well later: a retry sends only those again."""

    retryable = True


class OnliveTooManyChangesError(OnliveRecordsFailedError):
    """More records would change than ``max_changes`` allows, so that nothing was written."""


class OnliveRolloutFailedError(OnliveRecordsFailedError):
    """A rollout was stopped, and doing the same again cannot help."""


class OnliveRolloutToRetryError(OnliveRolloutFailedError):
    """A rollout was stopped by failures that may be over later."""

    retryable = True
