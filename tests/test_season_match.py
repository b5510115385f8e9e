"""Which changes are exactly a season, and how the others are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onlive_provider.date_ranges import Span, read_spans
from onlive_provider.season_match import SeasonGroup
from onlive_provider.seasons import Season


def days(*pairs, zone="Europe/Madrid"):
    """Return local days, each from the first to the last, as ranges of UTC."""
    return read_spans([Season("Any", first, last, zone).date_range().to_patch() for first, last in pairs])


def moved(spans, **by):
    return [Span(span.start + timedelta(**by), span.end + timedelta(**by), span.content) for span in spans]


SPRING = ("2027-03-01", "2027-05-31")
JUNE = ("2027-06-01", "2027-06-30")
SUMMER = ("2027-06-15", "2027-09-15")
NEXT_SUMMER = ("2028-06-15", "2028-09-15")
YEAR = ("2027-01-01", "2027-12-31")
YEAR_WITHOUT_SUMMER = [("2027-01-01", "2027-06-14"), ("2027-09-16", "2027-12-31")]


def group(*pairs):
    return SeasonGroup("Europe/Madrid", days(*pairs))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], [SUMMER], id="nothing was open"),
        pytest.param([SPRING], [SPRING, SUMMER], id="the spring stays"),
        pytest.param([JUNE], [("2027-06-01", "2027-09-15")], id="a part was open"),
        pytest.param([("2027-07-01", "2027-07-31")], [SUMMER], id="the middle was open"),
        pytest.param([YEAR], YEAR_WITHOUT_SUMMER, id="closed in an open year"),
        pytest.param([JUNE], [("2027-06-01", "2027-06-14")], id="closed where a part was open"),
        pytest.param([SPRING, YEAR], [SUMMER], id="nothing else is left"),
        pytest.param([SUMMER], [SUMMER], id="it was open"),
    ],
)
def test_a_change_that_opens_or_closes_the_season_and_nothing_else_fits(before, after):
    assert group(SUMMER).fits(days(*before), days(*after))


def test_a_second_more_or_less_makes_no_difference():
    for seconds in (-1, 1):
        assert group(SUMMER).fits([], moved(days(SUMMER), seconds=seconds))
        assert not group(SUMMER).fits([], moved(days(SUMMER), seconds=2 * seconds))


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ([], [("2026-06-15", "2026-09-15")], "1 year early"),
        ([], [("2029-06-15", "2029-09-15")], "2 years late"),
        ([], [("2027-06-16", "2027-09-16")], "1 day late"),
        ([], [("2027-06-15", "2027-09-14")], "ends 1 day early"),
        ([], [("2027-06-13", "2027-09-15")], "begins 2 days early"),
        ([], [("2027-06-14", "2027-09-16")], "begins 1 day early, ends 1 day late"),
        ([SPRING], [SPRING, ("2027-06-15", "2028-09-15")], "ends 1 year late"),
        ([JUNE], [("2027-06-01", "2027-09-14")], "ends 1 day early"),
        ([YEAR], [("2027-01-01", "2027-06-15"), ("2027-09-16", "2027-12-31")], "begins 1 day late"),
        ([JUNE], [("2027-06-01", "2027-06-15")], "begins 1 day late"),
        ([SPRING, JUNE], [SPRING, SUMMER], "closes days outside it"),
        ([YEAR], [YEAR, NEXT_SUMMER], "1 year late"),
        ([SPRING, JUNE], [("2027-07-01", "2027-09-15")], "closes days outside it, does not open all of it"),
        ([YEAR], [("2027-02-01", "2027-06-14"), YEAR_WITHOUT_SUMMER[1]], "closes days outside it"),
        ([SUMMER], [SPRING], "opens days outside it, does not open all of it"),
        ([SPRING], [YEAR_WITHOUT_SUMMER[1]], "opens days outside it, closes days outside it, does not open all of it"),
    ],
)
def test_any_other_change_is_told_by_its_difference(before, after, difference):
    assert not group(SUMMER).fits(days(*before), days(*after))
    assert group(SUMMER).difference(days(*before), days(*after)) == difference


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ([], [SUMMER], "does not open all of it"),
        ([SUMMER, NEXT_SUMMER], [NEXT_SUMMER], "does not close all of it"),
        ([], [SUMMER, ("2028-06-15", "2028-09-16")], "ends 1 day late"),
        ([], [("2027-06-16", "2027-09-16"), ("2028-06-16", "2028-09-16")], "1 day late"),
    ],
)
def test_every_season_of_a_group_is_expected(before, after, difference):
    both = group(SUMMER, NEXT_SUMMER)
    assert both.fits(days(*before), days(SUMMER, NEXT_SUMMER))
    assert not both.fits(days(*before), days(*after))
    assert both.difference(days(*before), days(*after)) == difference


@pytest.mark.parametrize(
    ("by", "difference"),
    [
        ({"hours": 1}, "1 hour late"),
        ({"hours": -2}, "2 hours early"),
        ({"minutes": 90}, "1 hour 30 minutes late"),
        ({"hours": -24}, "1 day early"),
    ],
)
def test_less_than_a_day_is_told_in_hours_though_the_date_is_another(by, difference):
    assert group(SUMMER).difference([], moved(days(SUMMER), **by)) == difference


def test_a_range_to_the_end_of_time_is_told():
    (forever,) = read_spans([{"startDate": "2027-06-14T22:00:00.000Z", "endDate": "9999-12-31T23:59:59.000Z"}])
    assert group(SUMMER).difference([], [forever]).startswith("ends 2,9")


def test_the_distance_counts_what_is_changed_beside_the_season_and_what_of_it_is_missing():
    hour = timedelta(hours=1).total_seconds()
    assert group(SUMMER).distance([], days(SUMMER)) == 0
    assert group(SUMMER).distance([], moved(days(SUMMER), hours=1)) == pytest.approx(2 * hour, abs=2)
    assert group(SUMMER).distance(days(SUMMER), days(SUMMER)) == 0
    assert group(SUMMER).distance(days(SPRING), days(SPRING)) > 24 * hour
