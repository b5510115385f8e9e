"""Whom a write tells, and the log of it."""

from __future__ import annotations

import pytest


def _path(record):
    return f"/api/v1/appointments/{record['id']}"


def _kinds(sandbox):
    return [entry["kind"] for entry in sandbox.notifications()]


@pytest.mark.parametrize(
    "field", ["title", "description", "guests", "reminders", "lang", "event", "state", "start", "end"]
)
def test_a_field_that_guests_see_is_told_to_each_guest(caller, sandbox, upcoming, field):
    guests = [{"email": "a@example.com"}, {"email": "b@example.com"}]
    caller.put(_path(upcoming), {"guests": guests})
    before = len(sandbox.notifications())
    caller.put(_path(upcoming), {field: guests if field == "guests" else upcoming[field]})
    told = [entry["to"] for entry in sandbox.notifications()[before:] if entry["kind"] == "guest"]
    assert told == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("field", ["agentComment", "classification", "extraFields"])
def test_an_internal_field_is_told_to_the_provider_only(caller, sandbox, upcoming, field):
    caller.put(_path(upcoming), {field: {} if field == "extraFields" else "internal"})
    assert _kinds(sandbox) == ["provider"]


def test_an_entry_says_when_whom_and_which_fields(caller, sandbox, upcoming, service):
    answer = caller.put(_path(upcoming), {"state": "confirmed", "agentComment": "x"})
    assert sandbox.notifications()[-1] == {
        "at": answer.body["updatedAt"],
        "kind": "provider",
        "appointmentId": upcoming["id"],
        "to": service["extraFields"]["contact"],
        "fields": ["agentComment", "state"],
    }


def test_a_new_time_is_told_to_each_calendar(caller, sandbox, upcoming):
    caller.put(_path(upcoming), {"start": upcoming["start"]})
    told = [entry["to"] for entry in sandbox.notifications() if entry["kind"] == "calendar"]
    assert told == upcoming["calendarIds"]
    assert len(told) == 2


def test_an_identical_rewrite_tells_everybody_again(caller, sandbox, upcoming):
    caller.put(_path(upcoming), {"title": upcoming["title"]})
    first = _kinds(sandbox)
    caller.put(_path(upcoming), {"title": upcoming["title"]})
    assert "guest" in first
    assert _kinds(sandbox) == first * 2


def test_an_update_without_fields_tells_nobody(caller, sandbox, upcoming, service):
    assert caller.put(_path(upcoming), {}).status == 200
    assert caller.put(f"/api/v1/services/{service['id']}", {}).status == 200
    assert sandbox.notifications() == []


def test_a_guest_who_wants_no_notifications_gets_none(caller, sandbox, upcoming):
    quiet = {"email": "quiet@example.com", "extraFields": {"notifications": False}}
    caller.put(_path(upcoming), {"guests": [quiet, {"email": "loud@example.com", "extraFields": None}]})
    assert [entry["to"] for entry in sandbox.notifications() if entry["kind"] == "guest"] == ["loud@example.com"]


def test_a_service_update_is_told_to_its_provider(caller, sandbox, service):
    answer = caller.put(f"/api/v1/services/{service['id']}", {"timeBetween": 5})
    assert sandbox.notifications() == [
        {
            "at": answer.body["updatedAt"],
            "kind": "provider",
            "serviceId": service["id"],
            "to": service["extraFields"]["contact"],
            "fields": ["timeBetween"],
        }
    ]


def test_a_service_without_a_contact_is_told_by_its_name(caller, sandbox, service):
    caller.put(f"/api/v1/services/{service['id']}", {"extraFields": None})
    assert sandbox.notifications()[0]["to"] == service["name"]


def test_a_read_tells_nobody(caller, sandbox, upcoming):
    caller.get(_path(upcoming))
    assert sandbox.notifications() == []


def test_the_log_is_readable_without_a_signature(caller, sandbox, upcoming):
    caller.put(_path(upcoming), {"lang": "en"})
    answer = caller.send("GET", "/sandbox/notifications", b"", {})
    assert (answer.status, answer.body) == (200, {"items": sandbox.notifications()})
    assert len(answer.body["items"]) >= 2
