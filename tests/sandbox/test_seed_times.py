"""Times in seed files: counted from today, and in no calendar twice."""

from __future__ import annotations

import copy

import pytest

from onlive_provider.sandbox.seed import SeedError
from onlive_provider.sandbox.server import Sandbox
from tests.sandbox.studio import APPOINTMENT, CALENDAR, FREE, SEED, SERVICE, changed


class TestDatesFromToday:
    """It is noon on 11 March 2026 in UTC. Madrid is an hour ahead until the 29th, and two hours after it."""

    def test_they_are_local_times_of_the_services_zone(self, clock, seed_file):
        seed = changed(["services", 0, "extraFields"], {"timezone": "Europe/Madrid"})
        first, free = seed["organizations"][0]["appointments"]
        first |= {"start": "+3d 10:00", "end": "+3d 11:00", "createdAt": "-10d 08:15:30"}
        free |= {"start": "+20d 10:00", "end": "+20d 10:30", "serviceId": SERVICE}
        service = seed["organizations"][0]["services"][0]
        service["dateRanges"] = [{"startDate": "-1d 00:00", "endDate": "+30d 23:59:59"}]
        service["calendars"][0]["restrictionDates"] = {"include": None, "exclude": [["+1d", "+2d"]]}
        with Sandbox(clock=clock, seed_file=seed_file(seed)) as sandbox:
            first, free = sandbox.records("appointments")
            service = sandbox.record("services", SERVICE)
        assert (first["start"], first["end"]) == ("2026-03-14T09:00:00.000Z", "2026-03-14T10:00:00.000Z")
        assert first["createdAt"] == "2026-03-01T07:15:30.000Z"
        assert (free["start"], free["end"]) == ("2026-03-31T08:00:00.000Z", "2026-03-31T08:30:00.000Z")
        assert service["dateRanges"] == [
            {"startDate": "2026-03-09T23:00:00.000Z", "endDate": "2026-04-10T21:59:59.000Z"}
        ]
        assert service["calendars"][0]["restrictionDates"]["exclude"] == [["2026-03-12", "2026-03-13"]]

    def test_without_a_service_they_are_times_in_utc(self, clock, seed_file):
        seed = changed(["appointments", 1, "start"], "+0d 23:00")
        seed["organizations"][0]["appointments"][1]["end"] = "+1d 01:00"
        with Sandbox(clock=clock, seed_file=seed_file(seed)) as sandbox:
            free = sandbox.record("appointments", FREE)
        assert (free["start"], free["end"]) == ("2026-03-11T23:00:00.000Z", "2026-03-12T01:00:00.000Z")

    def test_today_is_the_day_in_the_services_zone(self, clock, seed_file):
        seed = changed(["services", 0, "extraFields"], {"timezone": "Pacific/Auckland"})
        seed["organizations"][0]["appointments"][0] |= {"start": "+0d 09:00", "end": "+0d 10:00"}
        with Sandbox(clock=clock, seed_file=seed_file(seed)) as sandbox:
            assert sandbox.record("appointments", APPOINTMENT)["start"] == "2026-03-11T20:00:00.000Z"

    def test_today_is_the_day_on_which_the_sandbox_starts(self, clock, seed_file):
        seed = changed(["appointments", 1, "start"], "+1d 10:00")
        seed["organizations"][0]["appointments"][1]["end"] = "+1d 11:00"
        with Sandbox(clock=clock, seed_file=seed_file(seed), now="2030-01-01T00:00:00Z") as sandbox:
            assert sandbox.record("appointments", FREE)["start"] == "2030-01-02T10:00:00.000Z"

    @pytest.mark.parametrize("text", ["+3d", "3d 10:00", "+3d 10", "+3d 25:00", "+99999d 10:00x", "+3D 1:00"])
    def test_what_is_no_such_time_is_refused_with_what_is_accepted(self, clock, seed_file, text):
        with pytest.raises(SeedError) as refused:
            Sandbox(clock=clock, seed_file=seed_file(changed(["appointments", 0, "start"], text)))
        assert str(refused.value).splitlines()[1] == (
            "  - organizations[0].appointments[0].start: must be a valid ISO 8601 date and time with Z or an offset,"
            ' or days from today and a local time, such as "+3d 10:00"'
        )

    def test_other_texts_stay_as_they_are(self, clock, seed_file):
        with Sandbox(clock=clock, seed_file=seed_file(changed(["appointments", 0, "title"], "+3d 10:00"))) as sandbox:
            assert sandbox.record("appointments", APPOINTMENT)["title"] == "+3d 10:00"

    def test_the_api_takes_none(self, clock, call_to, seed_file):
        with Sandbox(clock=clock, seed_file=seed_file(SEED)) as sandbox:
            answer = call_to(sandbox).put(f"/api/v1/appointments/{APPOINTMENT}", {"start": "+3d 10:00"})
        message = "must be a valid ISO 8601 date and time with Z or an offset"
        assert (answer.status, answer.body["errors"]) == (400, [{"field": "start", "message": message}])


class TestDoubleBookings:
    @staticmethod
    def seed(first, second, **service):
        seed = copy.deepcopy(SEED)
        organization = seed["organizations"][0]
        organization["services"][0] |= service
        organization["appointments"] = [
            {
                "id": APPOINTMENT,
                "serviceId": SERVICE,
                "start": "2026-05-01T10:00Z",
                "end": "2026-05-01T11:00Z",
                **first,
            },
            {"id": FREE, "calendarIds": [CALENDAR], "start": "2026-05-01T10:30Z", "end": "2026-05-01T11:30Z", **second},
        ]
        return seed

    @pytest.mark.parametrize("second", [{}, {"start": "2026-05-01T09:00Z"}, {"start": "2026-05-01T10:00Z"}])
    def test_one_is_refused_in_one_sentence(self, clock, seed_file, second):
        with pytest.raises(SeedError) as refused:
            Sandbox(clock=clock, seed_file=seed_file(self.seed({}, second)))
        late, early = (0, 1) if "09:" in str(second) else (1, 0)
        assert str(refused.value).splitlines()[1:] == [
            f"  - organizations[0].appointments[{late}].start: overlaps appointments[{early}] in the calendar 'Alba': "
            "a calendar takes one appointment at a time, "
            "unless one of them is cancelled or its service has allowOverlapping"
        ]

    @pytest.mark.parametrize(
        ("first", "second", "service"),
        [
            ({}, {"start": "2026-05-01T11:00Z"}, {}),
            ({}, {"start": "2026-05-01T09:00Z", "end": "2026-05-01T10:00Z"}, {}),
            ({"state": "cancelled"}, {}, {}),
            ({}, {"state": "cancelled"}, {}),
            ({"deletedAt": "2026-03-01T00:00Z"}, {}, {}),
            ({}, {"calendarIds": []}, {}),
            ({"calendarIds": [CALENDAR, CALENDAR]}, {"calendarIds": []}, {}),
            ({}, {}, {"allowOverlapping": True}),
        ],
        ids=["after", "before", "cancelled", "cancelled too", "deleted", "no calendar", "named twice", "allowed"],
    )
    def test_what_takes_no_calendar_twice_is_accepted(self, clock, seed_file, first, second, service):
        with Sandbox(clock=clock, seed_file=seed_file(self.seed(first, second, **service))) as sandbox:
            assert len(sandbox.records("appointments")) == 2
