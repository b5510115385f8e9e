"""The list of services: pages, filters, and what it refuses."""

from __future__ import annotations

import pytest


def _path(record):
    return f"/api/v1/services/{record['id']}"


def _invalid(*errors):
    return 400, {
        "statusCode": 400,
        "message": "Invalid input",
        "errors": [{"field": field, "message": message} for field, message in errors],
    }


def _told(answer):
    return answer.status, answer.body


def _range(start, end):
    return {"startDate": start, "endDate": end}


SUMMER = _range("2026-06-14T22:00:00.000Z", "2026-09-15T21:59:59.000Z")


def test_it_comes_page_by_page(caller, sandbox):
    pages = [caller.get("/api/v1/services", f"limit=20&page={page}").body for page in (1, 2, 3)]
    assert [page["page"] for page in pages] == [1, 2, 3]
    assert [len(page["items"]) for page in pages] == [20, 17, 0]
    assert {page["total"] for page in pages} == {37}
    assert [item for page in pages for item in page["items"]] == sandbox.records("services")


def test_a_page_holds_twenty_unless_told_otherwise(caller):
    body = caller.get("/api/v1/services").body
    assert (body["page"], body["limit"], len(body["items"])) == (1, 20, 20)


def test_it_holds_no_other_organizations_services(caller, sandbox):
    foreign = {record["id"] for record in sandbox.foreign_records("services")}
    listed = {item["id"] for item in caller.get("/api/v1/services", "limit=100").body["items"]}
    assert foreign
    assert not foreign & listed


def test_the_order_survives_an_update(caller, service):
    before = [item["id"] for item in caller.get("/api/v1/services").body["items"]]
    caller.put(_path(service), {"timeBetween": 5})
    assert [item["id"] for item in caller.get("/api/v1/services").body["items"]] == before


def test_search_finds_a_part_of_a_name_without_regard_to_case(caller):
    items = caller.get("/api/v1/services", "search=tEST%20dr").body["items"]
    assert len(items) == 9
    assert all("Test drive" in item["name"] for item in items)


def test_name_finds_the_whole_name_only(caller):
    query = "name=Test%20drive%20%C2%B7%20Madrid"
    assert [item["name"] for item in caller.get("/api/v1/services", query).body["items"]] == ["Test drive · Madrid"]
    assert caller.get("/api/v1/services", "name=Test%20drive").body["total"] == 0


@pytest.mark.parametrize(("field", "count"), [("userGroupId", 4), ("typeId", 9)])
def test_it_filters_by_group_and_type(caller, service, field, count):
    body = caller.get("/api/v1/services", f"{field}={service[field].upper()}").body
    assert body["total"] == count
    assert {item[field] for item in body["items"]} == {service[field]}


@pytest.mark.parametrize(
    ("bounds", "is_found"),
    [
        ({"startDate": "2026-07-10", "endDate": "2026-07-20"}, True),
        ({"startDate": "2026-01-01", "endDate": "2026-02-01"}, False),
        ({"startDate": "2026-07-10", "endDate": "9999-12-31"}, True),
        ({"startDate": "9999-12-31"}, False),
        ({"endDate": "2026-06-14T21%3A59%3A59Z"}, False),
        ({"endDate": "2026-06-14T22%3A00%3A00Z"}, True),
        ({"startDate": "2026-09-15T21%3A59%3A59Z"}, True),
        ({"startDate": "2026-09-15T22%3A00%3A00Z"}, False),
    ],
)
def test_it_filters_by_the_time_of_availability(caller, service, bounds, is_found):
    caller.put(_path(service), {"dateRanges": [SUMMER], "name": "Summer"})
    query = "&".join(f"{name}={value}" for name, value in sorted({**bounds, "name": "Summer"}.items()))
    assert caller.get("/api/v1/services", query).body["total"] == is_found


def test_a_service_without_date_ranges_is_always_available(caller, service):
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
def test_a_parameter_that_cannot_be_read_is_refused(caller, query, field, message):
    assert _told(caller.get("/api/v1/services", query)) == _invalid((field, message))
