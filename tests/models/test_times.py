"""Tests of how times become UTC with milliseconds, and of the times that mean no single instant."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pendulum
import pytest

from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.service import DateRange, ServiceUpdate

MADRID = ZoneInfo("Europe/Madrid")


class Timestamp(datetime):
    """Stands for pandas' Timestamp: a datetime that prints and calculates in its own way."""

    def replace(self, *args, **kwargs):
        raise AssertionError("a subclass's own arithmetic must not be used")

    def isoformat(self, *args, **kwargs):
        return "Timestamp"

    def astimezone(self, tz=None):
        raise AssertionError("a subclass's own arithmetic must not be used")


def start(value, zone=None):
    return AppointmentUpdate.from_payload({"start": value}, timezone=zone).model_dump(exclude_unset=True)["start"]


@pytest.mark.parametrize(
    "value",
    [
        datetime(2025, 3, 10, 8, 0, tzinfo=UTC),
        datetime(2025, 3, 10, 9, 0, tzinfo=MADRID),
        datetime(2025, 3, 10, 3, 0, tzinfo=timezone(timedelta(hours=-5))),
        Timestamp(2025, 3, 10, 8, 0, tzinfo=UTC),
        pendulum.datetime(2025, 3, 10, 9, 0, tz="Europe/Madrid"),
        "2025-03-10T08:00:00.000Z",
        "2025-03-10T08:00:00Z",
        "2025-03-10T08:00Z",
        "2025-03-10t08:00:00z",
        "2025-03-10 08:00:00+00:00",
        "2025-03-10T09:00:00+01:00",
        "2025-03-10T09:00:00+0100",
        "2025-03-10T09:00+01",
        "2025-03-10T03:00:00-05:00",
        "20250310T080000Z",
        " 2025-03-10T08:00:00Z\n",
        str(pendulum.datetime(2025, 3, 10, 9, 0, tz="Europe/Madrid")),
    ],
    ids=repr,
)
def test_a_time_that_says_its_offset_is_sent_in_utc_with_milliseconds(value):
    assert start(value) == "2025-03-10T08:00:00.000Z"
    assert start(value, "America/New_York") == "2025-03-10T08:00:00.000Z"


@pytest.mark.parametrize(
    "value",
    [
        "2025-03-10T09:00:00",
        "2025-03-10 09:00",
        "20250310T090000",
        datetime(2025, 3, 10, 9, 0),
        Timestamp(2025, 3, 10, 9, 0),
        pendulum.naive(2025, 3, 10, 9, 0),
    ],
    ids=repr,
)
def test_a_time_without_an_offset_is_read_in_the_given_time_zone(value):
    assert start(value, "Europe/Madrid") == "2025-03-10T08:00:00.000Z"
    assert start(value, "UTC") == "2025-03-10T09:00:00.000Z"


@pytest.mark.parametrize("value", ["2025-03-10T09:00:00", datetime(2025, 3, 10, 9, 0)], ids=repr)
def test_a_time_without_an_offset_is_refused_when_no_time_zone_is_given(value, refusals):
    message = refusals(AppointmentUpdate.from_payload, {"start": value})["start"]
    assert "a time without a time zone" in message
    assert "`timezone`" in message


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2025-03-10T08:00:00.9999Z", "2025-03-10T08:00:00.999Z"),
        ("2025-03-10T08:00:00.123456789Z", "2025-03-10T08:00:00.123Z"),
        ("2025-03-10T08:00:00,5Z", "2025-03-10T08:00:00.500Z"),
        (datetime(2025, 3, 10, 8, 0, 0, 999999, tzinfo=UTC), "2025-03-10T08:00:00.999Z"),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "1969-12-31T23:59:59.999Z"),
        (datetime(33, 1, 1, tzinfo=UTC), "0033-01-01T00:00:00.000Z"),
    ],
    ids=repr,
)
def test_digits_below_the_millisecond_are_cut_off_towards_the_past(value, sent):
    assert start(value) == sent


@pytest.mark.parametrize("value", ["2025-03-10", "20250310", " 2025-03-10 ", date(2025, 3, 10)], ids=repr)
@pytest.mark.parametrize("zone", [None, "Europe/Madrid"])
def test_a_date_without_a_time_is_refused(value, zone, refusals):
    message = refusals(AppointmentUpdate.from_payload, {"start": value}, timezone=zone)["start"]
    assert "a date without a time of day" in message


@pytest.mark.parametrize(
    "value",
    ["", "tomorrow", "10/03/2025 08:00", "2025-03-10T08:00:00 Europe/Madrid", "2025-03-10T25:00:00Z",
     "2025-02-30T08:00Z", "2025-03-10T08:60:00Z", "2025-03-10T", "T08:00Z", "2025-03-10_08:00Z", "1741593600",
     1741593600, 1741593600.0, True, ["2025-03-10T08:00Z"], {"at": "2025-03-10T08:00Z"}],
    ids=repr,
)  # fmt: skip
def test_what_is_no_time_is_refused_with_what_is_accepted(value, refusals):
    message = refusals(AppointmentUpdate.from_payload, {"start": value}, timezone="UTC")["start"]
    assert "accepted: an aware datetime, or ISO 8601 text" in message


@pytest.mark.parametrize(
    "value",
    ["0001-01-01T00:00+01:00", "9999-12-31T23:59-01:00", datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))],
    ids=repr,
)
def test_a_time_that_leaves_the_calendar_in_utc_is_refused(value, refusals):
    assert "outside the years 1 to 9999" in refusals(AppointmentUpdate.from_payload, {"start": value})["start"]


def test_a_time_without_an_offset_that_leaves_the_calendar_in_utc_is_refused(refusals):
    found = refusals(AppointmentUpdate.from_payload, {"start": "0001-01-01T00:00"}, timezone="Asia/Tokyo")
    assert "outside the years 1 to 9999" in found["start"]


@pytest.mark.parametrize(
    "value",
    ["2025-03-30T02:30:00", datetime(2025, 3, 30, 2, 30), datetime(2025, 3, 30, 2, 30, fold=1),
     pendulum.naive(2025, 3, 30, 2, 30)],
    ids=repr,
)  # fmt: skip
def test_a_local_time_that_a_clock_change_skips_is_refused_with_both_readings(value, refusals):
    message = refusals(AppointmentUpdate.from_payload, {"start": value}, timezone="Europe/Madrid")["start"]
    assert "a clock change in Europe/Madrid skips" in message
    assert (
        "2025-03-30T01:30:00.000Z (2025-03-30T02:30:00+01:00) or 2025-03-30T00:30:00.000Z (2025-03-30T02:30:00+02:00)"
    ) in message
    assert "accepted: the same time with its offset" in message


@pytest.mark.parametrize(
    "value",
    ["2025-10-26T02:30:00", datetime(2025, 10, 26, 2, 30), datetime(2025, 10, 26, 2, 30, fold=1),
     pendulum.naive(2025, 10, 26, 2, 30)],
    ids=repr,
)  # fmt: skip
def test_a_local_time_that_a_clock_change_repeats_is_refused_with_both_readings(value, refusals):
    message = refusals(AppointmentUpdate.from_payload, {"start": value}, timezone="Europe/Madrid")["start"]
    assert "a clock change in Europe/Madrid repeats" in message
    assert (
        "2025-10-26T00:30:00.000Z (2025-10-26T02:30:00+02:00) or 2025-10-26T01:30:00.000Z (2025-10-26T02:30:00+01:00)"
    ) in message


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2025-03-30T01:59:59.999", "2025-03-30T00:59:59.999Z"),
        ("2025-03-30T03:00:00", "2025-03-30T01:00:00.000Z"),
        ("2025-10-26T01:59:59.999", "2025-10-25T23:59:59.999Z"),
        ("2025-10-26T03:00:00", "2025-10-26T02:00:00.000Z"),
    ],
)
def test_the_local_times_at_the_edges_of_a_clock_change_are_sent(value, sent):
    assert start(value, "Europe/Madrid") == sent


@pytest.mark.parametrize("value", ["2025-03-30T02:00:00", "2025-03-30T02:59:59.999", "2025-10-26T02:00:00"])
def test_the_first_and_the_last_local_time_of_a_clock_change_are_refused(value, refusals):
    assert list(refusals(AppointmentUpdate.from_payload, {"start": value}, timezone="Europe/Madrid")) == ["start"]


def test_a_day_that_a_time_zone_skipped_is_refused(refusals):
    found = refusals(AppointmentUpdate.from_payload, {"start": "2011-12-30T12:00"}, timezone="Pacific/Apia")
    assert "skips" in found["start"]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (datetime(2025, 10, 26, 2, 30, tzinfo=MADRID), "2025-10-26T00:30:00.000Z"),
        (datetime(2025, 10, 26, 2, 30, tzinfo=MADRID, fold=1), "2025-10-26T01:30:00.000Z"),
        (datetime(2025, 3, 30, 2, 30, tzinfo=MADRID), "2025-03-30T01:30:00.000Z"),
        ("2025-10-26T02:30:00+01:00", "2025-10-26T01:30:00.000Z"),
    ],
    ids=repr,
)
def test_an_aware_time_near_a_clock_change_means_one_instant_and_is_sent(value, sent):
    assert start(value, "Europe/Madrid") == sent


@pytest.mark.parametrize("name", ["start", "end"])
def test_every_time_of_an_appointment_is_read_so(name):
    patch = AppointmentUpdate.from_payload({name: "2025-03-10T09:00"}, timezone="Europe/Madrid").model_dump(
        exclude_unset=True
    )
    assert patch == {name: "2025-03-10T08:00:00.000Z"}


def test_the_times_of_date_ranges_are_read_in_the_time_zone_too():
    payload = {"dateRanges": [{"startDate": "2024-10-14T00:00:00", "endDate": "2025-10-14T23:59:59"}]}
    assert ServiceUpdate.from_payload(payload, timezone="Europe/Madrid").model_dump(exclude_unset=True) == {
        "dateRanges": [{"startDate": "2024-10-13T22:00:00.000Z", "endDate": "2025-10-14T21:59:59.000Z"}]
    }


def test_a_date_range_of_its_own_needs_times_with_an_offset(refusals):
    found = refusals(DateRange, startDate="2025-01-01T00:00", endDate=datetime(2025, 2, 1, tzinfo=UTC))
    assert list(found) == ["startDate"]
    assert "a time without a time zone" in found["startDate"]


def test_times_inside_free_objects_are_made_utc_and_days_stay_days():
    payload = {"extraFields": {"at": datetime(2025, 3, 10, 9, 0), "on": date(2025, 3, 10), "said": "2025-03-10T09:00"}}
    assert AppointmentUpdate.from_payload(payload, timezone=MADRID).model_dump(exclude_unset=True) == {
        "extraFields": {"at": "2025-03-10T08:00:00.000Z", "on": "2025-03-10", "said": "2025-03-10T09:00"}
    }


def test_a_skipped_time_inside_a_free_object_is_refused_and_not_shown(refusals):
    payload = {"extraFields": {"at": datetime(2025, 3, 30, 2, 30)}}
    message = refusals(AppointmentUpdate.from_payload, payload, timezone="Europe/Madrid")["extraFields.at"]
    assert "skips" in message
    assert not re.search(r"02:30|01:30", message)


@pytest.mark.parametrize("zone", [7, 1.0, ["UTC"]])
def test_a_time_zone_that_is_no_text_is_told_what_is_accepted(refusals, zone):
    (message,) = refusals(AppointmentUpdate.from_payload, {"title": "x"}, timezone=zone).values()
    assert "accepted: a name of the IANA time zone database" in message
