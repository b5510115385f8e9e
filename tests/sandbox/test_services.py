"""What may become of a service, how every refusal is worded."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest


def _path(record):
    return f"/api/v1/services/{record['id']}"


def _invalid(*errors):
    return 400, {
        "statusCode": 400,
        "message": "Invalid input",
        "errors": [{"field": field, "message": message} for field, message in errors],
    }


def _failed(field, message):
    return 422, {"statusCode": 422, "message": "Validation failed", "errors": [{"field": field, "message": message}]}


def _told(answer):
    return answer.status, answer.body


def _range(start, end):
    return {"startDate": start, "endDate": end}


SUMMER = _range("2026-06-14T22:00:00.000Z", "2026-09-15T21:59:59.000Z")


def test_a_get_answers_the_whole_service(caller, service):
    assert _told(caller.get(_path(service))) == (200, service)


def test_only_the_given_fields_change(caller, sandbox, service):
    answer = caller.put(_path(service), {"timeBetween": 20})
    assert _told(answer) == (200, {**service, "timeBetween": 20, "updatedAt": "2026-03-11T12:00:00.000Z"})
    assert sandbox.record("services", service["id"]) == answer.body


def test_the_references_whole_example_is_accepted(caller, service):
    payload = {
        "name": "Premium Test Drive Service",
        "duration": 45,
        "timeBetween": 15,
        "minTimeToSchedule": 1,
        "maxTimeToSchedule": 90,
        "incrementTime": 30,
        "extraFields": {"area": "Barcelona", "requirements": ["valid_license", "age_over_21"]},
        "deniedMultipleAppointment": True,
        "image": "https://cdn.onlive.site/assets/cupra/premium-test-drive.webp",
        "userGroupId": "f329fe97-452f-4d12-aef0-f526a74569cc",
        "allowOverlapping": False,
        "hasICall": True,
        "active": True,
        "typeId": "e3fb21fb-83ef-4051-916b-a8e96effe81f",
        "dateRanges": [
            _range("2024-10-13T22:00:00.000Z", "2025-10-14T21:59:59.000Z"),
            _range("2025-11-01T00:00:00.000Z", "2025-12-31T23:59:59.000Z"),
        ],
    }
    answer = caller.put(_path(service), payload)
    extra = {**service["extraFields"], **payload["extraFields"]}
    assert answer.status == 200
    assert {**payload, "extraFields": extra}.items() <= answer.body.items()


@pytest.mark.parametrize("field", ["extraFields", "dateRanges", "calendars", "image", "userGroupId", "typeId"])
def test_null_clears_a_field(caller, service, field):
    assert caller.put(_path(service), {field: None}).body[field] is None


def test_date_ranges_are_replaced_whole_and_answered_in_utc(caller, service):
    payload = {"dateRanges": [_range("2026-06-15T00:00:00+02:00", "2026-09-15T23:59:59+02:00")]}
    assert caller.put(_path(service), payload).body["dateRanges"] == [SUMMER]


def test_ranges_that_only_touch_are_accepted(caller, service):
    ranges = [SUMMER, _range(SUMMER["endDate"], "2026-12-31T00:00:00.000Z")]
    assert caller.put(_path(service), {"dateRanges": ranges}).body["dateRanges"] == ranges


def test_ranges_may_stand_in_any_order(caller, service):
    ranges = [_range("2026-10-01T00:00:00.000Z", "2026-12-31T00:00:00.000Z"), SUMMER]
    assert caller.put(_path(service), {"dateRanges": ranges}).body["dateRanges"] == ranges


def test_what_a_range_holds_beside_its_dates_is_kept(caller, service):
    ranges = [{**SUMMER, "id": 7, "label": "summer"}]
    assert caller.put(_path(service), {"dateRanges": ranges}).body["dateRanges"] == ranges
    assert caller.get(_path(service)).body["dateRanges"] == ranges


def test_a_calendars_id_is_compared_without_case(caller, sandbox, service):
    calendars = [{**each, "calendarId": each["calendarId"].upper()} for each in service["calendars"]]
    answer = caller.put(_path(service), {"calendars": calendars})
    assert (answer.status, answer.body["calendars"]) == (200, calendars)
    twice = [service["calendars"][0], calendars[0]]
    expected = _invalid(("calendars[1].calendarId", "Duplicate calendar"))
    assert _told(caller.put(_path(service), {"calendars": twice})) == expected


@pytest.mark.parametrize("days", [None, []])
def test_a_calendar_may_have_no_restriction_days_of_one_kind(caller, service, days):
    calendars = [{**service["calendars"][0], "restrictionDates": {"include": days, "exclude": [["2026-12-25"] * 2]}}]
    assert caller.put(_path(service), {"calendars": calendars}).body["calendars"] == calendars


def test_an_id_that_is_no_uuid_is_refused(caller):
    expected = {
        "statusCode": 400,
        "message": "Invalid service ID format",
        "errors": [{"field": "id", "message": "Must be a valid UUID"}],
    }
    assert _told(caller.get("/api/v1/services/42")) == (400, expected)
    assert _told(caller.put("/api/v1/services/42", {})) == (400, expected)


def test_an_unknown_id_is_not_found(caller):
    expected = 404, {"statusCode": 404, "message": "Service not found"}
    assert _told(caller.get(f"/api/v1/services/{uuid4()}")) == expected
    assert _told(caller.put(f"/api/v1/services/{uuid4()}", {"active": True})) == expected


def test_another_organizations_service_is_forbidden(caller, sandbox):
    foreign = sandbox.foreign_records("services")[0]
    assert _told(caller.put(_path(foreign), {"active": True})) == (
        403,
        {"statusCode": 403, "message": "Insufficient permissions to update this service"},
    )
    assert _told(caller.get(_path(foreign))) == (
        403,
        {"statusCode": 403, "message": "Insufficient permissions to read this service"},
    )


POSITIVE = "must be a positive number"
NOT_NEGATIVE = "must be a positive number or 0"
BOOLEAN = "must be true or false"


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"duration": 0}, ("duration", POSITIVE)),
        ({"duration": -45}, ("duration", POSITIVE)),
        ({"duration": "45"}, ("duration", POSITIVE)),
        ({"duration": None}, ("duration", POSITIVE)),
        ({"incrementTime": 0}, ("incrementTime", POSITIVE)),
        ({"timeBetween": -1}, ("timeBetween", NOT_NEGATIVE)),
        ({"minTimeToSchedule": -1}, ("minTimeToSchedule", NOT_NEGATIVE)),
        ({"maxTimeToSchedule": -1}, ("maxTimeToSchedule", NOT_NEGATIVE)),
        ({"incrementTime": 46}, ("incrementTime", "must be less than or equal to duration")),
        ({"maxTimeToSchedule": 0}, ("maxTimeToSchedule", "must be greater than minTimeToSchedule")),
        ({"minTimeToSchedule": 120}, ("maxTimeToSchedule", "must be greater than minTimeToSchedule")),
        ({"name": None}, ("name", "must be a string that is not empty")),
        ({"name": " "}, ("name", "must be a string that is not empty")),
        ({"active": "true"}, ("active", BOOLEAN)),
        ({"allowOverlapping": 1}, ("allowOverlapping", BOOLEAN)),
        ({"hasICall": None}, ("hasICall", BOOLEAN)),
        ({"deniedMultipleAppointment": 0}, ("deniedMultipleAppointment", BOOLEAN)),
        ({"extraFields": []}, ("extraFields", "must be an object")),
        ({"image": 1}, ("image", "must be a string")),
        ({"userGroupId": "f329"}, ("userGroupId", "must be a valid UUID")),
        ({"typeId": 1}, ("typeId", "must be a valid UUID")),
        ({"prices": []}, ("prices", "is not an updatable field")),
        ({"id": "f329fe97-452f-4d12-aef0-f526a74569cc"}, ("id", "cannot be changed")),
        ({"organizationId": "f329fe97-452f-4d12-aef0-f526a74569cc"}, ("organizationId", "cannot be changed")),
        ({"createdAt": "2026-01-01T00:00:00Z"}, ("createdAt", "cannot be changed")),
        ({"dateRanges": {}}, ("dateRanges", "must be an array")),
        ({"dateRanges": ["summer"]}, ("dateRanges[0]", "must be an object")),
        (
            {"dateRanges": [_range("2026-06-15", SUMMER["endDate"])]},
            ("dateRanges[0].startDate", "Must be valid ISO 8601 format, with Z or an offset"),
        ),
        (
            {"dateRanges": [SUMMER, {"startDate": "2026-10-01T00:00:00Z"}]},
            ("dateRanges[1].endDate", "Must be valid ISO 8601 format, with Z or an offset"),
        ),
        (
            {"dateRanges": [_range(SUMMER["startDate"], SUMMER["startDate"])]},
            ("dateRanges[0].endDate", "End date must be after start date"),
        ),
        (
            {"dateRanges": [_range("2026-08-01T00:00:00Z", "2026-10-01T00:00:00Z"), SUMMER]},
            ("dateRanges", "No overlapping ranges allowed"),
        ),
        ({"calendars": {}}, ("calendars", "must be an array")),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else "",
)
def test_a_value_that_breaks_a_rule_of_the_reference_is_refused(caller, sandbox, service, payload, error):
    assert _told(caller.put(_path(service), payload)) == _invalid(error)
    assert sandbox.record("services", service["id"]) == service


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"calendarId": None}, "calendarId", "must be a string that is not empty"),
        ({"active": None}, "active", BOOLEAN),
        ({"type": "room"}, "type", 'Must be either "agent" or "asset"'),
        ({"restrictionDates": []}, "restrictionDates", "must be an object"),
        ({"restrictionDates": {"only": []}}, "restrictionDates.only", 'must be "include" or "exclude"'),
        ({"restrictionDates": {"exclude": {}}}, "restrictionDates.exclude", "must be an array"),
        (
            {"restrictionDates": {"exclude": [["2026-12-31", "2026-12-25"]]}},
            "restrictionDates.exclude[0]",
            "must be two dates, first and last day",
        ),
        (
            {"restrictionDates": {"include": [["2026-12-25"]]}},
            "restrictionDates.include[0]",
            "must be two dates, first and last day",
        ),
        (
            {"restrictionDates": {"include": [["2026-12-25", "Christmas"]]}},
            "restrictionDates.include[0]",
            "must be two dates, first and last day",
        ),
    ],
)
def test_a_calendar_must_be_complete(caller, service, changed, field, message):
    calendar = {**service["calendars"][0], **changed}
    expected = _invalid((f"calendars[0].{field}", message))
    assert _told(caller.put(_path(service), {"calendars": [calendar]})) == expected


def test_a_calendar_cannot_stand_twice(caller, service):
    calendar = service["calendars"][0]
    expected = _invalid(("calendars[1].calendarId", "Duplicate calendar"))
    assert _told(caller.put(_path(service), {"calendars": [calendar, calendar]})) == expected


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
def test_a_foreign_calendar_is_refused(caller, sandbox, service, whose):
    foreign = sandbox.foreign_records("services")[0]["calendars"][0]["calendarId"]
    calendar = {"calendarId": foreign if whose == "another's" else str(uuid4()), "active": True, "type": "agent"}
    answer = caller.put(_path(service), {"calendars": [service["calendars"][0], calendar]})
    assert _told(answer) == _failed("calendars[1].calendarId", "Calendar must belong to your organization")


def test_the_duration_of_existing_appointments_cannot_be_reduced(caller, clock, service):
    expected = _failed("duration", "Cannot reduce duration of existing appointments")
    assert _told(caller.put(_path(service), {"duration": 30})) == expected
    clock.forward(days=60)
    assert caller.put(_path(service), {"duration": 30}).status == 200


def test_cancelled_appointments_do_not_hold_a_shorter_duration_up(caller, sandbox, service):
    coming = [
        each
        for each in sandbox.records("appointments")
        if each["serviceId"] == service["id"] and each["start"] > sandbox.now() and each["state"] != "cancelled"
    ]
    assert len(coming) > 1
    for number, each in enumerate(coming):
        assert caller.put(f"/api/v1/appointments/{each['id']}", {"state": "cancelled"}).status == 200
        last = number == len(coming) - 1
        assert caller.put(_path(service), {"duration": 30}).status == (200 if last else 422)


def test_an_increment_as_long_as_the_duration_is_accepted(caller, service):
    assert caller.put(_path(service), {"incrementTime": service["duration"]}).status == 200


def test_a_longer_duration_is_accepted(caller, service):
    assert caller.put(_path(service), {"duration": 60}).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/rooms", 404), ("DELETE", "/api/v1/services", 405), ("GET", "/api/v1/services/", 404)],
)
def test_what_the_sandbox_does_not_have_is_answered_as_an_error_of_the_api(caller, method, path, status):
    answer = caller.call(method, path)
    assert (answer.status, answer.body["statusCode"]) == (status, status)
