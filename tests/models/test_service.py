"""Tests of the rules of a service's update, and of those that need the service as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import permutations
from uuid import UUID

import pytest

from onlive_provider.models.service import (
    DateRange,
    RestrictionDates,
    ServiceCalendar,
    ServiceUpdate,
    check_against_current,
)

CALENDAR_ID = "123e4567-e89b-12d3-a456-426614174000"
CALENDAR = {"calendarId": CALENDAR_ID, "active": True, "type": "agent"}


def days(first, last):
    return {"startDate": f"2025-01-{first:02}T00:00:00.000Z", "endDate": f"2025-01-{last:02}T00:00:00.000Z"}


def test_the_request_example_of_the_api_reference_is_sent_as_it_is():
    payload = {
        "name": "Premium Test Drive Service",
        "duration": 45,
        "timeBetween": 15,
        "minTimeToSchedule": 1,
        "maxTimeToSchedule": 90,
        "incrementTime": 30,
        "extraFields": {
            "area": "Barcelona",
            "street": "Avenida. Rabassaires, 22-26",
            "requirements": ["valid_license", "age_over_21"],
        },
        "deniedMultipleAppointment": True,
        "image": "https://cdn.onlive.site/assets/cupra/premium-test-drive.webp",
        "userGroupId": "f329fe97-452f-4d12-aef0-f526a74569cc",
        "allowOverlapping": False,
        "hasICall": True,
        "active": True,
        "typeId": "e3fb21fb-83ef-4051-916b-a8e96effe81f",
        "dateRanges": [
            {"startDate": "2024-10-13T22:00:00.000Z", "endDate": "2025-10-14T21:59:59.000Z"},
            {"startDate": "2025-11-01T00:00:00.000Z", "endDate": "2025-12-31T23:59:59.000Z"},
        ],
    }
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_every_field_of_the_api_reference_and_its_example_can_be_updated_and_no_other():
    assert list(ServiceUpdate.model_fields) == [
        "name", "duration", "timeBetween", "minTimeToSchedule", "maxTimeToSchedule", "incrementTime", "extraFields",
        "deniedMultipleAppointment", "active", "allowOverlapping", "hasICall", "image", "userGroupId", "typeId",
        "dateRanges", "calendars",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "payload",
    [
        {"incrementTime": 45, "duration": 45},
        {"incrementTime": 30, "duration": 45.5},
        {"incrementTime": 60, "duration": None},
        {"incrementTime": None, "duration": 30},
        {"incrementTime": 60},
        {"maxTimeToSchedule": 2, "minTimeToSchedule": 1},
        {"maxTimeToSchedule": 1, "minTimeToSchedule": 0},
        {"maxTimeToSchedule": None, "minTimeToSchedule": 5},
        {"maxTimeToSchedule": 0},
    ],
    ids=str,
)
def test_scheduling_fields_that_agree_or_stand_alone_are_sent(payload):
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize(
    "payload", [{"incrementTime": 46, "duration": "45"}, {"duration": 45, "incrementTime": "45.5"}]
)
def test_the_increment_cannot_exceed_the_duration(payload, refusals):
    found = refusals(ServiceUpdate.from_payload, payload)
    assert list(found) == ["incrementTime"]
    assert "accepted: incrementTime less than or equal to duration" in found["incrementTime"]


@pytest.mark.parametrize(("maximum", "minimum"), [(5, 5), (4, 5), ("0", "0")])
def test_the_longest_lead_time_must_exceed_the_shortest(maximum, minimum, refusals):
    found = refusals(ServiceUpdate.from_payload, {"minTimeToSchedule": minimum, "maxTimeToSchedule": maximum})
    assert list(found) == ["maxTimeToSchedule"]
    assert "accepted: maxTimeToSchedule greater than minTimeToSchedule" in found["maxTimeToSchedule"]


def test_a_rule_between_two_fields_is_told_together_with_other_mistakes(refusals):
    payload = {"incrementTime": 60, "maxTimeToSchedule": 1, "name": 7, "duration": 30, "minTimeToSchedule": 2}
    assert list(refusals(ServiceUpdate.from_payload, payload)) == ["incrementTime", "maxTimeToSchedule", "name"]


@pytest.mark.parametrize(
    ("patch", "current", "field"),
    [
        ({"incrementTime": 60}, {"duration": 45}, "incrementTime"),
        ({"duration": 20}, {"incrementTime": 30}, "duration"),
        ({"maxTimeToSchedule": 5}, {"minTimeToSchedule": 5}, "maxTimeToSchedule"),
        ({"minTimeToSchedule": 90}, {"maxTimeToSchedule": 90}, "minTimeToSchedule"),
        ({"incrementTime": 60, "duration": 30}, {"duration": 90}, "incrementTime"),
    ],
    ids=str,
)
def test_a_patch_that_breaks_a_rule_with_the_current_service_is_refused(patch, current, field, refusals):
    found = refusals(check_against_current, patch, current)
    assert list(found) == [field]
    assert ("what the service holds" in found[field]) is (len(patch) == 1)


def test_both_rules_with_the_current_service_are_told_at_once(refusals):
    current = {"duration": 30, "incrementTime": 15, "minTimeToSchedule": 2, "maxTimeToSchedule": 9}
    found = refusals(check_against_current, {"maxTimeToSchedule": 1, "incrementTime": 31}, current)
    assert set(found) == {"incrementTime", "maxTimeToSchedule"}


@pytest.mark.parametrize(
    ("patch", "current"),
    [
        ({"incrementTime": 45}, {"duration": 45}),
        ({"duration": 30}, {"duration": 10, "incrementTime": 30}),
        ({"incrementTime": 60, "duration": 60}, {"duration": 30}),
        ({"incrementTime": 60}, {}),
        ({"incrementTime": 60}, {"duration": None}),
        ({"incrementTime": 60}, {"duration": "45"}),
        ({"incrementTime": 60}, {"duration": True}),
        ({"incrementTime": None}, {"duration": 30}),
        ({"duration": None}, {"duration": 30, "incrementTime": 60}),
        ({"maxTimeToSchedule": 6}, {"minTimeToSchedule": 5}),
        ({"name": "x"}, {"duration": 30, "incrementTime": 60, "minTimeToSchedule": 9, "maxTimeToSchedule": 1}),
        ({}, {"duration": 30, "incrementTime": 60}),
    ],
    ids=str,
)
def test_a_rule_that_holds_cannot_be_judged_or_was_broken_before_is_no_obstacle(patch, current):
    check_against_current(patch, current)


@pytest.mark.parametrize("order", list(permutations([(1, 5), (5, 9), (20, 25)])), ids=str)
def test_date_ranges_are_sent_by_their_start_and_may_touch(order):
    payload = {"dateRanges": [days(*pair) for pair in order]}
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == {
        "dateRanges": [days(1, 5), days(5, 9), days(20, 25)]
    }


@pytest.mark.parametrize(
    ("pairs", "overlaps"),
    [
        ([(1, 5), (4, 9)], {1: 0}),
        ([(4, 9), (1, 5)], {1: 0}),
        ([(1, 5), (1, 5)], {1: 0}),
        ([(1, 9), (3, 4)], {1: 0}),
        ([(1, 9), (3, 4), (20, 21), (8, 10)], {1: 0, 3: 0}),
        ([(1, 30), (2, 3), (4, 5)], {1: 0, 2: 0}),
        ([(5, 9), (1, 2), (8, 12), (2, 5)], {2: 0}),
    ],
    ids=str,
)
def test_date_ranges_that_overlap_are_refused_with_both_positions(pairs, overlaps, refusals):
    found = refusals(ServiceUpdate.from_payload, {"dateRanges": [days(*pair) for pair in pairs]})
    assert list(found) == [f"dateRanges[{position}]" for position in overlaps]
    for position, other in overlaps.items():
        assert f"overlaps dateRanges[{other}]" in found[f"dateRanges[{position}]"]


def test_date_ranges_overlap_as_instants_and_not_as_text(refusals):
    ranges = [
        {"startDate": "2025-01-01T00:00+00:00", "endDate": "2025-01-02T00:00+00:00"},
        {"startDate": "2025-01-02T00:00+01:00", "endDate": "2025-01-03T00:00+01:00"},
    ]
    assert list(refusals(ServiceUpdate.from_payload, {"dateRanges": ranges})) == ["dateRanges[1]"]


@pytest.mark.parametrize("last", [1, 2])
def test_the_end_of_a_date_range_must_be_after_its_start(last, refusals):
    found = refusals(ServiceUpdate.from_payload, {"dateRanges": [days(3, 4), days(2, last)]})
    assert list(found) == ["dateRanges[1].endDate"]
    assert "is not after the startDate" in found["dateRanges[1].endDate"]


def test_overlaps_are_told_together_with_ranges_that_cannot_be_read(refusals):
    ranges = [days(1, 5), {"startDate": "2025-01-01"}, days(4, 9), days(9, 9)]
    assert list(refusals(ServiceUpdate.from_payload, {"dateRanges": ranges})) == [
        "dateRanges[1].startDate",
        "dateRanges[1].endDate",
        "dateRanges[2]",
        "dateRanges[3].endDate",
    ]


@pytest.mark.parametrize("missing", ["startDate", "endDate"])
def test_a_date_range_needs_both_ends(missing, refusals):
    half = {name: value for name, value in days(1, 2).items() if name != missing}
    assert refusals(ServiceUpdate.from_payload, {"dateRanges": [half]}) == {
        f"dateRanges[0].{missing}": "is missing; a date range needs it"
    }


def test_date_ranges_of_python_stand_beside_those_of_json():
    python = DateRange(startDate=datetime(2025, 1, 6, tzinfo=UTC), endDate="2025-01-07T01:00+01:00")
    patch = ServiceUpdate.from_payload({"dateRanges": [python, days(1, 2)]}).model_dump(exclude_unset=True)
    assert patch == {"dateRanges": [days(1, 2), days(6, 7)]}


def test_date_ranges_that_mean_the_same_are_equal_and_hash_so():
    one = DateRange(startDate="2025-01-06T00:00Z", endDate="2025-01-07T00:00Z")
    other = DateRange(endDate="2025-01-07T01:00+01:00", startDate="2025-01-06T01:00+01:00")
    assert one == other
    assert len({one, other}) == 1


def test_a_date_range_that_ends_before_it_starts_cannot_be_made(refusals):
    assert list(refusals(DateRange, startDate="2025-01-07T00:00Z", endDate="2025-01-06T00:00Z")) == ["endDate"]


@pytest.mark.parametrize("kind", ["agent", "asset"])
def test_a_complete_calendar_is_sent_as_it_is(kind):
    payload = {"calendars": [{**CALENDAR, "type": kind}]}
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize("member", ["calendarId", "active", "type"])
def test_a_calendar_needs_its_id_its_activity_and_its_type(member, refusals):
    half = {name: value for name, value in CALENDAR.items() if name != member}
    assert refusals(ServiceUpdate.from_payload, {"calendars": [CALENDAR, half]}) == {
        f"calendars[1].{member}": "is missing; a calendar needs it"
    }


@pytest.mark.parametrize("kind", ["Agent", "room", "", "agent ", True, ["agent"], None])
def test_a_calendar_is_an_agents_or_an_assets(kind, refusals):
    found = refusals(ServiceUpdate.from_payload, {"calendars": [{**CALENDAR, "type": kind}]})
    assert list(found) == ["calendars[0].type"]


def test_the_types_of_a_calendar_are_named(refusals):
    found = refusals(ServiceUpdate.from_payload, {"calendars": [{**CALENDAR, "type": "room"}]})
    assert found["calendars[0].type"] == 'got str \'room\'; accepted: "agent" or "asset"'


@pytest.mark.parametrize("calendar_id", [CALENDAR_ID.upper(), "ext-7", "007", " x "])
def test_a_calendars_id_is_sent_as_given(calendar_id):
    payload = {"calendars": [{**CALENDAR, "calendarId": calendar_id}]}
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_a_calendars_id_may_be_a_uuid_object():
    patch = ServiceUpdate.from_payload({"calendars": [{**CALENDAR, "calendarId": UUID(CALENDAR_ID)}]}).model_dump(
        exclude_unset=True
    )
    assert patch == {"calendars": [CALENDAR]}


@pytest.mark.parametrize("calendar_id", ["", " ", 7, None, True])
def test_a_calendars_id_is_text_that_is_not_blank(calendar_id, refusals):
    found = refusals(ServiceUpdate.from_payload, {"calendars": [{**CALENDAR, "calendarId": calendar_id}]})
    assert list(found) == ["calendars[0].calendarId"]


@pytest.mark.parametrize(
    "restrictions",
    [
        None,
        {},
        {"include": []},
        {"include": None, "exclude": []},
        {"include": [["2025-12-25", "2026-01-01"]], "exclude": [["2025-12-26", "2025-12-27"]]},
        {"exclude": [["2025-12-26", "2025-12-26"], ["2024-02-29", "2024-03-01"]]},
    ],
    ids=str,
)
def test_a_calendars_restrictions_are_pairs_of_local_days(restrictions):
    payload = {"calendars": [{**CALENDAR, "restrictionDates": restrictions}]}
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_a_local_day_may_be_a_date_or_text_with_spaces():
    restrictions = RestrictionDates(include=[(date(2025, 12, 25), " 2026-01-01 ")])
    assert restrictions.model_dump(exclude_unset=True) == {"include": [["2025-12-25", "2026-01-01"]]}


def test_a_calendar_of_python_stands_for_its_json():
    calendar = ServiceCalendar(calendarId="7", active="true", type="asset", restrictionDates={"exclude": []})
    assert ServiceUpdate(calendars=[calendar]).model_dump(exclude_unset=True) == {
        "calendars": [{"calendarId": "7", "active": True, "type": "asset", "restrictionDates": {"exclude": []}}]
    }


@pytest.mark.parametrize(
    ("pair", "path"),
    [
        (["2026-01-01", "2025-12-25"], ""),
        (["2025-12-25"], ""),
        ([], ""),
        (["2025-12-25", "2025-12-26", "2025-12-27"], ""),
        ("2025-12-25", ""),
        (None, ""),
        ({"first": "2025-12-25"}, ""),
        (["2025-12-25", "2025-12-32"], "[1]"),
        (["2025-12-25T00:00:00Z", "2025-12-26"], "[0]"),
        (["2025-12-25", datetime(2025, 12, 26)], "[1]"),
        (["20251225", "2025-12-26"], "[0]"),
        (["2025-12-25", "2025-12-26T"], "[1]"),
        ([20251225, "2025-12-26"], "[0]"),
        (["2025-12-25", None], "[1]"),
        (["2025-12-25", "NaT"], "[1]"),
        (["2025-02-29", "2025-03-01"], "[0]"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["include", "exclude"])
def test_a_pair_that_is_no_first_and_last_local_day_is_refused(name, pair, path, refusals):
    calendar = {**CALENDAR, "restrictionDates": {name: [["2025-01-01", "2025-01-02"], pair]}}
    found = refusals(ServiceUpdate.from_payload, {"calendars": [CALENDAR, calendar]})
    assert list(found) == [f"calendars[1].restrictionDates.{name}[1]{path}"]


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_all_wrong_pairs_are_told_at_once(name, refusals):
    calendar = {**CALENDAR, "restrictionDates": {name: [["x", "y"], ["2025-01-02", "2025-01-01"]]}}
    assert list(refusals(ServiceUpdate.from_payload, {"calendars": [calendar]})) == [
        f"calendars[0].restrictionDates.{name}[0][0]",
        f"calendars[0].restrictionDates.{name}[0][1]",
        f"calendars[0].restrictionDates.{name}[1]",
    ]


def test_a_pair_the_wrong_way_round_and_a_day_that_is_none_are_told_what_is_accepted(refusals):
    restrictions = {"include": [["2025-01-02", "2025-01-01"], ["2025-02-30", "2025-03-01"]]}
    payload = {"calendars": [{**CALENDAR, "restrictionDates": restrictions}]}
    pair, day = refusals(ServiceUpdate.from_payload, payload).values()
    assert pair.endswith('accepted: two days, the first not after the last: ["YYYY-MM-DD", "YYYY-MM-DD"]')
    assert "2025-02-30" in day
    assert day.endswith("accepted: a day that exists, as YYYY-MM-DD, without a time")
