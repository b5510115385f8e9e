"""What an answer is worth, and the error of one that is not what was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.answers import Fate, failure_error, fate_of, read_error, status_error
from onlive_provider.client.protocol import Answer, Call, Failure, FailureKind
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from onlive_provider.privacy import without_personal_data
from tests.loopback import ID, OTHER_ID

READ, WRITE = Call.read(SERVICE, ID), Call.write(SERVICE, ID, {"name": "x"})
ERROR = {"statusCode": 400, "message": "No"}


def answer(status: int, document: Any = None, *, body: bytes | None = None) -> Answer:
    return Answer(status, {}, json.dumps(document).encode() if body is None else body)


def error_of(status: int, document: Any, **more: Any) -> errors.OnliveCallError:
    details = {"call": "PUT /x", "attempts": 2, "elapsed": 3.0, "retry_after": None, "skew": None, **more}
    return status_error(answer(status, document), **details)


@pytest.mark.parametrize(
    ("kind", "fate"),
    [
        (FailureKind.NOT_SENT, Fate.NOT_SENT),
        (FailureKind.TLS, Fate.NOT_SENT),
        (FailureKind.LOST, Fate.UNKNOWN),
        (FailureKind.TOO_LARGE, Fate.UNKNOWN),
    ],
)
def test_a_failure_of_the_transport_says_whether_the_request_may_have_arrived(kind: FailureKind, fate: Fate) -> None:
    assert fate_of(WRITE, Failure(kind, "")) is fate


@pytest.mark.parametrize("status", [99, 100, 101, 102, 103, 199, 300, 302, 304, 408, 500, 501, 502, 503, 504, 520, 999])
@pytest.mark.parametrize("document", [None, {}, ERROR, {"id": ID, "name": "x"}])
def test_after_these_statuses_the_fate_is_unknown_whatever_the_body_says(status: int, document: Any) -> None:
    assert fate_of(WRITE, answer(status, document)) is Fate.UNKNOWN


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 410, 413, 418, 422, 431, 451, 499])
def test_a_refusal_counts_in_the_apis_own_words_only(status: int) -> None:
    for member in ("statusCode", "message", "error", "errors"):
        assert fate_of(WRITE, answer(status, {member: "x"})) is Fate.REFUSED
    for body in (b"", b"<html>", b"{}", b'{"status": "x"}', b'["message"]', b'{"message": "cut'):
        assert fate_of(WRITE, answer(status, body=body)) is Fate.UNKNOWN


@pytest.mark.parametrize("status", [425, 429])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": "x"}'])
def test_a_request_that_was_put_off_was_not_made_whoever_says_it(status: int, body: bytes) -> None:
    assert fate_of(WRITE, answer(status, body=body)) is Fate.REFUSED


@pytest.mark.parametrize("status", [200, 201, 202, 299])
@pytest.mark.parametrize(
    ("document", "of_read", "of_write"),
    [
        ({"id": ID, "name": "x"}, True, True),
        ({"id": ID.upper(), "name": "x"}, True, True),
        ({"id": ID, "updatedAt": "2025-03-09T11:00:00.000Z"}, False, True),
        ({"id": ID}, False, True),
        ({"id": ID, "status": "ok"}, False, True),
        ({"id": OTHER_ID, "name": "x"}, False, False),
        ({"id": None, "name": "x"}, False, False),
        ({"id": 7, "name": "x"}, False, False),
        ({"name": "x"}, False, False),
        ({"data": {"id": ID, "name": "x"}}, False, False),
        ({}, False, False),
        ([{"id": ID, "name": "x"}], False, False),
        ("ok", False, False),
    ],
)
def test_an_answer_is_the_record_only_if_it_has_the_id_that_was_asked_for(
    status: int, document: Any, of_read: bool, of_write: bool
) -> None:
    for call, is_record in ((READ, of_read), (WRITE, of_write)):
        assert fate_of(call, answer(status, document)) is (Fate.ANSWERED if is_record else Fate.UNKNOWN)


@pytest.mark.parametrize(
    ("document", "is_list"),
    [({"items": []}, True), ({"items": [{}], "total": 1}, True), ({"items": None}, False), ({}, False), ([], False)],
)
def test_a_list_has_items(document: Any, is_list: bool) -> None:
    fate = fate_of(Call.page(SERVICE, {"page": "1"}), answer(200, document))
    assert fate is (Fate.ANSWERED if is_list else Fate.UNKNOWN)


def test_an_appointment_is_no_service() -> None:
    document = {"id": ID, "start": "2025-03-10T08:00:00.000Z"}
    assert fate_of(Call.read(APPOINTMENT, ID), answer(200, document)) is Fate.ANSWERED
    assert fate_of(READ, answer(200, document)) is Fate.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>Login</html>",
        b'{"id": "1"',
        b'{"id": "1"}x',
        b"[]",
        b'[{"id": "1"}]',
        b'"text"',
        b"null",
        b"12",
        b"\xff\xfe\xfa",
        b'{"id": "\xff"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"id": "1", "duration": NaN}',
        b'{"id": "1", "duration": -Infinity}',
    ],
)
def test_a_body_that_is_not_a_json_object_is_none(body: bytes) -> None:
    assert answer(200, body=body).document is None


def test_a_json_object_is_read_whatever_unicode_form_it_has() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert answer(200, body='{"a": "é"}'.encode(encoding)).document == {"a": "é"}


@pytest.mark.parametrize(
    ("document", "message", "listed"),
    [
        ({"statusCode": 400, "message": "Invalid input data"}, "Invalid input data", []),
        (
            {"message": "Invalid", "errors": [{"field": "end", "message": "must be after start"}]},
            "Invalid",
            ["end: must be after start"],
        ),
        ({"message": "x", "errors": ["first", "second"]}, "x", ["first", "second"]),
        ({"message": "x", "errors": {"end": "too early", "start": ["a", "b"]}}, "x", None),
        ({"message": ["a must be b", "c must be d"]}, "a must be b; c must be d", []),
        ({"error": "Not Found"}, "Not Found", []),
        ({"message": None, "error": "Not Found"}, "Not Found", []),
        ({"message": {"code": 7}}, "{'code': 7}", []),
        ({"message": "x", "errors": None}, "x", []),
        ({"message": "x", "errors": "text"}, "x", []),
        ({"message": "x", "errors": [{"field": None, "message": "y"}, {}, 7, None]}, "x", ["y", "", "7", ""]),
        ({}, "", []),
        ([], "", []),
        ("text", "", []),
        (None, "", []),
    ],
)
def test_an_error_body_is_read_as_far_as_it_goes(document: Any, message: str, listed: list[str] | None) -> None:
    text, found = read_error(answer(400, document))
    assert text == message
    assert [str(error) for error in found] == (["end: too early", "start: ['a', 'b']"] if listed is None else listed)


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"message": "cut'])
def test_an_error_body_that_is_no_json_tells_nothing_and_breaks_nothing(body: bytes) -> None:
    assert read_error(answer(502, body=body)) == ("", ())


def test_a_flood_of_field_errors_is_cut_and_a_long_message_too() -> None:
    text, found = read_error(answer(422, {"message": "x" * 1_000_000, "errors": ["y" * 5000] * 1000}))
    assert text == "x" * 300 + "..."
    assert len(found) == 20
    assert all(len(str(error)) == 303 for error in found)


@pytest.mark.parametrize(
    "personal",
    [
        "ana.garcia+demo@example.co.uk",
        "<ana@example.com>",
        "mailto:ana@example.com",
        "añá@exämple.com",
        "+34600000000",
        "+34 600 000 000",
        "+34 600 00 00 00",
        "+34-600-000-000",
        "+34 (600) 000-000",
        "+(34) 600 000 000",
        "tel:+34600000000",
        "phone=+34600000000",
        "phone:600000000",
        "600000000: not valid",
        "0034600000000",
        "600000000",
        "600 000 000",
        "600.000.000",
        "(600) 000-0000",
        "1 (600) 000-0000",
        "030/60000000",
        "+45 60 00 00 00",
        "60 00 00 00",
        "+34\u00a0600\u00a0000\u00a0000",
        "+34\n600\n000\n000",
    ],
)
def test_an_e_mail_or_a_phone_number_in_a_servers_sentence_is_taken_out(personal: str) -> None:
    shown = without_personal_data(f"Guest {personal} was already invited")
    assert shown.startswith("Guest ")
    assert shown.endswith(" was already invited")
    assert "<e-mail>" in shown or "<phone>" in shown
    assert not any(part in shown for part in ("ana", "añá", "600", "00 00", "exam"))


@pytest.mark.parametrize(
    "text",
    [
        f"Appointment {ID} not found",
        "12345678-1234-4123-8123-123456789012 is not yours",
        "End 2025-03-10T08:00:00.000Z is before start 2025-03-10T08:30:00+02:00",
        "2024-10-13 to 2025-10-14 overlaps 2025-01-01 / 2025-02-01",
        "Slot 2025-03-10 08:00 - 2025-03-10 08:30 is taken",
        "duration must be at most 1440 and at least 5",
        "Rate limit: 100 writes per 60 seconds, 1,000 reads",
        "version 1.10.3 of 10.0.0.1:8443",
    ],
)
def test_ids_times_and_small_numbers_stay_readable(text: str) -> None:
    assert without_personal_data(text) == text


def test_a_servers_sentence_stands_on_one_line() -> None:
    assert without_personal_data("first\n  second\r\nINFO fake\tlog") == "first second INFO fake log"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.OnliveBadRequestError),
        (401, errors.OnliveUnauthorizedError),
        (403, errors.OnliveForbiddenError),
        (404, errors.OnliveNotFoundError),
        (408, errors.OnliveBusyError),
        (409, errors.OnliveConflictError),
        (410, errors.OnliveRefusedError),
        (418, errors.OnliveRefusedError),
        (422, errors.OnliveValidationError),
        (425, errors.OnliveBusyError),
        (429, errors.OnliveBusyError),
        (500, errors.OnliveServerError),
        (501, errors.OnliveServerError),
        (503, errors.OnliveServerError),
    ],
)
def test_every_status_has_its_error_with_status_message_fields_attempts_and_seconds(
    status: int, kind: type[errors.OnliveStatusError]
) -> None:
    document = {"statusCode": status, "message": "So it is", "errors": [{"field": "end", "message": "too early"}]}
    error = error_of(status, document)
    assert type(error) is kind
    assert isinstance(error, errors.OnliveStatusError)
    text = f'PUT /x: the server answered {status}: "So it is" [end: too early] (2 attempts in 3.0 s).'
    assert str(error).startswith(text)
    assert str(error).endswith(kind.advice)
    assert (error.status, error.server_message) == (status, "So it is")
    assert error.errors == (errors.FieldError("end", "too early"),)


def test_an_error_carries_and_names_the_wait_that_the_server_asked_for() -> None:
    error = error_of(503, {"message": "Later"}, retry_after=9.0)
    assert error.retry_after == 9.0
    assert 'the server answered 503: "Later" and asked to wait 9 s (2 attempts' in str(error)


def test_a_status_without_a_body_is_still_a_sentence() -> None:
    assert str(error_of(503, None)).startswith("PUT /x: the server answered 503 (2 attempts in 3.0 s).")


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "200, and not with a JSON object"), (204, "204, and not"), (301, "301, a redirect, which is not followed")],
)
def test_an_answer_that_is_not_the_apis_is_an_answer_error(status: int, said: str) -> None:
    error = error_of(status, None)
    assert type(error) is (errors.OnliveRedirectError if status == 301 else errors.OnliveAnswerError)
    assert said in str(error)


def test_a_success_without_what_was_asked_for_says_so_and_what_the_server_said() -> None:
    assert 'the server answered 200: "Try later", and not with what was asked for (2' in str(
        error_of(200, {"message": "Try later"})
    )


@pytest.mark.parametrize(("skew", "said"), [(3600.4, "3600 s behind"), (-90.0, "90 s ahead of")])
def test_a_clock_skew_error_names_the_seconds_and_which_clock_is_off(skew: float, said: str) -> None:
    error = error_of(401, {"message": "Request expired"}, skew=skew)
    assert isinstance(error, errors.OnliveClockSkewError)
    assert f"this machine's clock is {said} the server's" in str(error)
    assert (error.skew, error.status, error.server_message) == (skew, 401, "Request expired")
    assert error.errors == ()


@pytest.mark.parametrize(
    ("kind", "read", "write"),
    [
        (FailureKind.NOT_SENT, errors.OnliveConnectError, errors.OnliveConnectError),
        (FailureKind.TLS, errors.OnliveTlsError, errors.OnliveTlsError),
        (FailureKind.LOST, errors.OnliveNoAnswerError, errors.OnliveUnknownFateError),
        (FailureKind.TOO_LARGE, errors.OnliveAnswerError, errors.OnliveAnswerError),
    ],
)
def test_every_failure_of_the_transport_has_its_error(
    kind: FailureKind, read: type[Exception], write: type[Exception]
) -> None:
    for call, expected in ((Call("GET", "/x"), read), (Call("PUT", "/x", payload={}), write)):
        error = failure_error(Failure(kind, "the detail"), call=call, attempts=2, elapsed=3.0)
        assert type(error) is expected
        assert str(error).startswith(f"{call}: {kind.value}: the detail (2 attempts in 3.0 s).")
