"""What an answer is worth: the record that was asked for, a refusal, or nothing that could be relied on."""

from __future__ import annotations

from enum import Enum
from typing import Any

from onlive_provider import errors
from onlive_provider.client.protocol import Answer, Call, Failure, FailureKind
from onlive_provider.privacy import without_personal_data

_MAX_MESSAGE = 300
_MAX_FIELD_ERRORS = 20
_NOT_TAKEN_STATUSES = frozenset({425, 429})
"""Statuses that say that the request was put off, whoever says it: the server or a proxy before it."""
_ERROR_MEMBERS = frozenset({"statusCode", "message", "error", "errors"})
"""A JSON object with one of them is an error of the API; what a proxy answers has none."""


class Fate(Enum):
    """What became of a request."""

    ANSWERED = "the answer is the record"
    NOT_SENT = "the request never left"
    REFUSED = "the server refused it"
    UNKNOWN = "not known"


def fate_of(call: Call, outcome: Answer | Failure) -> Fate:
    """Return what became of a request. Whatever is not proven is not known.

    Proof is a failure before the request left, a refusal in the API's own words, or the record that was asked for.
    """
    if isinstance(outcome, Failure):
        return Fate.NOT_SENT if outcome.kind in (FailureKind.NOT_SENT, FailureKind.TLS) else Fate.UNKNOWN
    if is_success(outcome):
        return Fate.ANSWERED if answers(call, outcome) else Fate.UNKNOWN
    refuses = outcome.status in _NOT_TAKEN_STATUSES or is_refusal(outcome)
    return Fate.REFUSED if refuses else Fate.UNKNOWN


def is_success(answer: Answer) -> bool:
    """Whether an answer says that the request was carried out."""
    return 200 <= answer.status < 300


def is_refusal(answer: Answer) -> bool:
    """Whether the API itself refuses the request. 408 says that the server gave up waiting, not what it did."""
    return 400 <= answer.status < 500 and answer.status != 408 and is_error_of_api(answer)


def is_error_of_api(answer: Answer) -> bool:
    """Whether the body is an error in the API's form, and not a proxy's page."""
    return answer.document is not None and not _ERROR_MEMBERS.isdisjoint(answer.document)


def answers(call: Call, answer: Answer) -> bool:
    """Whether the body is what a call asked for.

    A record has the id that was asked for; one that was read also has fields of its resource. The answer to a
    write may hold the id only (seed 002). A list has ``items``.
    """
    document = answer.document
    if document is None or call.resource is None:
        return False
    if call.record_id is None:
        return isinstance(document.get("items"), list)
    record_id = document.get("id")
    is_it = isinstance(record_id, str) and record_id.lower() == call.record_id.lower()
    return is_it and (call.is_write or not document.keys().isdisjoint(call.resource.fields))


def _sentence(text: str) -> str:
    """Return a server's sentence on one line, shortened, without guests' data."""
    shown = without_personal_data(text)
    return shown if len(shown) <= _MAX_MESSAGE else f"{shown[:_MAX_MESSAGE]}..."


def read_error(answer: Answer) -> tuple[str, tuple[errors.FieldError, ...]]:
    """Return an error answer's message and first field errors, as far as its form can be read."""
    document = answer.document
    if document is None:
        return "", ()
    message = document.get("message") or document.get("error") or ""
    if isinstance(message, list):
        message = "; ".join(str(part) for part in message)
    listed = document.get("errors")
    if isinstance(listed, dict):
        listed = [{"field": name, "message": text} for name, text in listed.items()]
    found = []
    for item in listed[:_MAX_FIELD_ERRORS] if isinstance(listed, list) else ():
        name, text = (item.get("field"), item.get("message")) if isinstance(item, dict) else ("", item)
        found.append(errors.FieldError(_sentence(str(name or "")), _sentence(str(text or ""))))
    return _sentence(str(message)), tuple(found)


def failure_error(failure: Failure, *, call: Call, attempts: int, elapsed: float) -> errors.OnliveCallError:
    """Return the error of a call that got no usable answer."""
    lost = errors.OnliveUnknownFateError if call.is_write else errors.OnliveNoAnswerError
    kind: type[errors.OnliveCallError] = {
        FailureKind.NOT_SENT: errors.OnliveConnectError,
        FailureKind.TLS: errors.OnliveTlsError,
        FailureKind.LOST: lost,
        FailureKind.TOO_LARGE: errors.OnliveAnswerError,
    }[failure.kind]
    return kind(f"{failure.kind.value}: {failure.detail}", call=str(call), attempts=attempts, elapsed=elapsed)


_BY_STATUS: dict[int, type[errors.OnliveStatusError]] = {
    400: errors.OnliveBadRequestError,
    401: errors.OnliveUnauthorizedError,
    403: errors.OnliveForbiddenError,
    404: errors.OnliveNotFoundError,
    408: errors.OnliveBusyError,
    409: errors.OnliveConflictError,
    422: errors.OnliveValidationError,
    425: errors.OnliveBusyError,
    429: errors.OnliveBusyError,
}


def status_error(
    answer: Answer, *, call: str, attempts: int, elapsed: float, retry_after: float | None, skew: float | None
) -> errors.OnliveCallError:
    """Return the error of an answer that is not what a call asked for.

    :param skew: seconds by which the server's clock is ahead, when that is the likely cause of a 401.
    """
    status = answer.status
    where: dict[str, Any] = {"call": call, "attempts": attempts, "elapsed": elapsed}
    if 300 <= status < 400:
        return errors.OnliveRedirectError(f"the server answered {status}, a redirect, which is not followed", **where)
    text, listed = read_error(answer)
    said = f': "{text}"' if text else ""
    if status < 300:
        what = "not with a JSON object" if answer.document is None else "not with what was asked for"
        return errors.OnliveAnswerError(f"the server answered {status}{said}, and {what}", **where)
    fields = f" [{'; '.join(map(str, listed))}]" if listed else ""
    wish = f" and asked to wait {retry_after:.0f} s" if retry_after else ""
    message = f"the server answered {status}{said}{fields}{wish}"
    about = {**where, "status": status, "server_message": text, "errors": listed, "from_api": is_error_of_api(answer)}
    if skew is not None:
        side = "behind" if skew > 0 else "ahead of"
        return errors.OnliveClockSkewError(
            f"{message}, and this machine's clock is {abs(skew):.0f} s {side} the server's", skew=skew, **about
        )
    kind = _BY_STATUS.get(status) or (errors.OnliveServerError if status >= 500 else errors.OnliveRefusedError)
    return kind(message, retry_after=retry_after, **about)
