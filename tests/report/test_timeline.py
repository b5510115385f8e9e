"""What a report's page is told of date ranges: rows, clock changes, and the time to show."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from onlive_provider.report.outcomes import Outcome
from onlive_provider.report.timeline import MAX_RANGES, Timeline, clock_changes
from onlive_provider.seasons import Season

SUMMER = ("2027-06-15", "2027-09-15")
SPRING = ("2027-03-01", "2027-05-31")


def seconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def season(first, last, zone="Europe/Madrid", name="Summer", mode="add", target="dateRanges"):
    made = Season(name, first, last, zone)
    return {**made.as_json(), **made.date_range().model_dump(exclude_unset=True), "mode": mode, "target": target}


def ranges(*pairs, zone="Europe/Madrid"):
    return [Season("Any", first, last, zone).date_range().model_dump(exclude_unset=True) for first, last in pairs]


def changed(before, after, name="updated"):
    return Outcome(0, None, "a", name, {"dateRanges": before}, {"dateRanges": after})


def span(content):
    return [int(datetime.fromisoformat(content[name]).timestamp()) for name in ("startDate", "endDate")]


def row_of(line, outcome):
    (row,) = line.rows(outcome)
    return row


def shown(rows, *seasons):
    line = Timeline(seasons)
    drawn = line.as_json([row_of(line, row) for row in rows])
    return tuple(datetime.fromtimestamp(drawn[name], UTC).date().isoformat() for name in ("from", "to"))


@pytest.mark.parametrize(
    ("zone", "first", "last", "expected"),
    [
        (
            "Europe/Madrid",
            "2026-01-01",
            "2027-01-01",
            [
                ("2026-03-29T01:00:00", "2026-03-29T02:00", "2026-03-29T03:00"),
                ("2026-10-25T01:00:00", "2026-10-25T03:00", "2026-10-25T02:00"),
            ],
        ),
        (
            "Australia/Lord_Howe",
            "2026-01-01",
            "2026-07-01",
            [("2026-04-04T15:00:00", "2026-04-05T02:00", "2026-04-05T01:30")],
        ),
        (
            "Pacific/Apia",
            "2011-12-01",
            "2012-01-01",
            [("2011-12-30T10:00:00", "2011-12-30T00:00", "2011-12-31T00:00")],
        ),
        ("America/Mexico_City", "2024-01-01", "2030-01-01", []),
        ("UTC", "2024-01-01", "2030-01-01", []),
    ],
)
def test_clock_changes_are_told_with_the_time_before_and_after(zone, first, last, expected):
    found = clock_changes(zone, seconds(first), seconds(last))
    assert found == [{"at": seconds(at), "before": before, "after": after} for at, before, after in expected]


def test_a_clock_change_at_the_first_second_is_in_the_look_and_one_at_its_end_is_not():
    change = seconds("2026-03-29T01:00:00")
    for start, end in ((change, change + 1), (change - 86_399, change + 1), (change - 86_400, change + 1)):
        assert [found["at"] for found in clock_changes("Europe/Madrid", start, end)] == [change]
    for start, end in ((change - 5, change), (change + 1, change + 90_000), (change, change)):
        assert clock_changes("Europe/Madrid", start, end) == []


@pytest.mark.parametrize("zone", ["Atlantic/Azores", "Asia/Beirut", "Africa/Casablanca", "America/Asuncion"])
def test_clock_changes_are_those_of_a_look_at_every_quarter_of_an_hour(zone):
    start, end = seconds("2022-06-01"), seconds("2025-02-01")
    offsets = {at: datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset() for at in range(start - 900, end, 900)}
    expected = [at for at in range(start, end, 900) if offsets[at] != offsets[at - 900]]
    assert expected
    assert [found["at"] for found in clock_changes(zone, start, end)] == expected


def test_a_row_holds_what_is_gained_and_lost_in_local_days():
    before, after = ranges(SPRING), ranges(SUMMER)
    row = row_of(Timeline([season(*SUMMER, mode="replace")]), changed(before, after))
    assert row == {
        "before": [span(before[0])],
        "after": [span(after[0])],
        "leftOut": 0,
        "group": 0,
        "timezones": ["Europe/Madrid"],
        "gained": [[*span(after[0]), *SUMMER]],
        "lost": [[*span(before[0]), *SPRING]],
        "gainedDays": 93,
        "lostDays": 92,
    }


@pytest.mark.parametrize(
    ("mode", "mismatch"),
    [
        ("replace", None),
        ("add", "closes days outside it"),
        ("remove", "closes days outside it, does not close all of it"),
    ],
)
def test_only_a_replace_may_close_days_outside_the_season(mode, mismatch):
    line = Timeline([season(*SUMMER, mode=mode)])
    row = row_of(line, changed(ranges(SPRING, SUMMER), ranges(SUMMER)))
    assert row.get("mismatch") == mismatch
    assert row["lostDays"] == 92


def test_a_remove_may_close_the_season():
    row = row_of(Timeline([season(*SUMMER, mode="remove")]), changed(ranges(SPRING, SUMMER), ranges(SPRING)))
    assert "mismatch" not in row
    assert row["lostDays"] == 93


def test_a_day_that_is_not_open_as_a_whole_is_told_with_the_time():
    after = [{"startDate": "2027-06-14T23:00:00.000Z", "endDate": "2027-09-15T10:30:00.000Z"}]
    row = row_of(Timeline([season(*SUMMER)]), changed([], after))
    assert row["gained"][0][2:] == ["2027-06-15T01:00", "2027-09-15T12:30"]
    assert row["mismatch"] == "begins 1 hour late, ends 11 hours 30 minutes early"


@pytest.mark.parametrize("end", ["21:59:59.000", "21:59:59.999", "22:00:00.000"])
@pytest.mark.parametrize("start", ["22:00:00.000", "22:00:01.000"])
def test_a_day_is_whole_with_a_second_more_or_less(start, end):
    after = [{"startDate": f"2027-06-14T{start}Z", "endDate": f"2027-09-15T{end}Z"}]
    row = row_of(Timeline([season(*SUMMER)]), changed([], after))
    assert row["gained"][0][2:] == list(SUMMER)
    assert "mismatch" not in row


def test_a_change_that_is_not_the_season_is_told_so():
    row = row_of(Timeline([season(*SUMMER)]), changed([], ranges(("2026-06-15", "2026-09-15"))))
    assert row["mismatch"] == "1 year early"


@pytest.mark.parametrize("name", ["before", "after"])
def test_an_unchanged_service_holds_the_same_before_and_after(name):
    held = ranges(SUMMER)
    row = row_of(Timeline([season(*SUMMER)]), Outcome(0, None, "a", "unchanged", **{name: {"dateRanges": held}}))
    assert row["before"] == row["after"] == [span(held[0])]
    assert (row["gained"], row["lost"]) == ([], [])
    assert "mismatch" not in row


def test_a_service_that_is_unchanged_though_it_does_not_hold_the_season_is_told():
    held = ranges(SPRING)
    assert (
        row_of(Timeline([season(*SUMMER)]), changed(held, held, "unchanged"))["mismatch"] == "does not open all of it"
    )


@pytest.mark.parametrize("unknown", [None, "<hidden>", [3], [{"startDate": "soon", "endDate": None}]])
def test_ranges_that_cannot_be_read_are_not_known_and_nothing_is_said_of_the_change(unknown):
    after = ranges(SUMMER)
    row = row_of(Timeline([season(*SUMMER)]), changed(unknown, after))
    assert row == {"before": None, "after": [span(after[0])], "leftOut": 0}


def test_an_outcome_without_date_ranges_has_no_row_and_without_rows_there_is_no_time_line():
    line = Timeline([season(*SUMMER)])
    assert line.rows(Outcome(0, None, "a", "updated", {"name": "b"}, {"name": "c"})) == []
    assert line.as_json([]) is None


@pytest.mark.parametrize("more", [0, 1, 5_000])
def test_a_list_of_many_ranges_is_drawn_in_part_and_not_compared(more):
    days = [1_800_000_000 + 86_400 * day for day in range(MAX_RANGES + more)]
    times = [[datetime.fromtimestamp(at + add, UTC).isoformat() for add in (0, 3_600)] for at in days]
    row = row_of(Timeline([]), changed([], [dict(zip(("startDate", "endDate"), each, strict=True)) for each in times]))
    assert len(row["after"]) == MAX_RANGES
    assert row["leftOut"] == more
    assert ("gained" in row) == (more == 0)


def test_without_seasons_days_are_days_in_utc_and_nothing_is_to_match():
    line = Timeline([])
    row = row_of(line, changed([], [{"startDate": "2027-06-15T00:00:00Z", "endDate": "2027-06-16T23:59:59Z"}]))
    assert row["gained"][0][2:] == ["2027-06-15", "2027-06-16"]
    assert not {"group", "timezones", "mismatch"} & set(row)
    assert line.as_json([row])["groups"] == []


ZONES = ["Europe/Madrid", "Atlantic/Canary", "Europe/Berlin"]


@pytest.mark.parametrize(("zone", "fitting"), [(ZONES[0], ZONES[::2]), (ZONES[1], [ZONES[1]]), (ZONES[2], ZONES[::2])])
def test_of_several_time_zones_a_row_is_told_in_those_whose_season_fits(zone, fitting):
    row = row_of(Timeline([season(*SUMMER, each) for each in ZONES]), changed([], ranges(SUMMER, zone=zone)))
    assert row["timezones"] == fitting
    assert row["gained"][0][2:] == list(SUMMER)
    assert "mismatch" not in row


def test_a_shifted_day_is_told_in_the_time_zone_in_which_the_days_are_whole():
    line = Timeline([season(*SUMMER, zone) for zone in ("America/Mexico_City", "Europe/Madrid")])
    row = row_of(line, changed([], ranges(("2027-06-16", "2027-09-16"))))
    assert row["timezones"] == ["Europe/Madrid"]
    assert row["mismatch"] == "1 day late"


def test_seasons_of_several_time_zones_may_all_be_meant_for_a_service():
    winter = ("2027-12-01", "2027-12-24")
    line = Timeline([season(*SUMMER), season(*winter, "Atlantic/Canary", "Winter")])
    row = row_of(line, changed([], [*ranges(SUMMER), *ranges(winter, zone="Atlantic/Canary")]))
    assert "mismatch" not in row
    groups = line.as_json([row])["groups"]
    assert [each["name"] for each in groups[row["group"]]["seasons"]] == ["Summer", "Winter"]


def test_the_time_line_tells_seasons_and_clock_changes_of_the_time_it_shows():
    line = Timeline([season(*SUMMER)])
    drawn = line.as_json([row_of(line, changed(ranges(SPRING), ranges(SPRING, SUMMER)))])
    assert (drawn["mode"], drawn["target"]) == ("add", "dateRanges")
    assert (drawn["from"], drawn["to"]) == (seconds("2027-02-01"), seconds("2027-10-01"))
    assert drawn["groups"] == [
        {
            "timezone": "Europe/Madrid",
            "seasons": [
                {
                    "name": "Summer",
                    "first_day": "2027-06-15",
                    "last_day": "2027-09-15",
                    "timezone": "Europe/Madrid",
                    "range": [seconds("2027-06-14T22:00"), seconds("2027-09-15T21:59:59")],
                }
            ],
            "clockChanges": [
                {"at": seconds("2027-03-28T01:00"), "before": "2027-03-28T02:00", "after": "2027-03-28T03:00"}
            ],
        }
    ]


def test_a_range_far_from_the_season_is_shown_for_a_year_beside_it():
    far = ranges(("1950-01-01", "2099-12-31"))
    assert shown([changed(far, far, "unchanged")], season(*SUMMER)) == ("2026-06-01", "2028-10-01")


def test_some_days_are_shown_before_and_after_the_season():
    assert shown([changed([], [])], season("2027-06-05", "2027-09-25")) == ("2027-05-01", "2027-11-01")


def test_a_change_far_from_the_season_is_shown_up_to_three_years():
    wrong = ranges(("2025-06-15", "2025-09-15"))
    assert shown([changed([], wrong)], season(*SUMMER)) == ("2025-06-01", "2027-10-01")
    assert shown([changed([], ranges(("2127-06-15", "2127-09-15")))], season(*SUMMER)) == ("2027-06-01", "2030-10-01")


def test_what_is_lost_far_from_the_season_is_shown_like_what_is_gained():
    wrong = ranges(("2025-06-15", "2025-09-15"))
    assert shown([changed(wrong, [])], season(*SUMMER)) == ("2025-06-01", "2027-10-01")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the machine's zone cannot be set")
def test_the_months_shown_are_those_of_utc_whatever_the_zone_of_the_worker(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert shown([changed([], ranges(SUMMER))], season(*SUMMER)) == ("2027-06-01", "2027-10-01")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_without_seasons_the_time_around_the_usual_change_is_shown():
    usual = [changed([], ranges(SUMMER))] * 4
    assert shown([*usual, changed([], ranges(("2127-06-15", "2127-09-15")))]) == ("2027-06-01", "2030-10-01")


def test_no_more_than_thirty_years_are_shown():
    first, last = shown([changed([], [])], season("2000-01-01", "9998-12-30"))
    assert (first, last) == ("1999-12-01", "2030-01-01")


@pytest.mark.parametrize(("start", "end"), [("0001-01-01", "0001-02-01"), ("9999-01-01", "9999-12-31")])
def test_the_ends_of_time_are_no_error(start, end):
    everything = [{"startDate": f"{start}T00:00:00Z", "endDate": f"{end}T23:59:59Z"}]
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        for seasons in ([], [season(*SUMMER, zone)]):
            assert shown([changed([], everything)], *seasons)


def with_days(*calendars):
    """Return calendars that include the days of these pairs and exclude one in August."""
    closed = [["2027-08-15", "2027-08-15"]]
    return [
        {
            "calendarId": str(at),
            "active": True,
            "restrictionDates": {"include": list(map(list, pairs)), "exclude": closed},
        }
        for at, pairs in enumerate(calendars)
    ]


def days_changed(before, after, name="updated"):
    return Outcome(0, None, "a", name, {"calendars": before}, {"calendars": after})


def whole_days(day):
    return [seconds(day[0]), seconds(f"{day[1]}T23:59:59")]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Madrid", "America/Mexico_City", "Pacific/Niue"])
def test_days_of_calendars_are_told_as_they_are_whatever_the_time_zone_of_the_season(zone):
    line = Timeline([season(*SUMMER, zone, target="restrictionDates")])
    row = row_of(line, days_changed(with_days([SPRING]), with_days([SPRING, SUMMER])))
    assert row["gained"] == [[*whole_days(SUMMER), *SUMMER]]
    assert (row["before"], row["lost"]) == ([whole_days(SPRING)], [])
    assert (row["gainedDays"], row["lostDays"]) == (93, 0)
    assert row["closedAfter"] == [[*whole_days(["2027-08-15"] * 2), "2027-08-15", "2027-08-15"]]
    assert not {"mismatch", "calendars", "closedBefore"} & set(row)
    drawn = line.as_json([row])
    assert (drawn["mode"], drawn["target"]) == ("add", "restrictionDates")
    (group,) = drawn["groups"]
    assert group["seasons"][0]["range"] == whole_days(SUMMER)
    assert group["clockChanges"] == []


def test_a_day_that_was_closed_within_what_a_calendar_included_is_told_as_before():
    line = Timeline([season(*SUMMER, mode="remove", target="restrictionDates")])
    row = row_of(line, days_changed(with_days([SPRING, SUMMER]), with_days([SPRING])))
    assert row["closedBefore"] == [whole_days(["2027-08-15"] * 2)]
    assert not {"closedAfter", "mismatch"} & set(row)


def test_seasons_of_several_time_zones_are_the_same_days_of_calendars():
    zones = ("Europe/Madrid", "America/Mexico_City")
    line = Timeline([season(*SUMMER, zone, target="restrictionDates", mode="replace") for zone in zones])
    row = row_of(line, days_changed(with_days([SPRING]), with_days([SUMMER])))
    assert "mismatch" not in row
    assert len(line.as_json([row])["groups"]) == 1


@pytest.mark.parametrize(
    ("wrong", "mismatch"),
    [
        (("2026-06-15", "2026-09-15"), "1 year early"),
        (("2027-06-16", "2027-09-16"), "1 day late"),
        (("2027-06-14", "2027-09-14"), "1 day early"),
        (("2027-06-15", "2027-09-14"), "ends 1 day early"),
    ],
)
@pytest.mark.parametrize("mode", ["add", "replace"])
def test_a_wrong_year_or_a_shifted_day_of_a_calendar_is_told(mode, wrong, mismatch):
    kept = [SPRING] if mode == "add" else []
    line = Timeline([season(*SUMMER, mode=mode, target="restrictionDates")])
    assert row_of(line, days_changed(with_days([SPRING]), with_days([*kept, wrong])))["mismatch"] == mismatch


def test_each_calendar_that_differs_has_a_row_that_names_it():
    line = Timeline([season(*SUMMER, target="restrictionDates")])
    before = with_days([SPRING], [], [SPRING])
    rows = line.rows(days_changed(before, with_days([SPRING, SUMMER], [SUMMER], [SPRING])))
    assert [row["calendars"] for row in rows] == [["0"], ["1"], ["2"]]
    assert [row.get("mismatch") for row in rows] == [None, None, "does not open all of it"]
    same = line.rows(days_changed(before[::2], with_days([SPRING, SUMMER], [SPRING, SUMMER])))
    assert [row.get("calendars") for row in same] == [None]
