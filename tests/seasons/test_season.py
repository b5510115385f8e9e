"""Seasons: local days become UTC, whatever the clocks of the zone do."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.service import DateRange
from onlive_provider.seasons import Season

SUMMER = {"name": "summer", "first_day": "2025-06-15", "last_day": "2025-09-15", "timezone": "Europe/Madrid"}


def in_utc(first_day: str, last_day: str, timezone: str) -> tuple[str, str]:
    date_range = Season("season", first_day, last_day, timezone).date_range()
    return date_range.startDate, date_range.endDate


def refusals(error: pytest.ExceptionInfo[OnlivePayloadError]) -> list[str]:
    return [str(refusal) for refusal in error.value.errors]


def test_the_season_of_the_api_reference_is_a_year_of_local_days() -> None:
    season = Season("season", "2024-10-14", "2025-10-14", "Europe/Madrid")
    assert season.date_range() == DateRange(startDate="2024-10-13T22:00:00.000Z", endDate="2025-10-14T21:59:59.000Z")


def test_a_season_begins_in_winter_time_and_ends_in_summer_time() -> None:
    assert in_utc("2025-01-01", "2025-06-30", "Europe/Madrid") == (
        "2024-12-31T23:00:00.000Z",
        "2025-06-30T21:59:59.000Z",
    )


def test_a_season_of_one_day_is_that_day() -> None:
    assert in_utc("2025-06-15", "2025-06-15", "UTC") == ("2025-06-15T00:00:00.000Z", "2025-06-15T23:59:59.000Z")


def test_a_season_is_the_same_from_dates_and_from_text() -> None:
    assert Season("summer", date(2025, 6, 15), date(2025, 9, 15), "Europe/Madrid") == Season(**SUMMER)


def test_a_season_cannot_be_changed_and_can_be_a_key_and_be_pickled() -> None:
    season = Season(**SUMMER)
    with pytest.raises(AttributeError):
        season.name = "winter"  # type: ignore[misc]
    assert {season: 1}[Season(**SUMMER)] == 1
    assert pickle.loads(pickle.dumps(season)) == season


def test_a_season_that_begins_on_a_skipped_day_begins_with_the_next() -> None:
    assert in_utc("2011-12-30", "2012-01-15", "Pacific/Apia") == in_utc("2011-12-31", "2012-01-15", "Pacific/Apia")


def test_a_season_that_ends_on_a_skipped_day_ends_with_the_day_before() -> None:
    assert in_utc("2011-12-01", "2011-12-30", "Pacific/Apia") == in_utc("2011-12-01", "2011-12-29", "Pacific/Apia")


def test_a_season_of_nothing_but_a_skipped_day_is_refused() -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season("gap", "2011-12-30", "2011-12-30", "Pacific/Apia")
    assert refusals(error) == [
        "first_day: got 2011-12-30 to 2011-12-30, which a clock change in Pacific/Apia skips; "
        "accepted: a season with a day that exists there"
    ]


def test_everything_that_is_wrong_with_a_season_is_told_at_once() -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season("  ", "2025-02-30", "2025-06-01T00:00:00Z", "Europe/Madird")
    assert refusals(error) == [
        "name: got str ' '; accepted: text that is not blank, such as \"summer\"",
        "first_day: got str '2025-02-30'; accepted: a day that exists, as YYYY-MM-DD, without a time",
        "last_day: got str '2025-06-01T00:00:00Z'; accepted: a day that exists, as YYYY-MM-DD, without a time",
        "timezone: got str 'Europe/Madird', which is not a known time zone; did you mean \"Europe/Madrid\"?; "
        "accepted: a name of the IANA time zone database, such as Europe/Madrid",
    ]


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("name", None, 'name: got null (None); accepted: text that is not blank, such as "summer"'),
        ("name", "None", "name: got str 'None'; accepted: text that is not blank, such as \"summer\""),
        ("first_day", "15.06.2025", "first_day: got str '15.06.2025'; accepted: a day that exists, as YYYY-MM-DD"),
        ("first_day", "0001-06-15", "first_day: got str '0001-06-15'; accepted: a day of the years 2 to 9998"),
        ("last_day", "9999-06-15", "last_day: got str '9999-06-15'; accepted: a day of the years 2 to 9998"),
        ("last_day", "2025-06-14", "last_day: 2025-06-14 is before the first day, 2025-06-15; accepted: the same day"),
        ("timezone", None, "timezone: got null (None); accepted: a name of the IANA time zone database"),
        ("timezone", ZoneInfo("UTC"), "timezone: got "),
        (
            "timezone",
            "+02:00",
            "timezone: got str '+02:00', which is not a known time zone; accepted: a name of the IANA",
        ),
    ],
)
def test_a_member_that_cannot_be_used_is_refused_by_name(member: str, value: Any, message: str) -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season(**{**SUMMER, member: value})
    assert len(error.value.errors) == 1
    assert refusals(error)[0].startswith(message)


def test_the_first_and_the_last_years_that_can_be_sent_are_taken() -> None:
    assert in_utc("0002-01-01", "9998-12-31", "Etc/GMT-14") == ("0001-12-31T10:00:00.000Z", "9998-12-31T09:59:59.000Z")


def test_a_season_travels_through_xcom_as_plain_json() -> None:
    season = Season(**SUMMER)
    assert season.as_json() == SUMMER
    assert Season.from_json(json.loads(json.dumps(season.as_json()))) == season


@pytest.mark.parametrize("text", [json.dumps(SUMMER), str(SUMMER)])
def test_a_season_is_read_from_what_a_template_makes_of_it(text: str) -> None:
    assert Season.from_json(text) == Season(**SUMMER)


def test_a_season_that_is_no_object_is_refused() -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season.from_json(["summer"])
    assert refusals(error) == [
        "season: got list ['summer']; accepted: an object (dict), or text that holds one as JSON"
    ]


def test_missing_and_unknown_members_are_told_with_their_place() -> None:
    given = {"nam": "summer", "first_day": "2025-06-15", "last_day": "2025-06-14", 1: 2, "a@example.com": 3}
    with pytest.raises(OnlivePayloadError) as error:
        Season.from_json(given, "season[1]")
    assert refusals(error) == [
        'season[1].nam: is not a member of a season; did you mean "name"?',
        "season[1].last_day: 2025-06-14 is before the first day, 2025-06-15; accepted: the same day or a later one",
        "season[1]: has a key of type int; accepted: keys that are text",
        "season[1].(key not shown): is not a member of a season; accepted: name, first_day, last_day, timezone",
        "season[1].name: is missing; a season needs it",
        "season[1].timezone: is missing; a season needs it",
    ]


def test_a_value_in_a_wrong_place_is_shown_with_its_place() -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season.from_json({**SUMMER, "first_day": "June"}, "season[1]")
    assert refusals(error) == [
        "season[1].first_day: got str 'June'; accepted: a day that exists, as YYYY-MM-DD, without a time"
    ]


def days_of_years(first_day: str, last_day: str, years: list[int]) -> list[str]:
    seasons = Season.yearly("season", first_day, last_day, "Europe/Madrid", years)
    assert {(season.name, season.timezone) for season in seasons} == {("season", "Europe/Madrid")}
    return [f"{season.first_day} {season.last_day}" for season in seasons]


@pytest.mark.parametrize(
    ("first_day", "last_day", "years", "days"),
    [
        pytest.param(
            "06-15", "09-15", [2025, 2026], ["2025-06-15 2025-09-15", "2026-06-15 2026-09-15"], id="within a year"
        ),
        pytest.param("06-15", "06-15", [2025], ["2025-06-15 2025-06-15"], id="one day"),
        pytest.param(
            "11-15",
            "02-28",
            [2023, 2022],
            ["2023-11-15 2024-02-28", "2022-11-15 2023-02-28"],
            id="across the turn of the year, in the order of the years",
        ),
        pytest.param(
            "11-15", "02-29", [2022, 2023], ["2022-11-15 2023-02-28", "2023-11-15 2024-02-29"], id="to the leap day"
        ),
        pytest.param(
            "02-29", "03-31", [2023, 2024], ["2023-03-01 2023-03-31", "2024-02-29 2024-03-31"], id="from the leap day"
        ),
        pytest.param("02-29", "02-28", [2023], ["2023-03-01 2024-02-28"], id="nearly a year"),
        pytest.param("02-29", "02-29", [2024], ["2024-02-29 2024-02-29"], id="the leap day"),
        pytest.param("06-15", "09-15", [2, 9997], ["0002-06-15 0002-09-15", "9997-06-15 9997-09-15"], id="the bounds"),
    ],
)
def test_the_same_season_in_several_years(first_day: str, last_day: str, years: list[int], days: list[str]) -> None:
    assert days_of_years(first_day, last_day, years) == days


def test_years_may_be_any_iterable() -> None:
    assert Season.yearly("season", "06-15", "09-15", "UTC", range(2025, 2027)) == Season.yearly(
        "season", "06-15", "09-15", "UTC", iter([2025, 2026])
    )


def test_a_year_in_which_the_season_has_no_day_is_refused() -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season.yearly("leap", "02-29", "02-29", "UTC", [2023, 2024, 2025])
    assert refusals(error) == [
        "years[0]: got int 2023, which has no 02-29; accepted: a leap year",
        "years[2]: got int 2025, which has no 02-29; accepted: a leap year",
    ]


def test_everything_that_is_wrong_with_yearly_seasons_is_told_at_once() -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season.yearly("", "2025-06-15", "02-30", "Mars", [2025, "2026", True, 1, 9998])  # type: ignore[list-item]
    assert refusals(error) == [
        "name: got str ''; accepted: text that is not blank, such as \"summer\"",
        "first_day: got str '2025-06-15'; accepted: a day that exists in some year, as MM-DD",
        "last_day: got str '02-30'; accepted: a day that exists in some year, as MM-DD",
        "timezone: got str 'Mars', which is not a known time zone; accepted: a name of the IANA time zone database, "
        "such as Europe/Madrid",
        "years[1]: got str '2026'; accepted: a number from 2 to 9997",
        "years[2]: got bool True; accepted: a number from 2 to 9997",
        "years[3]: got int 1; accepted: a number from 2 to 9997",
        "years[4]: got int 9998; accepted: a number from 2 to 9997",
    ]


@pytest.mark.parametrize(
    ("years", "message"),
    [
        ([], "years: got list [], which names no year; accepted: years as numbers, such as [2026, 2027]"),
        (2026, "years: got int 2026; accepted: years as numbers, such as [2026, 2027] or range(2026, 2030)"),
        ("2026", "years: got str '2026'; accepted: years as numbers, such as [2026, 2027] or range(2026, 2030)"),
    ],
)
def test_years_that_are_no_list_of_years_are_refused(years: Any, message: str) -> None:
    with pytest.raises(OnlivePayloadError) as error:
        Season.yearly("season", "06-15", "09-15", "UTC", years)
    assert len(error.value.errors) == 1
    assert refusals(error)[0].startswith(message)


def test_a_day_of_a_week_is_no_month_and_day() -> None:
    with pytest.raises(
        OnlivePayloadError, match="first_day: got str 'W10-1'; accepted: a day that exists in some year"
    ):
        Season.yearly("season", "W10-1", "09-15", "UTC", [2025])


def test_a_time_is_no_day() -> None:
    with pytest.raises(OnlivePayloadError, match=r"first_day: got .*; accepted: a day .* without a time"):
        Season("season", datetime(2025, 6, 15, tzinfo=UTC), "2025-09-15", "UTC")


def test_a_month_and_day_that_is_no_text_is_refused() -> None:
    with pytest.raises(OnlivePayloadError, match=r"first_day: got .*; accepted: a day that exists in some year"):
        Season.yearly("season", date(2025, 6, 15), "09-15", "UTC", [2025])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("program", "heavy"),
    [
        ("from onlive_provider.seasons import Season", []),
        (
            "from onlive_provider.seasons import Season; Season('s', '2025-06-15', '2025-09-15', 'UTC')",
            ["pydantic"],  # which Airflow has imported before it reads a DAG file
        ),
    ],
    ids=["import", "season"],
)
def test_a_dag_file_that_holds_a_season_imports_nothing_heavy(program: str, heavy: list[str]) -> None:
    told = "import sys; print(sorted({'airflow', 'pydantic', 'requests', 'email_validator'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{program}; {told}"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{heavy}\n"


FORTY_ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Lagos",
    "Africa/Monrovia",
    "America/Asuncion",
    "America/Bogota",
    "America/Caracas",
    "America/Chicago",
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kanton",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "UTC",
]
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def first_by_walking(day: date, zone: ZoneInfo) -> datetime:
    """Go forward in UTC from where it is the day before everywhere, by minutes and then by seconds."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while local_date(moment + MINUTE, zone) < day:
        moment += MINUTE
    while local_date(moment, zone) < day:
        moment += SECOND
    return moment


def last_by_walking(day: date, zone: ZoneInfo) -> datetime:
    """Go back in UTC from where it is the day after everywhere, by minutes and then by seconds."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=24 + 13)
    while local_date(moment - MINUTE, zone) > day:
        moment -= MINUTE
    while local_date(moment, zone) > day:
        moment -= SECOND
    return moment


@cache
def days_of_clock_changes(zone: str, year: int) -> list[date]:
    new_year = datetime(year, 1, 1, 12, tzinfo=ZoneInfo(zone))
    days = [(new_year + timedelta(days=number)) for number in range(365)]
    return [day.date() for day in days if day.utcoffset() != (day - timedelta(days=1)).utcoffset()]


def a_day(dice: random.Random, zone: str) -> date:
    year = dice.randint(1965, 2045)
    changes = days_of_clock_changes(zone, year) if dice.random() < 0.7 else []
    day = dice.choice(changes) if changes else date(year, dice.randint(1, 12), dice.randint(1, 28))
    return day + timedelta(days=dice.randint(-1, 1))


def test_three_hundred_seasons_in_forty_zones_agree_with_a_walk_through_utc() -> None:
    dice = random.Random("seasons")
    assert len(set(FORTY_ZONES)) == 40
    for number in range(300):
        timezone = FORTY_ZONES[number % 40]
        zone = ZoneInfo(timezone)
        first_day, last_day = sorted((a_day(dice, timezone), a_day(dice, timezone)))
        found = in_utc(first_day.isoformat(), last_day.isoformat(), timezone)
        walked = (first_by_walking(first_day, zone), last_by_walking(last_day, zone))
        assert tuple(map(datetime.fromisoformat, found)) == walked, (timezone, first_day, last_day)
