"""Seasons in the local days that calendars include."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.seasons.restriction_days import change_calendars, days_gained_and_lost, included_days

SUMMER = (date(2027, 6, 15), date(2027, 9, 15))
FIRST = date(2027, 1, 1)


def calendar(include: Any = None, **fields: Any) -> dict[str, Any]:
    dates = {} if include is None else {"restrictionDates": {"include": include}}
    return {"calendarId": "a", "active": True, "type": "agent", **dates, **fields}


def included(calendars: list[Any]) -> list[Any]:
    return [each.get("restrictionDates", {}).get("include") for each in calendars]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (None, [["2027-06-15", "2027-09-15"]]),
        ([["2027-01-01", "2027-01-31"]], [["2027-01-01", "2027-01-31"], ["2027-06-15", "2027-09-15"]]),
        ([["2027-06-01", "2027-06-14"]], [["2027-06-01", "2027-09-15"]]),
        ([["2027-06-01", "2027-06-13"]], [["2027-06-01", "2027-06-13"], ["2027-06-15", "2027-09-15"]]),
        ([["2027-09-16", "2027-09-30"], ["2027-07-01", "2027-07-02"]], [["2027-06-15", "2027-09-30"]]),
    ],
)
def test_added_days_are_joined_with_neighbours(held: Any, expected: Any) -> None:
    assert included(change_calendars([calendar(held)], [SUMMER], "add")) == [expected]


@pytest.mark.parametrize("mode", ["add", "remove", "replace"])
def test_a_pair_that_stays_keeps_its_spelling(mode: Any) -> None:
    winter = [" 2027-12-01", "2027-12-31 "]
    held = [["2027-06-15", "2027-07-15"], winter]
    days = [SUMMER, (date(2027, 12, 1), date(2027, 12, 31))] if mode == "replace" else [SUMMER]
    assert included(change_calendars([calendar(held)], days, mode))[0][-1] == winter


def test_days_that_are_there_already_leave_the_calendar_as_it_is() -> None:
    held = [calendar([["2027-08-01", "2027-12-31"], ["2027-01-01", "2027-07-31"]], note=1)]
    assert change_calendars(held, [SUMMER], "add") == held


def test_removed_days_cut_pairs_and_leave_others_as_they_are() -> None:
    held = calendar([["2027-01-01", "2027-12-31"], ["2028-01-01", "2028-01-02"]])
    assert included(change_calendars([held], [SUMMER], "remove")) == [
        [["2027-01-01", "2027-06-14"], ["2027-09-16", "2027-12-31"], ["2028-01-01", "2028-01-02"]]
    ]


def test_replaced_days_are_the_only_ones() -> None:
    held = calendar([["2027-01-01", "2027-12-31"]])
    assert included(change_calendars([held], [SUMMER], "replace")) == [[["2027-06-15", "2027-09-15"]]]


def test_only_active_calendars_change_and_only_what_they_include() -> None:
    closed = {"exclude": [["2027-08-15", "2027-08-15"]], "kept": 1}
    held = [calendar(active=False), calendar(restrictionDates=closed, note={"x": None})]
    changed = change_calendars(held, [SUMMER], "add")
    assert changed[0] is held[0]
    assert changed[1] == {**held[1], "restrictionDates": {**closed, "include": [["2027-06-15", "2027-09-15"]]}}


@pytest.mark.parametrize(
    ("calendars", "mode", "message"),
    [
        (None, "add", "calendars: hold no active calendar"),
        ([], "replace", "calendars: hold no active calendar"),
        ([calendar(active=False)], "remove", "calendars: hold no active calendar"),
        ([calendar([["2027-07-01", "2027-07-31"]])], "remove", "include: would be left empty, and the API reference"),
        ([calendar([["2027-07-01"]])], "add", r"calendars\[0\].restrictionDates.include\[0\]: got list"),
        ([calendar([["2027-07-02", "2027-07-01"]])], "add", r"include\[0\]: got list .*not before the first"),
        ([calendar([["2027-07-01", "x"]])], "add", r"include\[0\]: got str 'x'"),
        ([calendar("2027")], "add", "include: got str"),
        ([calendar(restrictionDates="x")], "add", "include: got str"),
    ],
)
def test_what_cannot_carry_the_season_is_refused(calendars: Any, mode: Any, message: str) -> None:
    with pytest.raises(OnlivePayloadError, match=message):
        change_calendars(calendars, [SUMMER], mode)


def test_days_are_counted_once_however_many_calendars_include_them() -> None:
    before = [calendar([["2027-06-01", "2027-06-30"]]), calendar([["2027-06-10", "2027-06-20"]])]
    after = change_calendars(before, [SUMMER], "replace")
    assert days_gained_and_lost(before, after) == (77, 14)
    assert included_days(before) == [(date(2027, 6, 1), date(2027, 6, 30))]


PAIRS = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda each: (each[0], each[0] + each[1]))


def spelled(pair: tuple[int, int]) -> list[str]:
    return [(FIRST + timedelta(day)).isoformat() for day in pair]


def days(include: Any) -> set[int]:
    return {
        day - FIRST.toordinal()
        for first, last in include
        for day in range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1)
    }


@settings(max_examples=400, deadline=None)
@given(
    st.lists(PAIRS, max_size=5), st.lists(PAIRS, min_size=1, max_size=3), st.sampled_from(["add", "remove", "replace"])
)
def test_the_days_are_those_of_a_set_of_days(held: Any, changed: Any, mode: Any) -> None:
    before = [spelled(pair) for pair in held]
    seasons = [tuple(map(date.fromisoformat, spelled(pair))) for pair in changed]
    old, new = days(before), days([spelled(pair) for pair in changed])
    expected = {"add": old | new, "remove": old - new, "replace": new}[mode]
    if held and not expected:
        with pytest.raises(OnlivePayloadError, match="left empty"):
            change_calendars([calendar(before)], seasons, mode)
        return
    after = change_calendars([calendar(before)], seasons, mode)
    assert days(included(after)[0]) == expected
    assert days_gained_and_lost([calendar(before)], after) == (len(expected - old), len(old - expected))
    assert change_calendars(after, seasons, mode) == after
