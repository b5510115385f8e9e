from __future__ import annotations

import json
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import (
    MAX_ANSWER_BYTES,
    Answer,
    Call,
    Failure,
    FailureKind,
    Request,
    build_request,
    canonical_query,
    encode_body,
    failure_error,
    read_error,
    read_object,
    status_error,
)
from onlive_provider.client.signing import Credentials, SigningProfile
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from onlive_provider.privacy import without_personal_data
from tests.loopback import ID, NOON, SECRET


def answer(status: int, document: Any = None, *, body: bytes | None = None) -> Answer:
    return Answer(status, {}, json.dumps(document).encode() if body is None else body)


def error_of(status: int, document: Any, **more: Any) -> errors.OnliveCallError:
    details = {"call": "PUT /x", "attempts": 2, "elapsed": 3.0, "retry_after": None, "skew": None, **more}
    return status_error(answer(status, document), **details)


@pytest.mark.parametrize("resource", [APPOINTMENT, SERVICE])
def test_a_record_has_the_documented_path(resource: Any) -> None:
    assert resource.record_path(ID) == f"/api/v1/{resource.name}s/{ID}"
    assert resource.record_path(ID.upper()).endswith(ID.upper())


@pytest.mark.parametrize(
    "wrong", ["", "7", "../services", f"{ID}/cancel", f"{ID}\n", f" {ID}", ID.replace("-", ""), f"{ID}0", "g" + ID[1:]]
)
def test_an_id_that_is_not_a_uuid_could_lead_elsewhere_and_is_refused(wrong: str) -> None:
    with pytest.raises(errors.OnlivePayloadError, match="is not a UUID such as") as refused:
        APPOINTMENT.record_path(wrong)
    assert refused.value.errors[0].field == "appointment id"
    assert repr(wrong) in str(refused.value)


@pytest.mark.parametrize(
    ("pairs", "query"),
    [
        ([], ""),
        ([("b", "1"), ("a", "2")], "a=2&b=1"),
        ([("a", "2"), ("a", "10"), ("a", "1")], "a=1&a=10&a=2"),
        ([("a-b", "1"), ("a", "2")], "a=2&a-b=1"),
        ([("a", " +/?#&=%~")], "a=%20%2B%2F%3F%23%26%3D%25~"),
        ([("é", "ñ 日")], "%C3%A9=%C3%B1%20%E6%97%A5"),
        ([("A", "1"), ("a", "1"), ("_", "1")], "A=1&_=1&a=1"),
        ([("a", "")], "a="),
    ],
)
def test_a_query_is_percent_encoded_and_sorted_by_name_then_value(pairs: list[tuple[str, str]], query: str) -> None:
    assert canonical_query(pairs) == query


def test_a_body_is_compact_utf8_json_with_absent_null_and_empty_kept_apart() -> None:
    patch = {"title": "Zoë 🚗", "event": None, "guests": [], "extraFields": {}, "active": False, "duration": 45.5}
    expected = '{"title":"Zoë 🚗","event":null,"guests":[],"extraFields":{},"active":false,"duration":45.5}'
    assert encode_body(patch) == expected.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", object(), "\ud800", {"a": [float("nan")]}])
def test_what_json_cannot_hold_is_refused_naming_the_field_and_not_the_value(value: object) -> None:
    with pytest.raises(errors.OnlivePayloadError) as refused:
        encode_body({"title": "x", "duration": value, "extraFields": {}})
    assert [error.field for error in refused.value.errors] == ["duration"]
    assert "is not JSON; accepted are text, finite numbers" in str(refused.value)


def test_every_field_that_json_cannot_hold_is_named() -> None:
    with pytest.raises(errors.OnlivePayloadError) as refused:
        encode_body({"a": {1}, "b": 1, "c": {2}, ("d",): 1})  # type: ignore[dict-item]
    assert [error.field for error in refused.value.errors] == ["a", "c", "('d',)"]


def signed(call: Call) -> Request:
    credentials = Credentials("AKID", SECRET)
    return build_request(call, base_url="https://x.test", profile=SigningProfile(), credentials=credentials, now=NOON)


def test_only_a_call_with_a_payload_has_a_body_and_a_content_type() -> None:
    read, write = signed(Call("GET", "/x")), signed(Call("PUT", "/x", payload={}))
    assert (read.body, read.headers.get("Content-Type")) == (None, None)
    assert (write.body, write.headers["Content-Type"]) == (b"{}", "application/json")
    assert read.headers["Accept"] == write.headers["Accept"] == "application/json"
    assert read.headers["User-Agent"].startswith("airflow-provider-onlive/")


def test_only_a_put_is_a_write() -> None:
    assert Call("PUT", "/x", payload={}).is_write
    assert not Call("GET", "/x").is_write


def test_reprs_show_no_header_no_body_and_no_payload() -> None:
    call = Call("PUT", "/x", payload={"guests": [{"email": "ana@example.com"}]})
    assert repr(signed(call)) == f"Request(PUT https://x.test/x, {len(encode_body(call.payload or {}))} bytes)"
    assert repr(signed(Call("GET", "/x"))) == "Request(GET https://x.test/x, 0 bytes)"
    assert repr(answer(200, {"email": "ana@example.com"})) == "Answer(200, 28 bytes)"
    assert "ana@example.com" not in repr(call)


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
    ],
)
def test_a_body_that_is_not_a_json_object_is_none(body: bytes) -> None:
    assert read_object(answer(200, body=body)) is None


def test_a_json_object_is_read_whatever_unicode_form_it_has() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert read_object(answer(200, body='{"a": "é"}'.encode(encoding))) == {"a": "é"}


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
    assert type(error) is errors.OnliveAnswerError
    assert said in str(error)


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


def test_the_bound_on_an_answer_leaves_room_for_any_documented_one() -> None:
    assert MAX_ANSWER_BYTES >= 1024 * 1024
