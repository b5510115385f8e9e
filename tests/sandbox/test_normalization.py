"""A server that adds members to what it stores, and takes them back."""

from __future__ import annotations

import pytest

from onlive_provider.sandbox.server import Sandbox

SUMMER = {"startDate": "2026-06-14T22:00:00.000Z", "endDate": "2026-09-15T21:59:59.000Z"}


@pytest.fixture
def sandbox(clock):
    with Sandbox(clock=clock, normalize=True) as running:
        yield running


def _path(record):
    return f"/api/v1/{'appointments' if 'guests' in record else 'services'}/{record['id']}"


def test_each_item_gets_members_of_the_servers(caller, upcoming, service):
    guests, reminders = [{"email": "a@example.com"}], [{"time": 15, "unit": "m"}]
    answer = caller.put(_path(upcoming), {"guests": guests, "reminders": reminders})
    (guest,), (reminder,) = answer.body["guests"], answer.body["reminders"]
    assert guest == {"email": "a@example.com", "id": guest["id"], "status": "pending"}
    assert reminder == {"time": 15, "unit": "m", "id": reminder["id"]}
    calendars = [{key: service["calendars"][0][key] for key in ("calendarId", "active", "type")}]
    answer = caller.put(_path(service), {"dateRanges": [SUMMER], "calendars": calendars})
    (date_range,), (calendar,) = answer.body["dateRanges"], answer.body["calendars"]
    assert date_range == {**SUMMER, "id": date_range["id"]}
    assert calendar == {**calendars[0], "name": "Elena Prieto", "restrictionDates": {}}
    assert len({guest["id"], reminder["id"], date_range["id"]}) == 3


def test_what_it_holds_at_first_has_them_too(caller, upcoming, service):
    assert all({"id", "status"} <= guest.keys() for guest in caller.get(_path(upcoming)).body["guests"])
    answer = caller.get(_path(service)).body
    assert all("id" in each for each in answer["dateRanges"])
    assert all(each["restrictionDates"] == {} and each["name"] for each in answer["calendars"])


@pytest.mark.parametrize(
    ("kind", "field"),
    [("appointment", "guests"), ("appointment", "reminders"), ("service", "dateRanges"), ("service", "calendars")],
)
@pytest.mark.parametrize("empty", [None, []])
def test_an_array_that_was_cleared_is_empty_and_not_null(caller, upcoming, service, kind, field, empty):
    record = upcoming if kind == "appointment" else service
    assert caller.put(_path(record), {field: empty}).body[field] == []
    assert caller.get(_path(record)).body[field] == []


@pytest.mark.parametrize("field", ["extraFields", "event", "title"])
def test_another_field_that_was_cleared_is_null(caller, upcoming, field):
    assert caller.put(_path(upcoming), {field: None}).body[field] is None


def test_addresses_are_trimmed_and_in_lower_case(caller, sandbox, upcoming):
    answer = caller.put(_path(upcoming), {"guests": [{"email": " Ana.Ruiz@Example.COM\t"}]})
    assert answer.body["guests"][0]["email"] == "ana.ruiz@example.com"
    assert sandbox.notifications()[0]["to"] == "ana.ruiz@example.com"


@pytest.mark.parametrize("guests", ["ana", ["ana"], [{"email": 7}], [{}], [{"email": "ana"}]], ids=str)
def test_what_is_no_address_is_refused_all_the_same(caller, upcoming, guests):
    assert caller.put(_path(upcoming), {"guests": guests}).status == 400


def test_two_spellings_of_an_address_are_one(caller, upcoming):
    guests = [{"email": "ana@example.com"}, {"email": " ANA@example.com "}]
    assert caller.put(_path(upcoming), {"guests": guests}).body["errors"] == [
        {"field": "guests[1].email", "message": "Duplicate email address"}
    ]


def test_what_was_answered_can_be_sent_back(caller, upcoming, service):
    for record, fields in ((upcoming, ("guests", "reminders")), (service, ("dateRanges", "calendars"))):
        sent = {field: caller.get(_path(record)).body[field] for field in fields}
        answer = caller.put(_path(record), sent)
        assert answer.status == 200
        assert {field: answer.body[field] for field in fields} == sent


def test_a_member_that_was_sent_stays_as_it_was_sent(caller, upcoming, service):
    guests = [{"email": "a@example.com", "id": "g-1", "status": "accepted", "note": "vegan"}]
    assert caller.put(_path(upcoming), {"guests": guests}).body["guests"] == guests
    restricted = {**service["calendars"][0], "restrictionDates": {"exclude": [["2026-12-25", "2026-12-25"]]}}
    assert caller.put(_path(service), {"calendars": [restricted]}).body["calendars"] == [restricted]


def test_null_in_place_of_a_servers_member_is_filled(caller, upcoming, service):
    guests = [{"email": "a@example.com", "id": None}]
    assert caller.put(_path(upcoming), {"guests": guests}).body["guests"][0]["id"] is not None
    calendars = [{**service["calendars"][0], "restrictionDates": None}]
    assert caller.put(_path(service), {"calendars": calendars}).body["calendars"][0]["restrictionDates"] == {}


def test_an_item_keeps_its_id_when_others_come_and_go(caller, upcoming):
    first = caller.put(_path(upcoming), {"guests": [{"email": "a@example.com"}]}).body["guests"][0]
    guests = [{"email": "b@example.com"}, {"email": "A@example.com"}]
    second = caller.put(_path(upcoming), {"guests": guests}).body["guests"][1]
    assert second == first


def test_a_data_file_of_another_sandbox_is_normalized_when_it_is_opened(clock, call_to, tmp_path):
    with Sandbox(clock=clock, data=tmp_path / "data.db") as plain:
        service = plain.records("services")[0]
    with Sandbox(clock=clock, data=tmp_path / "data.db", normalize=True) as running:
        answer = call_to(running).get(_path(service)).body
    assert "id" not in service["dateRanges"][0]
    assert "id" in answer["dateRanges"][0]
    assert answer["updatedAt"] == service["updatedAt"]


def test_without_the_switch_nothing_is_added(clock, call_to, upcoming):
    with Sandbox(clock=clock) as plain:
        answer = call_to(plain).put(_path(upcoming), {"guests": [{"email": "A@example.com"}], "reminders": None})
    assert (answer.body["guests"], answer.body["reminders"]) == ([{"email": "A@example.com"}], None)
