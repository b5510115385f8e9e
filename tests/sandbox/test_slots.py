"""When an appointment may take a slot: the service's rules, its calendars' days, and the other appointments."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest


def _path(record):
    return f"/api/v1/appointments/{record['id']}"


def _failed(field, message):
    return 422, {"statusCode": 422, "message": "Validation failed", "errors": [{"field": field, "message": message}]}


def _told(answer):
    return answer.status, answer.body


SLOT = {"start": "2026-03-29T10:00:00.000Z", "end": "2026-03-29T10:45:00.000Z"}


class TestMoving:
    """A new time must be free and within the service's rules. The slots lie on a Sunday, when nothing is booked."""

    def test_an_appointment_moves_to_a_free_slot(self, caller, upcoming):
        answer = caller.put(_path(upcoming), SLOT)
        assert answer.status == 200
        assert SLOT.items() <= answer.body.items()

    @pytest.mark.parametrize("start", ["09:16", "10:44"])
    def test_a_slot_that_overlaps_another_of_its_calendars_is_a_conflict(self, caller, upcoming, neighbour, start):
        caller.put(_path(neighbour), SLOT)
        payload = {"start": f"2026-03-29T{start}:00Z", "end": _later(f"2026-03-29T{start}:00Z", 45)}
        assert _told(caller.put(_path(upcoming), payload)) == (
            409,
            {
                "statusCode": 409,
                "message": "Scheduling conflict",
                "errors": [{"field": "time", "message": "Selected time slot is no longer available"}],
            },
        )

    @pytest.mark.parametrize(("minutes", "status"), [(0, 200), (14, 200), (15, 200), (15.5, 409), (1e300, 409)])
    @pytest.mark.parametrize("start", ["09:00", "11:00"])
    def test_time_between_stays_free_before_and_after(self, caller, upcoming, neighbour, start, minutes, status):
        caller.put(_path(neighbour), SLOT)
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", {"timeBetween": minutes})
        payload = {"start": f"2026-03-29T{start}:00Z", "end": _later(f"2026-03-29T{start}:00Z", 45)}
        assert caller.put(_path(upcoming), payload).status == status

    @pytest.mark.parametrize("start", ["09:15", "10:45"])
    def test_slots_that_only_touch_are_no_conflict(self, caller, upcoming, neighbour, start):
        caller.put(_path(neighbour), SLOT)
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", {"timeBetween": 0})
        payload = {"start": f"2026-03-29T{start}:00Z", "end": _later(f"2026-03-29T{start}:00Z", 45)}
        assert caller.put(_path(upcoming), payload).status == 200

    def test_an_appointment_is_no_conflict_with_itself(self, caller, upcoming):
        caller.put(_path(upcoming), SLOT)
        payload = {"start": "2026-03-29T10:15:00Z", "end": "2026-03-29T11:00:00Z"}
        assert caller.put(_path(upcoming), payload).status == 200

    def test_other_calendars_are_no_conflict(self, caller, upcoming, upcoming_of):
        caller.put(_path(upcoming_of("Test drive · London")), SLOT)
        assert caller.put(_path(upcoming), SLOT).status == 200

    def test_a_cancelled_appointment_takes_no_slot(self, caller, upcoming, neighbour):
        caller.put(_path(neighbour), {**SLOT, "state": "cancelled"})
        assert caller.put(_path(upcoming), SLOT).status == 200

    def test_a_cancelled_appointment_cannot_be_confirmed_into_a_taken_slot(self, caller, upcoming, neighbour):
        caller.put(_path(neighbour), {**SLOT, "state": "cancelled"})
        caller.put(_path(upcoming), SLOT)
        answer = caller.put(_path(neighbour), {"state": "confirmed"})
        assert (answer.status, answer.body["message"]) == (409, "Scheduling conflict")
        caller.put(_path(upcoming), {"state": "cancelled"})
        assert caller.put(_path(neighbour), {"state": "confirmed"}).status == 200

    def test_a_cancelled_appointment_may_be_confirmed_in_its_own_slot(self, caller, upcoming):
        for state in ("cancelled", "confirmed", None):
            assert caller.put(_path(upcoming), {"state": state}).body["state"] == state

    @pytest.mark.parametrize("rule", [{}, {"active": False}, {"maxTimeToSchedule": 17}], ids=json.dumps)
    def test_a_cancelled_appointment_moves_anywhere_because_it_takes_no_slot(self, caller, upcoming, neighbour, rule):
        caller.put(_path(neighbour), SLOT)
        caller.put(_path(upcoming), {"state": "cancelled"})
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", rule)
        answer = caller.put(_path(upcoming), SLOT)
        assert (answer.status, answer.body["start"]) == (200, SLOT["start"])

    def test_an_appointment_may_be_cancelled_and_moved_at_once(self, caller, upcoming, neighbour):
        caller.put(_path(neighbour), SLOT)
        assert caller.put(_path(upcoming), {**SLOT, "state": "cancelled"}).status == 200

    def test_a_service_may_allow_overlapping(self, caller, upcoming, neighbour):
        caller.put(_path(neighbour), SLOT)
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", {"allowOverlapping": True})
        assert caller.put(_path(upcoming), SLOT).status == 200

    def test_a_change_that_keeps_the_time_is_no_move(self, caller, upcoming):
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", {"active": False})
        payload = {"start": upcoming["start"], "end": upcoming["end"], "title": "Same time"}
        assert caller.put(_path(upcoming), payload).status == 200

    def test_the_services_duration_must_be_respected(self, caller, upcoming):
        answer = caller.put(_path(upcoming), {**SLOT, "end": "2026-03-29T11:00:00Z"})
        assert _told(answer) == _failed("end", "Must respect service duration")

    def test_an_appointment_may_keep_its_length_after_its_service_got_longer(self, caller, upcoming):
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", {"duration": 60})
        assert caller.put(_path(upcoming), SLOT).status == 200

    def test_it_cannot_move_into_the_past(self, caller, upcoming):
        payload = {"start": "2026-03-08T10:00:00Z", "end": "2026-03-08T10:45:00Z"}
        assert _told(caller.put(_path(upcoming), payload)) == _failed("start", "Cannot be moved into the past")

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ({"active": False}, "Service is not active"),
            (
                {"dateRanges": [{"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-03-29T10:30:00Z"}]},
                "Must be within the service's date ranges",
            ),
            ({"minTimeToSchedule": 18}, "Must respect the service's minTimeToSchedule"),
            ({"maxTimeToSchedule": 17}, "Must respect the service's maxTimeToSchedule"),
        ],
        ids=["active", "dateRanges", "minTimeToSchedule", "maxTimeToSchedule"],
    )
    def test_the_services_rules_are_respected(self, caller, upcoming, rule, message):
        assert caller.put(f"/api/v1/services/{upcoming['serviceId']}", rule).status == 200
        assert _told(caller.put(_path(upcoming), SLOT)) == _failed("start", message)

    def test_a_service_without_date_ranges_is_always_open(self, caller, upcoming):
        caller.put(f"/api/v1/services/{upcoming['serviceId']}", {"dateRanges": None})
        assert caller.put(_path(upcoming), SLOT).status == 200

    @pytest.mark.parametrize(
        ("calendar", "status"),
        [
            ({"active": False}, 422),
            ({"restrictionDates": {"exclude": [["2026-03-28", "2026-03-29"]]}}, 422),
            ({"restrictionDates": {"exclude": [["2026-03-30", "2026-03-31"]]}}, 200),
            ({"restrictionDates": {"include": [["2026-03-30", "2026-03-31"]]}}, 422),
            ({"restrictionDates": {"include": [["2026-03-29", "2026-03-29"]]}}, 200),
            ({"restrictionDates": {}}, 200),
            ({"restrictionDates": {"include": None, "exclude": None}}, 200),
            ({"restrictionDates": {"include": None, "exclude": [["2026-03-29", "2026-03-29"]]}}, 422),
            ({"restrictionDates": {"include": [["2026-03-29", "9999-12-31"]]}}, 200),
            ({"restrictionDates": {"exclude": [["0001-01-01", "9999-12-31"]]}}, 422),
        ],
    )
    def test_a_calendar_takes_appointments_on_its_days_only(self, caller, service, upcoming, calendar, status):
        calendars = [
            {**each, **calendar} if each["calendarId"] == upcoming["calendarIds"][0] else each
            for each in service["calendars"]
        ]
        assert caller.put(f"/api/v1/services/{service['id']}", {"calendars": calendars}).status == 200
        answer = caller.put(_path(upcoming), SLOT)
        assert answer.status == status
        if status == 422:
            assert _told(answer) == _failed("start", "Calendar is not available on this day")

    def test_restriction_days_are_those_of_the_services_zone(self, caller, service, upcoming):
        """23:30 on the 29th in UTC is 01:30 on the 30th in Madrid, and 19:30 on the 29th in New York."""
        late = {"start": "2026-03-29T23:30:00Z", "end": "2026-03-30T00:15:00Z"}
        closed = {"restrictionDates": {"exclude": [["2026-03-30", "2026-03-30"]]}}
        calendars = [{**each, **closed} for each in service["calendars"]]
        path = f"/api/v1/services/{service['id']}"
        caller.put(path, {"calendars": calendars, "extraFields": {"timezone": "America/New_York"}})
        assert caller.put(_path(upcoming), late).status == 200
        caller.put(_path(upcoming), SLOT)
        caller.put(path, {"extraFields": {"timezone": "Europe/Madrid"}})
        assert _told(caller.put(_path(upcoming), late)) == _failed("start", "Calendar is not available on this day")

    @pytest.mark.parametrize("timezone", [None, "", "Nowhere", "../etc", "Europe", "x" * 5000, 7, []], ids=repr)
    def test_without_a_zone_restriction_days_are_those_of_utc(self, caller, service, upcoming, timezone):
        closed = {"restrictionDates": {"exclude": [["2026-03-30", "2026-03-30"]]}}
        calendars = [{**each, **closed} for each in service["calendars"]]
        changed = {"calendars": calendars, "extraFields": {"timezone": timezone}}
        assert caller.put(f"/api/v1/services/{service['id']}", changed).status == 200
        late = {"start": "2026-03-29T23:30:00Z", "end": "2026-03-30T00:15:00Z"}
        assert caller.put(_path(upcoming), late).status == 200

    @pytest.mark.parametrize("left", ["the other", None, []], ids=repr)
    def test_a_calendar_that_was_removed_takes_no_new_appointments(self, caller, service, upcoming, left):
        if left == "the other":
            left = [each for each in service["calendars"] if each["calendarId"] != upcoming["calendarIds"][0]]
        assert caller.put(f"/api/v1/services/{service['id']}", {"calendars": left}).status == 200
        expected = _failed("start", "Calendar is not one of the service's calendars")
        assert _told(caller.put(_path(upcoming), SLOT)) == expected
        assert caller.put(_path(upcoming), {"title": "Stays where it is"}).status == 200

    @pytest.mark.parametrize("days", [120, 1e300])
    def test_the_last_day_of_the_calendar_is_no_accident(self, caller, upcoming, days):
        last = {"start": "9999-12-31T23:00:00Z", "end": "9999-12-31T23:45:00Z"}
        rules = {"maxTimeToSchedule": days, "dateRanges": None, "timeBetween": 60}
        assert caller.put(f"/api/v1/services/{upcoming['serviceId']}", rules).status == 200
        assert caller.put(_path(upcoming), last).status == (422 if days == 120 else 200)

    @pytest.fixture
    def neighbour(self, sandbox, upcoming):
        """Another upcoming appointment that shares a calendar and a length with the first."""
        return next(
            each
            for each in sandbox.records("appointments")
            if each["id"] != upcoming["id"]
            and each["serviceId"] == upcoming["serviceId"]
            and each["start"] > upcoming["start"]
            and set(each["calendarIds"]) & set(upcoming["calendarIds"])
        )


def _later(text, minutes):
    return (datetime.fromisoformat(text) + timedelta(minutes=minutes)).isoformat()
