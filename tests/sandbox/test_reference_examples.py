"""The examples of the API reference, run as they stand there: with their ids, and at their time."""

from __future__ import annotations

import pytest

from onlive_provider.sandbox.clock import StartError
from onlive_provider.sandbox.server import Sandbox

START = "2025-03-01T00:00:00Z"
ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"
APPOINTMENT, SERVICE = f"/api/v1/appointments/{ID}", f"/api/v1/services/{ID}"

BASIC = {"start": "2025-03-10T08:00:00.000Z", "end": "2025-03-10T08:30:00.000Z"}
COMPREHENSIVE = {
    **BASIC,
    "title": "Updated Product Demo Meeting",
    "description": "Updated demo session with new features",
    # The page shows "[email protected]": its own protection of addresses.
    "guests": [{"email": "guest@example.com"}],
    "reminders": [{"time": 15, "unit": "m"}],
    "extraFields": {"priority": "high", "location": "Virtual Meeting Room"},
    "event": {"iCallUrl": "https://meet.example.com/updated-room", "room": "Demo Room 2"},
}
PREMIUM = {
    "name": "Premium Test Drive Service",
    "duration": 45,
    "timeBetween": 15,
    "minTimeToSchedule": 1,
    "maxTimeToSchedule": 90,
    "incrementTime": 30,
    "extraFields": {
        "area": "Barcelona",
        "city": "Mollet Del Valles",
        "street": "Avenida. Rabassaires, 22-26",
        "country": "Spain",
        "requirements": ["valid_license", "age_over_21"],
        "vehicle_type": "electric",
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


@pytest.fixture(params=[False, True], ids=["plain", "normalize"])
def sandbox(clock, request):
    with Sandbox(clock=clock, now=START, normalize=request.param) as running:
        yield running


@pytest.mark.parametrize("payload", [BASIC, COMPREHENSIVE], ids=["basic", "comprehensive"])
def test_the_examples_of_an_appointment_are_accepted(caller, payload):
    answer = caller.put(APPOINTMENT, payload)
    plain = {name: value for name, value in payload.items() if name not in ("guests", "reminders", "extraFields")}
    assert answer.status == 200
    assert {"id": ID, **plain}.items() <= answer.body.items()
    assert (
        answer.body["guests"][0]["email"] == payload.get("guests", [{"email": "lucia.garcia@example.com"}])[0]["email"]
    )
    assert payload.get("extraFields", {}).items() <= answer.body["extraFields"].items()


def test_the_example_of_a_service_is_accepted(caller, sandbox):
    service = sandbox.record("services", ID)
    assert (service["userGroupId"], service["typeId"]) == (PREMIUM["userGroupId"], PREMIUM["typeId"])
    answer = caller.put(SERVICE, PREMIUM)
    plain = {name: value for name, value in PREMIUM.items() if name not in ("extraFields", "dateRanges")}
    assert answer.status == 200
    assert {"id": ID, **plain}.items() <= answer.body.items()
    assert [each["startDate"] for each in answer.body["dateRanges"]] == [
        each["startDate"] for each in PREMIUM["dateRanges"]
    ]


@pytest.mark.parametrize("is_service_first", [True, False])
def test_they_can_be_run_in_any_order_and_again(caller, is_service_first):
    calls = [(SERVICE, PREMIUM), (APPOINTMENT, BASIC), (APPOINTMENT, COMPREHENSIVE)]
    for path, payload in [*calls, *calls] if is_service_first else [*reversed(calls), *reversed(calls)]:
        assert caller.put(path, payload).status == 200


def test_the_time_begins_where_it_is_told_to_and_runs_on(caller, clock, sandbox):
    assert sandbox.now() == "2025-03-01T00:00:00.000Z"
    assert caller.get(SERVICE).headers["date"] == "Sat, 01 Mar 2025 00:00:00 GMT"
    clock.forward(days=9, hours=8)
    assert caller.get(SERVICE).headers["date"] == "Mon, 10 Mar 2025 08:00:00 GMT"
    refused = caller.put(APPOINTMENT, BASIC)
    assert (refused.status, refused.body["errors"][0]["message"]) == (422, "Cannot be moved into the past")


def test_without_a_clock_it_runs_on_with_the_machines():
    with Sandbox(now="2025-03-01T01:00:00+01:00") as running:
        assert "2025-03-01T00:00:00.000Z" <= running.now() < "2025-03-01T01:00:00.000Z"


def test_the_appointment_lies_ahead_whenever_a_sandbox_starts(clock):
    with Sandbox(clock=clock) as running:
        assert running.record("appointments", ID)["start"] > running.now()


@pytest.mark.parametrize(
    "now", ["", "today", "2025-03-01", "2025-03-01T00:00:00", "1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z"]
)
def test_a_start_that_is_no_time_is_refused(clock, now):
    with pytest.raises(StartError) as refused:
        Sandbox(clock=clock, now=now)
    assert str(refused.value) == (
        f"now: {now!r} is not accepted: give an ISO 8601 time of the years 1970 to 8999 with Z or an offset,"
        " such as 2025-03-01T00:00:00Z"
    )


@pytest.mark.parametrize("now", ["1970-01-01T00:00:00Z", "8999-12-31T23:59:59Z"])
def test_the_first_and_the_last_start_can_be_used(call_to, now):
    with Sandbox(now=now) as running:
        assert call_to(running).get("/api/v1/services").status == 200
