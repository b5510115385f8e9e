"""Which changes are exactly a season, and how the others are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onlive_provider.seasons import Season
from onlive_provider.seasons.date_ranges import Span, read_spans
from onlive_provider.seasons.match import SeasonGroup


def days(*pairs, zone="Europe/Madrid"):
    """Return local days, each from the first to the last, as ranges of UTC."""
    return read_spans(
        [Season("Any", first, last, zone).date_range().model_dump(exclude_unset=True) for first, last in pairs]
    )


def moved(spans, **by):
    return [Span(span.start + timedelta(**by), span.end + timedelta(**by), span.content) for span in spans]


SPRING = ("2027-03-01", "2027-05-31")
JUNE = ("2027-06-01", "2027-06-30")
SUMMER = ("2027-06-15", "2027-09-15")
NEXT_SUMMER = ("2028-06-15", "2028-09-15")
YEAR = ("2027-01-01", "2027-12-31")
MODES = ["add", "remove", "replace"]
YEAR_WITHOUT_SUMMER = [("2027-01-01", "2027-06-14"), ("2027-09-16", "2027-12-31")]


def group(*pairs, mode="add"):
    return SeasonGroup("Europe/Madrid", days(*pairs), mode)


@pytest.mark.parametrize(
    ("before", "after", "modes"),
    [
        pytest.param([], [SUMMER], ["add", "replace"], id="nothing was open"),
        pytest.param([SPRING], [SPRING, SUMMER], ["add"], id="the spring stays"),
        pytest.param([JUNE], [("2027-06-01", "2027-09-15")], ["add"], id="a part was open"),
        pytest.param([("2027-07-01", "2027-07-31")], [SUMMER], ["add", "replace"], id="the middle was open"),
        pytest.param([YEAR], YEAR_WITHOUT_SUMMER, ["remove"], id="closed in an open year"),
        pytest.param([JUNE], [("2027-06-01", "2027-06-14")], ["remove"], id="closed where a part was open"),
        pytest.param([SPRING, YEAR], [SUMMER], ["replace"], id="nothing else is left"),
        pytest.param([SUMMER], [SUMMER], ["add", "replace"], id="it was open"),
        pytest.param([SPRING], [SPRING], ["remove"], id="it was closed"),
        pytest.param([SUMMER], [], ["remove"], id="nothing is left"),
        pytest.param([SPRING, SUMMER], [SPRING, ("2027-06-15", "2027-09-14")], [], id="a part is closed"),
    ],
)
def test_a_change_fits_that_does_with_the_season_what_its_mode_says_and_nothing_else(before, after, modes):
    fitting = [mode for mode in MODES if group(SUMMER, mode=mode).fits(days(*before), days(*after))]
    assert fitting == modes


def test_a_second_more_or_less_makes_no_difference():
    for seconds in (-1, 1):
        assert group(SUMMER).fits([], moved(days(SUMMER), seconds=seconds))
        assert not group(SUMMER).fits([], moved(days(SUMMER), seconds=2 * seconds))


@pytest.mark.parametrize(
    ("mode", "before", "after", "difference"),
    [
        ("add", [], [("2026-06-15", "2026-09-15")], "1 year early"),
        ("add", [], [("2029-06-15", "2029-09-15")], "2 years late"),
        ("add", [], [("2027-06-16", "2027-09-16")], "1 day late"),
        ("add", [], [("2027-06-15", "2027-09-14")], "ends 1 day early"),
        ("add", [], [("2027-06-13", "2027-09-15")], "begins 2 days early"),
        ("add", [], [("2027-06-14", "2027-09-16")], "begins 1 day early, ends 1 day late"),
        ("add", [SPRING], [SPRING, ("2027-06-15", "2028-09-15")], "ends 1 year late"),
        ("add", [JUNE], [("2027-06-01", "2027-09-14")], "ends 1 day early"),
        ("add", [YEAR], [YEAR, NEXT_SUMMER], "1 year late"),
        ("add", [SPRING, JUNE], [SPRING, SUMMER], "closes days outside it"),
        ("add", [SPRING], [SUMMER], "closes days outside it"),
        ("add", [SPRING, JUNE], [("2027-07-01", "2027-09-15")], "closes days outside it, does not open all of it"),
        ("add", [SUMMER], [SPRING], "opens days outside it, does not open all of it"),
        ("add", [SPRING, SUMMER], [SPRING], "does not open all of it"),
        ("add", [SPRING], [SPRING], "does not open all of it"),
        (
            *("add", [SPRING], [YEAR_WITHOUT_SUMMER[1]]),
            "opens days outside it, closes days outside it, does not open all of it",
        ),
        ("remove", [YEAR], [("2027-01-01", "2027-06-15"), ("2027-09-16", "2027-12-31")], "begins 1 day late"),
        ("remove", [JUNE], [("2027-06-01", "2027-06-15")], "begins 1 day late"),
        ("remove", [YEAR, NEXT_SUMMER], [YEAR], "closes days outside it, does not close all of it"),
        ("remove", [YEAR], [("2027-02-01", "2027-06-14"), YEAR_WITHOUT_SUMMER[1]], "closes days outside it"),
        ("remove", [YEAR], [SUMMER], "closes days outside it, does not close all of it"),
        ("remove", [SUMMER], [SUMMER], "does not close all of it"),
        ("remove", [SPRING], [SPRING, SUMMER], "opens days of it, does not close all of it"),
        ("replace", [SPRING], [("2026-06-15", "2026-09-15")], "1 year early"),
        ("replace", [YEAR], [("2027-06-16", "2027-09-16")], "1 day late"),
        ("replace", [SPRING], [SPRING, SUMMER], "keeps days outside it"),
        ("replace", [SPRING], [SUMMER, NEXT_SUMMER], "opens days outside it"),
        (
            *("replace", [SPRING, SUMMER], [SPRING, JUNE]),
            "opens days outside it, keeps days outside it, does not open all of it",
        ),
    ],
)
def test_any_other_change_is_told_by_its_difference(mode, before, after, difference):
    assert not group(SUMMER, mode=mode).fits(days(*before), days(*after))
    assert group(SUMMER, mode=mode).difference(days(*before), days(*after)) == difference


@pytest.mark.parametrize(
    ("mode", "before", "after", "difference"),
    [
        ("add", [], [SUMMER], "does not open all of it"),
        ("remove", [SUMMER, NEXT_SUMMER], [NEXT_SUMMER], "does not close all of it"),
        ("replace", [SPRING], [SUMMER], "does not open all of it"),
        ("add", [], [SUMMER, ("2028-06-15", "2028-09-16")], "ends 1 day late"),
        ("add", [], [("2027-06-16", "2027-09-16"), ("2028-06-16", "2028-09-16")], "1 day late"),
    ],
)
def test_every_season_of_a_group_is_expected(mode, before, after, difference):
    both = group(SUMMER, NEXT_SUMMER, mode=mode)
    assert both.fits(days(*before), days() if mode == "remove" else days(SUMMER, NEXT_SUMMER))
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


@pytest.mark.parametrize(
    ("start", "end", "difference"), [(1, 86_400, "ends 1 day late"), (-86_400, -1, "begins 1 day early")]
)
def test_an_end_that_is_a_second_off_is_not_told_beside_one_that_is_a_day_off(start, end, difference):
    (summer,) = days(SUMMER)
    other = Span(summer.start + timedelta(seconds=start), summer.end + timedelta(seconds=end), summer.content)
    assert group(SUMMER).difference([], [other]) == difference
