from __future__ import annotations

import json
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import (
    MAX_ANSWER_BYTES,
    Answer,
    Call,
    Request,
    build_request,
    canonical_query,
    encode_body,
)
from onlive_provider.client.signing import Credentials, SigningProfile
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from tests.loopback import ID, NOON, SECRET


def answer(status: int, document: Any = None, *, body: bytes | None = None) -> Answer:
    return Answer(status, {}, json.dumps(document).encode() if body is None else body)


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
    counted = f"{len(wrong)} character{'' if len(wrong) == 1 else 's'}"
    assert f": text of {counted} is not" in str(refused.value)


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


def test_the_bound_on_an_answer_leaves_room_for_any_documented_one() -> None:
    assert MAX_ANSWER_BYTES >= 1024 * 1024
