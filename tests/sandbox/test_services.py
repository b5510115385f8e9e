"""What may become of a service, how every refusal is worded, and the services list."""

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


def test_an_increment_as_long_as_the_duration_is_accepted(caller, service):
    assert caller.put(_path(service), {"incrementTime": service["duration"]}).status == 200


def test_a_longer_duration_is_accepted(caller, service):
    assert caller.put(_path(service), {"duration": 60}).status == 200


class TestList:
    def test_it_comes_page_by_page(self, caller, sandbox):
        pages = [caller.get("/api/v1/services", f"limit=20&page={page}").body for page in (1, 2, 3)]
        assert [page["page"] for page in pages] == [1, 2, 3]
        assert [len(page["items"]) for page in pages] == [20, 16, 0]
        assert {page["total"] for page in pages} == {36}
        assert [item for page in pages for item in page["items"]] == sandbox.records("services")

    def test_a_page_holds_twenty_unless_told_otherwise(self, caller):
        body = caller.get("/api/v1/services").body
        assert (body["page"], body["limit"], len(body["items"])) == (1, 20, 20)

    def test_it_holds_no_other_organizations_services(self, caller, sandbox):
        foreign = {record["id"] for record in sandbox.foreign_records("services")}
        listed = {item["id"] for item in caller.get("/api/v1/services", "limit=100").body["items"]}
        assert foreign
        assert not foreign & listed

    def test_the_order_survives_an_update(self, caller, service):
        before = [item["id"] for item in caller.get("/api/v1/services").body["items"]]
        caller.put(_path(service), {"timeBetween": 5})
        assert [item["id"] for item in caller.get("/api/v1/services").body["items"]] == before

    def test_search_finds_a_part_of_a_name_without_regard_to_case(self, caller):
        items = caller.get("/api/v1/services", "search=tEST%20dr").body["items"]
        assert len(items) == 9
        assert all("Test drive" in item["name"] for item in items)

    def test_name_finds_the_whole_name_only(self, caller):
        query = "name=Test%20drive%20%C2%B7%20Madrid"
        assert [item["name"] for item in caller.get("/api/v1/services", query).body["items"]] == ["Test drive · Madrid"]
        assert caller.get("/api/v1/services", "name=Test%20drive").body["total"] == 0

    @pytest.mark.parametrize(("field", "count"), [("userGroupId", 4), ("typeId", 9)])
    def test_it_filters_by_group_and_type(self, caller, service, field, count):
        body = caller.get("/api/v1/services", f"{field}={service[field].upper()}").body
        assert body["total"] == count
        assert {item[field] for item in body["items"]} == {service[field]}

    @pytest.mark.parametrize(
        ("bounds", "is_found"),
        [
            ({"startDate": "2026-07-10", "endDate": "2026-07-20"}, True),
            ({"startDate": "2026-01-01", "endDate": "2026-02-01"}, False),
            ({"endDate": "2026-06-14T21%3A59%3A59Z"}, False),
            ({"endDate": "2026-06-14T22%3A00%3A00Z"}, True),
            ({"startDate": "2026-09-15T21%3A59%3A59Z"}, True),
            ({"startDate": "2026-09-15T22%3A00%3A00Z"}, False),
        ],
    )
    def test_it_filters_by_the_time_of_availability(self, caller, service, bounds, is_found):
        caller.put(_path(service), {"dateRanges": [SUMMER], "name": "Summer"})
        query = "&".join(f"{name}={value}" for name, value in sorted({**bounds, "name": "Summer"}.items()))
        assert caller.get("/api/v1/services", query).body["total"] == is_found

    def test_a_service_without_date_ranges_is_always_available(self, caller, service):
        caller.put(_path(service), {"dateRanges": [], "name": "Always"})
        assert caller.get("/api/v1/services", "endDate=1990-01-01&name=Always").body["total"] == 1

    @pytest.mark.parametrize(
        ("query", "field", "message"),
        [
            ("page=0", "page", "must be a whole number, 1 or more"),
            ("page=1.5", "page", "must be a whole number, 1 or more"),
            ("page=9999999999999999999999", "page", "must be a whole number, 1 or more"),
            ("limit=0", "limit", "must be a whole number, 1 to 100"),
            ("limit=101", "limit", "must be a whole number, 1 to 100"),
            ("typeId=x", "typeId", "must be a valid UUID"),
            ("userGroupId=x", "userGroupId", "must be a valid UUID"),
            ("startDate=summer", "startDate", "Must be valid ISO 8601 format"),
            ("startDate=2026-02-30", "startDate", "Must be valid ISO 8601 format"),
            ("endDate=2026-06-01&startDate=2026-06-02", "endDate", "End date must be after start date"),
        ],
    )
    def test_a_parameter_that_cannot_be_read_is_refused(self, caller, query, field, message):
        assert _told(caller.get("/api/v1/services", query)) == _invalid((field, message))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/rooms", 404), ("DELETE", "/api/v1/services", 405), ("GET", "/api/v1/services/", 404)],
)
def test_what_the_sandbox_does_not_have_is_answered_as_an_error_of_the_api(caller, method, path, status):
    answer = caller.call(method, path)
    assert (answer.status, answer.body["statusCode"]) == (status, status)
