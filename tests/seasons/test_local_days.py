"""When local days begin and end, and how many a change of date ranges opens or closes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.seasons.local_days import days_gained_and_lost, first_instant, last_instant


def ranges(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"startDate": start, "endDate": end} for start, end in pairs]


@pytest.mark.parametrize(
    ("zone", "day", "first", "last"),
    [
        pytest.param("Asia/Kolkata", "2024-06-15", "2024-06-14T18:30:00", "2024-06-15T18:29:59", id="no change at all"),
        pytest.param("Europe/Madrid", "2024-03-31", "2024-03-30T23:00:00", "2024-03-31T21:59:59", id="a day of 23 h"),
        pytest.param("Europe/Madrid", "2024-10-27", "2024-10-26T22:00:00", "2024-10-27T22:59:59", id="a day of 25 h"),
        pytest.param(
            "Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00:00", "2024-04-07T13:29:59", id="half an hour"
        ),
        pytest.param(
            "America/Asuncion", "2023-10-01", "2023-10-01T04:00:00", "2023-10-02T02:59:59", id="begins at 1 h"
        ),
        pytest.param("America/Asuncion", "2024-03-23", "2024-03-23T03:00:00", "2024-03-24T03:59:59", id="ends twice"),
        pytest.param("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00", "2018-11-05T01:59:59", id="changes yet"),
        pytest.param(
            "America/Sao_Paulo", "2019-11-03", "2019-11-03T03:00:00", "2019-11-04T02:59:59", id="changes ended"
        ),
        pytest.param("Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00", "2024-03-31T20:59:59", id="Beirut's spring"),
        pytest.param("Asia/Beirut", "2024-10-26", "2024-10-25T21:00:00", "2024-10-26T21:59:59", id="Beirut's autumn"),
        pytest.param(
            "Atlantic/Azores", "2024-03-31", "2024-03-31T01:00:00", "2024-03-31T23:59:59", id="Azores' spring"
        ),
        pytest.param("Atlantic/Azores", "2024-10-27", "2024-10-27T00:00:00", "2024-10-28T00:59:59", id="begins twice"),
        pytest.param(
            "America/Havana", "2024-03-10", "2024-03-10T05:00:00", "2024-03-11T03:59:59", id="Havana's spring"
        ),
        pytest.param(
            "America/Havana", "2024-11-03", "2024-11-03T04:00:00", "2024-11-04T04:59:59", id="Havana's autumn"
        ),
        pytest.param(
            "America/Santiago", "2024-04-06", "2024-04-06T03:00:00", "2024-04-07T03:59:59", id="Chile's autumn"
        ),
        pytest.param(
            "America/Santiago", "2024-09-08", "2024-09-08T04:00:00", "2024-09-09T02:59:59", id="Chile's spring"
        ),
        pytest.param("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00", "2024-04-26T20:59:59", id="Cairo's spring"),
        pytest.param("Africa/Cairo", "2024-10-31", "2024-10-30T21:00:00", "2024-10-31T21:59:59", id="Cairo's autumn"),
        pytest.param("America/Toronto", "1919-03-30", "1919-03-30T05:00:00", "1919-03-31T04:29:59", id="ends at 23:30"),
        pytest.param(
            "America/Toronto", "1919-03-31", "1919-03-31T04:30:00", "1919-04-01T03:59:59", id="begins at 0:30"
        ),
        pytest.param(
            "America/St_Johns", "2006-10-28", "2006-10-28T02:30:00", "2006-10-29T03:29:59", id="and once more"
        ),
        pytest.param("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00", "2006-10-30T03:29:59", id="for a minute"),
        pytest.param("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00", "2011-12-30T09:59:59", id="before the gap"),
        pytest.param("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00", "2011-12-30T09:59:59", id="in the gap"),
        pytest.param("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00", "2011-12-31T09:59:59", id="after the gap"),
        pytest.param("Europe/Moscow", "2010-12-01", "2010-11-30T21:00:00", "2010-12-01T20:59:59", id="winter time"),
        pytest.param("Europe/Moscow", "2012-12-01", "2012-11-30T20:00:00", "2012-12-01T19:59:59", id="summer for ever"),
        pytest.param("Europe/Moscow", "2015-12-01", "2015-11-30T21:00:00", "2015-12-01T20:59:59", id="winter for ever"),
        pytest.param("Europe/Madrid", "2099-07-01", "2099-06-30T22:00:00", "2099-07-01T21:59:59", id="far ahead"),
    ],
)
def test_a_local_day_is_taken_whole_at_every_kind_of_clock_change(zone: str, day: str, first: str, last: str) -> None:
    local = date.fromisoformat(day)
    assert first_instant(local, ZoneInfo(zone)) == datetime.fromisoformat(first).replace(tzinfo=UTC)
    assert last_instant(local, ZoneInfo(zone)) == datetime.fromisoformat(last).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "held", "days"),
    [
        pytest.param("Europe/Madrid", [], 0, id="nothing"),
        pytest.param("Europe/Madrid", [("2025-06-14T22:00:00Z", "2025-09-15T21:59:59Z")], 93, id="a season"),
        pytest.param("Europe/Madrid", [("2025-06-14T22:00:00Z", "2025-06-15T22:00:00Z")], 1, id="to the next midnight"),
        pytest.param("Europe/Madrid", [("2025-06-14T22:00:00Z", "2025-06-15T22:00:01Z")], 2, id="a second beyond it"),
        pytest.param("Europe/Madrid", [("2025-06-14T21:59:59Z", "2025-06-15T21:59:59Z")], 2, id="a second before it"),
        pytest.param(
            "Europe/Madrid",
            [("2025-06-15T16:00:00Z", "2025-06-15T18:00:00Z"), ("2025-06-15T08:00:00Z", "2025-06-15T10:00:00Z")],
            1,
            id="a morning and an evening",
        ),
        pytest.param(
            "UTC",
            [("2025-06-01T00:00:00Z", "2025-06-10T23:59:59Z"), ("2025-06-03T00:00:00Z", "2025-06-04T23:59:59Z")],
            10,
            id="one inside another",
        ),
        pytest.param(
            "UTC",
            [
                ("2025-06-09T00:00:00Z", "2025-06-12T23:59:59Z"),
                ("2025-06-01T00:00:00Z", "2025-06-10T23:59:59Z"),
                ("2025-06-03T00:00:00Z", "2025-06-04T23:59:59Z"),
            ],
            12,
            id="in any order",
        ),
        pytest.param(
            "Pacific/Apia",
            [("2011-12-28T10:00:00Z", "2011-12-29T12:00:00Z"), ("2011-12-29T13:00:00Z", "2012-01-01T09:59:59Z")],
            4,
            id="twice on the day before the skipped one",
        ),
        pytest.param(
            "UTC",
            [("2025-06-01T00:00:00Z", "2025-06-10T12:00:00Z"), ("2025-06-10T13:00:00Z", "2025-06-12T23:59:59Z")],
            12,
            id="two on one day",
        ),
        pytest.param("Pacific/Apia", [("2011-12-28T10:00:00Z", "2012-01-01T09:59:59Z")], 4, id="a day that is skipped"),
        pytest.param("Pacific/Apia", [("2011-12-30T10:00:00Z", "2012-01-01T09:59:59Z")], 2, id="after the skipped day"),
        pytest.param(
            "Pacific/Apia", [("2011-12-28T10:00:00Z", "2011-12-30T09:59:59Z")], 2, id="before the skipped day"
        ),
        pytest.param("Pacific/Kanton", [("1994-12-29T11:00:00Z", "1995-01-01T10:59:59Z")], 3, id="no New Year's Eve"),
        pytest.param("Asia/Manila", [("1844-12-29T15:56:08Z", "1845-01-01T15:55:51Z")], 3, id="none in a leap year"),
        pytest.param(
            "America/St_Johns", [("2006-10-29T02:30:30Z", "2006-10-29T02:45:00Z")], 2, id="back over midnight"
        ),
        pytest.param("UTC", [("2025-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z")], 2912808, id="for ever"),
        pytest.param("Pacific/Apia", [("9999-12-30T11:00:00Z", "9999-12-31T23:59:59.999Z")], 1, id="the end of time"),
    ],
)
def test_a_day_counts_however_little_of_it_is_open(zone: str, held: list[tuple[str, str]], days: int) -> None:
    assert days_gained_and_lost([], ranges(*held), zone) == (days, 0)


SPRING = ("2025-03-31T22:00:00.000Z", "2025-05-31T21:59:59.000Z")
SUMMER = ("2025-06-14T22:00:00.000Z", "2025-09-15T21:59:59.000Z")


@pytest.mark.parametrize(
    ("before", "after", "gained_and_lost"),
    [
        pytest.param([SPRING], [SPRING, SUMMER], (93, 0), id="a season opened"),
        pytest.param([SPRING, SUMMER], [SPRING], (0, 93), id="a season closed"),
        pytest.param([SPRING], [SUMMER], (93, 61), id="one for another"),
        pytest.param([SPRING], [("2025-04-01T00:00:00+02:00", "2025-05-31T23:59:59+02:00")], (0, 0), id="spelling"),
        pytest.param(
            [SPRING],
            [("2025-03-31T22:00:00Z", "2025-04-30T21:59:59Z"), ("2025-04-30T22:00:00Z", "2025-05-31T21:59:59Z")],
            (0, 0),
            id="in two parts that touch",
        ),
        pytest.param([SUMMER], [("2025-06-15T00:00:00Z", "2025-09-15T23:59:59Z")], (1, 1), id="a shift by two hours"),
        pytest.param([SUMMER], [("2025-06-14T22:00:00Z", "2025-09-15T22:00:00Z")], (0, 0), id="a single instant"),
        pytest.param([SUMMER], [("2025-06-14T22:00:00Z", "2025-09-15T20:59:59Z")], (0, 1), id="the last hour closed"),
        pytest.param([("2025-06-15T08:00:00Z", "2025-06-15T10:00:00Z")], [SUMMER], (93, 0), id="a day opened further"),
        pytest.param(
            [("2025-06-15T08:00:00Z", "2025-06-15T10:00:00Z")],
            [("2025-06-15T09:00:00Z", "2025-06-15T11:00:00Z")],
            (1, 1),
            id="both on one day",
        ),
        pytest.param(
            [("2025-01-01T00:00:00Z", "9999-12-31T23:59:59Z")],
            [("2025-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z")],
            (0, 0),
            id="for ever",
        ),
    ],
)
def test_a_plan_shows_on_how_many_days_time_is_opened_and_closed(
    before: list[tuple[str, str]], after: list[tuple[str, str]], gained_and_lost: tuple[int, int]
) -> None:
    assert days_gained_and_lost(ranges(*before), ranges(*after), "Europe/Madrid") == gained_and_lost


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        (
            "Europe/Madird",
            "timezone: got str 'Europe/Madird', which is not a known time zone; did you mean \"Europe/Madrid\"?",
        ),
        (None, "timezone: got null (None); accepted: a name of the IANA time zone database, such as Europe/Madrid"),
    ],
)
def test_days_are_not_counted_in_a_zone_that_nobody_knows(zone: str, message: str) -> None:
    with pytest.raises(OnlivePayloadError) as caught:
        days_gained_and_lost([], [], zone)
    assert message in str(caught.value)
