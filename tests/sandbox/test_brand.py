"""The brand that a sandbox comes with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

import pytest

from onlive_provider.sandbox.brand import build_brand
from onlive_provider.sandbox.seed import complete_seed

MOMENTS = [
    datetime(2026, month, day, hour, tzinfo=UTC)
    for month, day, hour in [(1, 2, 0), (3, 11, 12), (7, 20, 8), (12, 30, 23)]
]


def _moment(text):
    return datetime.fromisoformat(text)


@pytest.fixture(params=MOMENTS, ids=lambda moment: f"{moment:%B}")
def now(request):
    return request.param


@pytest.fixture
def brand(now):
    return build_brand(now)["organizations"][0]


def test_it_is_a_seed_that_breaks_no_rule(now):
    errors = []
    unowned = build_brand(now)["organizations"]
    for organization in unowned:
        for record in organization["services"] + organization["appointments"]:
            del record["organizationId"]
    assert complete_seed({"organizations": unowned}, now, errors) == build_brand(now)
    assert errors == []


def test_it_is_the_same_whenever_it_is_built_for_the_same_moment(now):
    assert build_brand(now) == build_brand(now)


def test_its_services_have_the_same_ids_every_day(brand):
    other = build_brand(MOMENTS[1])["organizations"][0]
    assert [each["id"] for each in brand["services"]] == [each["id"] for each in other["services"]]


def test_it_has_some_dozens_of_services_in_several_time_zones(brand):
    zones = {service["extraFields"]["timezone"] for service in brand["services"]}
    assert len(brand["services"]) == 37
    assert len(zones) >= 6
    assert all(ZoneInfo(zone) for zone in zones)


def test_it_has_some_hundreds_of_appointments_around_today(brand, now):
    starts = [_moment(each["start"]) for each in brand["appointments"]]
    assert 250 < len(starts) < 500
    assert now - timedelta(days=16) < min(starts) < now - timedelta(days=10)
    assert now + timedelta(days=24) < max(starts) < now + timedelta(days=30)


def test_many_appointments_to_come_are_pending_and_none_of_the_past(brand, now):
    pending = [_moment(each["start"]) for each in brand["appointments"] if each["state"] == "pending"]
    assert len(pending) > 60
    assert min(pending) > now


def test_no_calendar_is_taken_twice(brand):
    taken = {}
    for each in brand["appointments"]:
        for calendar_id in each["calendarIds"]:
            taken.setdefault(calendar_id, []).append((each["start"], each["end"]))
    assert all(a[1] <= b[0] or b[1] <= a[0] for spans in taken.values() for a, b in combinations(spans, 2))


def test_the_time_between_a_services_appointments_is_kept(brand):
    margin = {each["id"]: timedelta(minutes=each["timeBetween"]) for each in brand["services"]}
    taken = {}
    for each in brand["appointments"]:
        for calendar_id in each["calendarIds"]:
            taken.setdefault((each["serviceId"], calendar_id), []).append(
                (_moment(each["start"]), _moment(each["end"]))
            )
    for (service_id, _), spans in taken.items():
        spans.sort()
        assert all(later[0] - earlier[1] >= margin[service_id] for earlier, later in pairwise(spans))


def test_appointments_lie_in_local_working_hours_on_the_services_grid(brand):
    services = {service["id"]: service for service in brand["services"]}
    for each in brand["appointments"]:
        service = services[each["serviceId"]]
        zone = ZoneInfo(service["extraFields"]["timezone"])
        start, end = (_moment(each[name]).astimezone(zone) for name in ("start", "end"))
        assert end - start == timedelta(minutes=service["duration"])
        assert "09:30" <= f"{start:%H:%M}" <= f"{end:%H:%M}" <= "18:30"
        assert start.weekday() < 6
        assert ((start.hour * 60 + start.minute) - (9 * 60 + 30)) % service["incrementTime"] == 0
        assert any(
            span["startDate"] <= each["start"] <= each["end"] <= span["endDate"] for span in service["dateRanges"]
        )


def test_some_services_are_closed_in_summer_and_some_are_not(brand, now):
    august = f"{now.year}-08-10T12:00:00.000Z"
    open_in_august = {
        any(span["startDate"] <= august <= span["endDate"] for span in service["dateRanges"])
        for service in brand["services"]
    }
    assert open_in_august == {True, False}


def test_its_guests_are_invented(brand):
    guests = [guest for each in brand["appointments"] for guest in each["guests"]]
    assert all(guest["email"].endswith("@example.com") for guest in guests)
    assert all({"firstName", "lastName", "phone"} == guest["extraFields"].keys() for guest in guests)


def test_another_organization_has_a_few_records_and_a_key_of_its_own(now):
    own, other = build_brand(now)["organizations"]
    assert own["accessKeyId"] != other["accessKeyId"]
    assert own["id"] != other["id"]
    assert len(other["services"]) == 4
    assert 0 < len(other["appointments"]) <= 12
