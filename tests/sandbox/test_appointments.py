"""What may become of an appointment, and how every refusal is worded."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from onlive_provider.sandbox.server import Sandbox


def _path(record):
    return f"/api/v1/appointments/{record['id']}"


def _invalid(*errors):
    return 400, {
        "statusCode": 400,
        "message": "Invalid input data",
        "errors": [{"field": field, "message": message} for field, message in errors],
    }


def _failed(field, message):
    return 422, {"statusCode": 422, "message": "Validation failed", "errors": [{"field": field, "message": message}]}


def _told(answer):
    return answer.status, answer.body


def test_a_get_answers_every_documented_field_and_no_other(caller, upcoming):
    answer = caller.get(_path(upcoming))
    unreadable = {"agentComment", "classification"}
    assert answer.status == 200
    assert answer.body == {field: value for field, value in upcoming.items() if field not in unreadable}


def test_only_the_given_fields_change(caller, sandbox, upcoming):
    answer = caller.put(_path(upcoming), {"title": "Moved by phone"})
    stored = sandbox.record("appointments", upcoming["id"])
    assert answer.status == 200
    assert stored == {**upcoming, "title": "Moved by phone", "updatedAt": stored["updatedAt"]}
    assert caller.get(_path(upcoming)).body == answer.body


@pytest.mark.parametrize(
    "field", ["title", "description", "guests", "reminders", "extraFields", "lang", "event", "state"]
)
def test_null_clears_a_field(caller, upcoming, field):
    assert caller.put(_path(upcoming), {field: None}).body[field] is None


@pytest.mark.parametrize("field", ["start", "end"])
def test_a_time_cannot_be_cleared(caller, upcoming, field):
    expected = _invalid((field, "must be a valid ISO 8601 date and time with Z or an offset"))
    assert _told(caller.put(_path(upcoming), {field: None})) == expected


def test_an_array_is_replaced_whole(caller, upcoming):
    caller.put(_path(upcoming), {"reminders": [{"time": 15, "unit": "m"}, {"time": 2, "unit": "h"}]})
    answer = caller.put(_path(upcoming), {"reminders": [{"time": 30, "unit": "m"}]})
    assert answer.body["reminders"] == [{"time": 30, "unit": "m"}]


def test_an_object_keeps_the_keys_that_an_update_does_not_name(caller, upcoming):
    caller.put(_path(upcoming), {"extraFields": {"priority": "low", "room": "2"}})
    answer = caller.put(_path(upcoming), {"extraFields": {"priority": "high", "room": None}})
    assert answer.body["extraFields"] == {**upcoming["extraFields"], "priority": "high", "room": None}


def test_an_object_is_replaced_when_the_sandbox_is_told_to(clock, call_to, upcoming):
    with Sandbox(clock=clock, object_updates="replace") as replacing:
        answer = call_to(replacing).put(_path(upcoming), {"extraFields": {"priority": "high"}})
    assert answer.body["extraFields"] == {"priority": "high"}


def test_an_object_can_be_set_where_there_was_none(caller, upcoming):
    assert caller.put(_path(upcoming), {"event": {"room": "Demo Room 2"}}).body["event"] == {"room": "Demo Room 2"}


def test_updated_at_moves_with_every_write_even_in_the_same_millisecond(caller, upcoming):
    moments = [caller.put(_path(upcoming), payload).body["updatedAt"] for payload in ({}, {"lang": "en"}, {})]
    assert upcoming["updatedAt"] < moments[0] < moments[1] < moments[2]
    assert moments[0] == "2026-03-11T12:00:00.000Z"


def test_a_refused_write_changes_nothing(caller, sandbox, upcoming):
    caller.put(_path(upcoming), {"title": "New", "end": upcoming["start"]})
    assert sandbox.record("appointments", upcoming["id"]) == upcoming
    assert sandbox.notifications() == []


def test_an_internal_note_is_stored_and_in_no_answer(caller, sandbox, upcoming):
    payload = {"agentComment": "Prefers calls", "classification": "internal"}
    answer = caller.put(_path(upcoming), payload)
    assert not payload.keys() & answer.body.keys()
    assert not payload.keys() & caller.get(_path(upcoming)).body.keys()
    assert payload.items() <= sandbox.record("appointments", upcoming["id"]).items()


def test_a_time_is_answered_in_utc_with_milliseconds(caller, upcoming_of):
    call = upcoming_of("Advisory call · Madrid")
    local = call["start"].replace("Z", "+00:00"), call["end"][:19] + "Z"
    answer = caller.put(_path(call), {"start": local[0], "end": local[1]})
    assert (answer.body["start"], answer.body["end"]) == (call["start"], call["end"])


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_id_that_is_no_uuid_is_refused(caller, method):
    expected = {
        "statusCode": 400,
        "message": "Invalid appointment ID format",
        "errors": [{"field": "appointmentId", "message": "Must be a valid UUID"}],
    }
    assert _told(caller.call(method, "/api/v1/appointments/42", b"{}" if method == "PUT" else b"")) == (400, expected)


def test_an_unknown_id_is_not_found(caller):
    expected = 404, {"statusCode": 404, "message": "Appointment not found"}
    assert _told(caller.get(f"/api/v1/appointments/{uuid4()}")) == expected
    assert _told(caller.put(f"/api/v1/appointments/{uuid4()}", {"lang": "en"})) == expected


def test_another_organizations_appointment_is_forbidden(caller, sandbox):
    foreign = sandbox.foreign_records("appointments")[0]
    assert _told(caller.put(_path(foreign), {"lang": "en"})) == (
        403,
        {"statusCode": 403, "message": "Insufficient permissions to update this appointment"},
    )
    assert _told(caller.get(_path(foreign))) == (
        403,
        {"statusCode": 403, "message": "Insufficient permissions to read this appointment"},
    )


def test_another_organizations_key_reads_its_own_appointment(caller, sandbox):
    foreign = sandbox.foreign_records("appointments")[0]
    assert caller.get(_path(foreign), key=("onlive-other", "onlive-other-secret")).status == 200


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_declared_as_json_is_refused(caller, upcoming, media_type):
    answer = caller.put(_path(upcoming), {"lang": "en"}, headers={"Content-Type": media_type})
    assert _told(answer) == _invalid(("Content-Type", "Must be application/json"))


def test_a_charset_may_stand_in_the_content_type(caller, upcoming):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert caller.put(_path(upcoming), {"lang": "en"}, headers=headers).status == 200


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"title": NaN}', b'{"title": 1e999}', b'{"title": "\\ud800"}', b"\xff", b"[" * 100_000],
    ids=["cut", "nan", "infinite", "half a surrogate pair", "not utf-8", "deep"],
)
def test_malformed_json_is_refused(caller, upcoming, body):
    assert _told(caller.call("PUT", _path(upcoming), body)) == _invalid(("body", "Must be valid JSON"))


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"1"])
def test_json_that_is_no_object_is_refused(caller, upcoming, body):
    assert _told(caller.call("PUT", _path(upcoming), body)) == _invalid(("body", "Must be a JSON object"))


@pytest.mark.parametrize("domain", ["branch.test", "branch.local", "branch.corp", "branch.internal", "münchen.example"])
def test_an_address_of_any_domain_is_accepted(caller, upcoming, domain):
    guests = [{"email": f"lucia@{domain}"}]
    answer = caller.put(_path(upcoming), {"guests": guests})
    assert (answer.status, answer.body["guests"]) == (200, guests)


def test_a_reminder_may_go_out_at_the_start(caller, upcoming):
    reminders = [{"time": 0, "unit": "m"}]
    assert caller.put(_path(upcoming), {"reminders": reminders}).body["reminders"] == reminders


def test_a_field_that_cannot_be_updated_is_refused_so_that_a_typo_shows(caller, upcoming):
    expected = _invalid(("titel", "is not an updatable field"))
    assert _told(caller.put(_path(upcoming), {"titel": "x", "lang": "en"})) == expected


@pytest.mark.parametrize("field", ["id", "organizationId", "createdAt", "updatedAt"])
def test_an_immutable_field_is_refused(caller, upcoming, field):
    assert _told(caller.put(_path(upcoming), {field: upcoming[field]})) == _invalid((field, "cannot be changed"))


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"title": 7}, ("title", "must be a string")),
        ({"description": []}, ("description", "must be a string")),
        ({"lang": True}, ("lang", "must be a string")),
        ({"state": 1}, ("state", "must be a string")),
        ({"classification": 1}, ("classification", "must be a string")),
        ({"agentComment": {}}, ("agentComment", "must be a string")),
        ({"extraFields": "{}"}, ("extraFields", "must be an object")),
        ({"event": []}, ("event", "must be an object")),
        ({"event": {"room": 2}}, ("event.room", "must be a string")),
        ({"event": {"iCallUrl": 2}}, ("event.iCallUrl", "must be a string")),
        ({"guests": {}}, ("guests", "must be an array")),
        ({"guests": ["a@example.com"]}, ("guests[0]", "must be an object")),
        ({"guests": [{}]}, ("guests[0].email", "must be a valid email address")),
        ({"guests": [{"email": "lucia"}]}, ("guests[0].email", "must be a valid email address")),
        (
            {"guests": [{"email": "a@example.com"}, {"email": "A@Example.com"}]},
            ("guests[1].email", "Duplicate email address"),
        ),
        (
            {"guests": [{"email": "a@example.com", "extraFields": 1}]},
            ("guests[0].extraFields", "must be an object"),
        ),
        ({"guests": [{"email": "lucia@localhost"}]}, ("guests[0].email", "must be a valid email address")),
        ({"guests": [{"email": " a@example.com"}]}, ("guests[0].email", "must be a valid email address")),
        ({"reminders": [{"time": -1, "unit": "m"}]}, ("reminders[0].time", "must be a positive number or 0")),
        ({"reminders": [{"time": True, "unit": "m"}]}, ("reminders[0].time", "must be a positive number or 0")),
        ({"reminders": [{"time": 5}]}, ("reminders[0].unit", "must be a string that is not empty")),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_a_value_of_the_wrong_form_is_refused(caller, upcoming, payload, error):
    assert _told(caller.put(_path(upcoming), payload)) == _invalid(error)


@pytest.mark.parametrize(
    "text",
    ["tomorrow", "2026-03-20", "2026-03-20T10:00:00", "2026-03-20T25:00:00Z", "2026-13-20T10:00:00Z", 7,
     "0001-01-01T00:00:00+14:00", "2026-W12-5T10:00:00Z", "2026-03-20 10:00:00Z"],
)  # fmt: skip
def test_a_time_that_is_not_iso_8601_with_a_zone_is_refused(caller, upcoming, text):
    expected = _invalid(("start", "must be a valid ISO 8601 date and time with Z or an offset"))
    assert _told(caller.put(_path(upcoming), {"start": text})) == expected


def test_every_problem_is_named_at_once(caller, upcoming):
    answer = caller.put(_path(upcoming), {"title": 1, "start": "x", "colour": "red"})
    assert [error["field"] for error in answer.body["errors"]] == ["title", "start", "colour"]


@pytest.mark.parametrize("end", ["start", "earlier"])
def test_an_end_that_is_not_after_the_start_is_refused(caller, upcoming, end):
    text = upcoming["start"] if end == "start" else "2026-03-01T00:00:00Z"
    expected = _invalid(("end", "End time must be after start time"))
    assert _told(caller.put(_path(upcoming), {"end": text})) == expected


def test_a_past_appointment_cannot_be_modified(caller, clock, upcoming):
    clock.forward(days=60)
    expected = _failed("start", "Cannot modify past appointments")
    assert _told(caller.put(_path(upcoming), {"agentComment": "Came late"})) == expected


def test_too_many_guests_are_refused(caller, upcoming):
    guests = [{"email": f"guest{number}@example.com"} for number in range(11)]
    assert caller.put(_path(upcoming), {"guests": guests[:10]}).status == 200
    expected = _failed("guests", "Maximum number of guests exceeded")
    assert _told(caller.put(_path(upcoming), {"guests": guests})) == expected
