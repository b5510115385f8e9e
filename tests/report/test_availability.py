"""What outcomes tell of when services, and calendars of them, are open."""

from __future__ import annotations

import pytest

from onlive_provider.report.availability import MAX_RANGES, availability_of
from onlive_provider.report.outcomes import Outcome

SPRING = ["2027-03-01", "2027-05-31"]
SUMMER = ["2027-06-15", "2027-09-15"]
HOLIDAY = ["2027-08-15", "2027-08-15"]


def calendar(include=None, exclude=None, name="a", **more):
    dates = {"include": include, "exclude": exclude}
    return {"calendarId": name, "active": True, "type": "agent", "restrictionDates": dates, **more}


def told(before, after, outcome="updated"):
    return availability_of(
        Outcome(0, None, "a", outcome, {"calendars": before}, {"calendars": after}), "restrictionDates"
    )


def days(spans):
    """Return the first and the last second of spans, as they stand on the line of time."""
    return [[f"{end:%Y-%m-%d %H:%M:%S%z}" for end in (span.start, span.end)] for span in spans]


def whole(*pairs):
    return [[f"{first} 00:00:00+0000", f"{last} 23:59:59+0000"] for first, last in pairs]


def test_included_days_are_whole_days_in_no_time_zone_and_in_order():
    (availability,) = told([calendar([SPRING])], [calendar([SUMMER, SPRING])])
    assert days(availability.before) == whole(SPRING)
    assert days(availability.after) == whole(SPRING, SUMMER)
    assert availability.calendars == []


@pytest.mark.parametrize("dates", [{}, {"restrictionDates": None}, {"restrictionDates": {"include": []}}])
def test_a_calendar_that_names_no_day_includes_none(dates):
    before = {"calendarId": "a", "active": True, **dates}
    (availability,) = told([before], [calendar([SUMMER])])
    assert (availability.before, availability.closed_before) == ([], [])
    assert days(availability.after) == whole(SUMMER)


def test_excluded_days_are_closed_where_they_lie_within_the_included_ones():
    late = ["2027-09-10", "2027-10-10"]
    exclude = [HOLIDAY, late, ["2027-12-25", "2027-12-25"]]
    (availability,) = told([calendar([SPRING], exclude)], [calendar([SPRING, SUMMER], exclude)])
    assert availability.closed_before == []
    assert days(availability.closed_after) == whole(HOLIDAY, ["2027-09-10", "2027-09-15"])


def test_active_calendars_of_the_same_days_are_told_once_and_others_for_themselves():
    other = [SPRING, ["2027-07-01", "2027-07-31"]]
    before = [calendar([SPRING]), calendar(other, name="b"), calendar([SPRING], name="c"), calendar(active=False)]
    after = [calendar([SUMMER]), calendar([SUMMER], name="b"), calendar([SUMMER], name="c"), calendar(active=False)]
    first, second = told(before, after)
    assert (first.calendars, second.calendars) == (["a", "c"], ["b"])
    assert days(second.before) == whole(*other)


def test_calendars_that_only_exclude_other_days_within_are_told_for_themselves():
    both = [calendar([SUMMER]), calendar([SUMMER], [HOLIDAY], name="b")]
    assert [availability.calendars for availability in told(both, both)] == [["a"], ["b"]]


def test_inactive_calendars_take_no_part():
    assert told([calendar(active=False), calendar(active=None)], [calendar(active=False), calendar(active=None)]) == []


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize(
    "unknown",
    [
        None,
        "<hidden>",
        [],
        ["<hidden>"],
        [calendar("soon")],
        [calendar([SUMMER[:1]])],
        [calendar([SUMMER[::-1]])],
        [calendar([[3, 4]])],
        [calendar([None])],
        [calendar(restrictionDates="soon")],
        [calendar([["2027-06-15T00:00", "2027-09-15"]])],
    ],
)
def test_days_that_cannot_be_read_are_not_known(unknown, side):
    known = [calendar([SUMMER])]
    (availability,) = told(unknown, known) if side == "before" else told(known, unknown)
    assert getattr(availability, side) is None


def test_the_target_says_which_field_is_looked_at():
    ranges = [{"startDate": "2027-06-14T22:00:00.000Z", "endDate": "2027-09-15T21:59:59.000Z"}]
    fields = {"calendars": [calendar([SUMMER])], "dateRanges": ranges}
    outcome = Outcome(0, None, "a", "updated", fields, fields)
    starts = [availability_of(outcome, target)[0].after[0].start.hour for target in ("dateRanges", "restrictionDates")]
    assert starts == [22, 0]
    for field, target in (("calendars", "dateRanges"), ("dateRanges", "restrictionDates")):
        only = {field: fields[field]}
        assert availability_of(Outcome(0, None, "a", "updated", only, only), target) == []


def test_of_a_thousand_days_that_are_excluded_only_some_are_looked_at():
    many = [[f"{year}-01-01", f"{year}-01-01"] for year in range(1000, 9000)]
    (availability,) = told([calendar()], [calendar([["1000-01-01", "9000-01-01"]], many)])
    assert len(availability.closed_after) == MAX_RANGES
