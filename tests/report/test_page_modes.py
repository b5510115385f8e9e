"""What the time line of a page says of each mode of a rollout, and of days of calendars."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.pages import HEAD, ROWS, SPRING, SUMMER, in_line, included, opened, page_of, season


@pytest.mark.browser
def test_a_replace_tells_the_days_that_are_lost_as_asked_and_nothing_as_a_mistake(ask):
    year = ("2027-01-01", "2027-12-31")
    outcomes = [
        opened(0, [SUMMER], [SUMMER], "unchanged"),
        opened(1, [SPRING], [SUMMER]),
        opened(2, [year], [SUMMER]),
        opened(3, [], [SUMMER]),
        opened(4, [SPRING], [SUMMER], "failed", message="422"),
    ]
    script = ROWS + HEAD + "return [indexes(), words(), head('.mode'), head('.sums > span'), head('.verdict'),"
    script += "card.querySelectorAll('.odd, .mismatch').length];"
    indexes, words, mode, sums, verdict, odd = ask(page_of(outcomes, seasons=[season(*SUMMER, mode="replace")]), script)
    assert indexes == [4, 2, 1, 0, 3]
    assert words[2] == "gained 93 days: 15 Jun - 15 Sep 2027 lost 92 days: 1 Mar - 31 May 2027"
    assert mode[0].startswith("Replace: the season is open, and everything else is closed.")
    assert sums == ["186 days gained at 2 services", "364 days lost at 2 services, as replace asks"]
    assert verdict == ["What was written matches the season; 1 service was not changed as asked."]
    assert odd == 0


@pytest.mark.browser
def test_a_mistake_in_a_replace_stands_first_and_its_days_are_not_counted_as_asked(ask):
    outcomes = [
        opened(0, [SPRING], [SUMMER], "planned"),
        opened(1, [SPRING], [("2026-06-15", "2026-09-15")], "planned"),
        opened(2, [SPRING], [SPRING, SUMMER], "planned"),
    ]
    script = ROWS + HEAD + "return [indexes(), head('.mismatch'), head('.sums > span'), head('.verdict')];"
    assert ask(page_of(outcomes, seasons=[season(*SUMMER, mode="replace")]), script) == [
        [1, 2, 0],
        ["does not match the season: 1 year early", "does not match the season: keeps days outside it"],
        [
            "279 days to gain at 3 services",
            "92 days to lose at 1 service, as replace asks",
            "92 days to lose at 1 service whose change does not match",
        ],
        ["2 services do not match the season. Shown first."],
    ]


@pytest.mark.browser
def test_a_remove_may_close_the_season_and_nothing_else(ask):
    outcomes = [opened(0, [SPRING, SUMMER], [SPRING]), opened(1, [SPRING, SUMMER], [])]
    script = ROWS + HEAD + "return [indexes(), words(), head('.mode'), head('.sums > span'), head('.verdict')];"
    assert ask(page_of(outcomes, seasons=[season(*SUMMER, mode="remove")]), script) == [
        [1, 0],
        [
            "lost 185 days: 1 Mar - 31 May 2027, 15 Jun - 15 Sep 2027 "
            "does not match the season: closes days outside it",
            "lost 93 days: 15 Jun - 15 Sep 2027",
        ],
        ["Remove: the season is closed, and what is open outside it stays open."],
        ["93 days lost at 1 service, as remove asks", "185 days lost at 1 service whose change does not match"],
        ["1 service does not match the season. Shown first."],
    ]


@pytest.mark.browser
def test_what_was_not_written_is_no_day_gained_or_lost(ask):
    outcomes = [opened(0, [SPRING], [SUMMER], "skipped"), opened(1, [SPRING], [SUMMER], "not_attempted")]
    page = page_of(outcomes, seasons=[season(*SUMMER, mode="replace")])
    assert ask(page, HEAD + "return head('.sums');") == ["No day is gained or lost."]


CALENDARS = [season(*SUMMER, zone, target="restrictionDates") for zone in ("Pacific/Niue", "Pacific/Kiritimati")]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_days_of_calendars_are_drawn_where_they_are_in_no_time_zone(ask, width, zone):
    holiday = ("2027-08-15", "2027-08-15")
    outcome = included(0, ([SPRING], [SPRING, SUMMER]), exclude=[holiday, ("2027-12-25", "2027-12-25")])
    page = page_of([outcome], seasons=[season(*SUMMER, zone, target="restrictionDates")])
    names = ["held", "gained", "season", "closed", "clock-change"]
    script = ROWS + f"return [{json.dumps(names)}.map(boxes), words(), card.innerText];"
    bars, words, text = ask(page, HEAD + script, width)
    spring, summer, closed = (in_line(page, first, f"{last}T23:59:59") for first, last in (SPRING, SUMMER, holiday))
    for found, places in zip(bars, [[spring, spring, summer], [summer], [summer], [closed], []], strict=True):
        assert len(found) == len(places)
        for one, other in zip(found, places, strict=True):
            assert one == pytest.approx(other, abs=0.006)
    assert words == ["gained 93 days: 15 Jun - 15 Sep 2027 closed within: 15 Aug 2027"]
    assert "Summer: 15 Jun \u2013 15 Sep 2027, local days wherever the service lies" in text
    assert "closed within (exclude)" in text
    assert "Clocks change" not in text
    assert zone not in text


@pytest.mark.browser
def test_days_that_are_closed_within_lie_on_the_bar_before_or_after_in_which_they_are(ask):
    holiday = [("2027-08-15", "2027-08-15")]
    outcomes = [
        included(0, ([SPRING], [SPRING, SUMMER]), exclude=holiday),
        included(1, ([SPRING, SUMMER], [SPRING]), exclude=holiday),
        included(2, ([SUMMER], [SUMMER]), exclude=holiday, name="unchanged"),
    ]
    script = """return services().map((row) => [Number(row.dataset.index),
      [...row.querySelectorAll(".closed")].map((bar) => Number(bar.getAttribute("y")))]);"""
    assert sorted(ask(page_of(outcomes, seasons=CALENDARS), ROWS + script)) == [[0, [17]], [1, [3]], [2, [3, 17]]]


@pytest.mark.browser
def test_a_wrong_year_and_a_shifted_day_of_calendars_stand_first(ask):
    outcomes = [
        included(0, ([SPRING], [SPRING, SUMMER])),
        included(1, ([SPRING], [SPRING, ("2027-06-16", "2027-09-16")])),
        included(2, ([], [("2026-06-15", "2026-09-15")])),
    ]
    assert ask(page_of(outcomes, seasons=CALENDARS), ROWS + "return [indexes(), words()];") == [
        [1, 2, 0],
        [
            "gained 93 days: 16 Jun - 16 Sep 2027 does not match the season: 1 day late",
            "gained 93 days: 15 Jun - 15 Sep 2026 named no day before does not match the season: 1 year early",
            "gained 93 days: 15 Jun - 15 Sep 2027",
        ],
    ]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_calendars_that_differ_have_a_line_each_within_their_service(ask, width):
    outcomes = [
        included(0, *[([SPRING], [SPRING, SUMMER])] * 2),
        included(1, *[([SPRING], [SPRING, SUMMER])] * 2, ([SUMMER], [SUMMER]), message="written in batch 1"),
    ]
    script = """return [head(".calendars, .days"), services().map((row) => row.querySelectorAll(".track").length),
      head(".sums > *"), document.documentElement.scrollWidth];"""
    gained = "gained 93 days: 15 Jun - 15 Sep 2027"
    assert ask(page_of(outcomes, seasons=CALENDARS), ROWS + HEAD + script, width) == [
        [
            gained,
            "calendars calendar-0, calendar-1",
            gained,
            "calendar calendar-2",
            "No day gained or lost. written in batch 1",
        ],
        [1, 2],
        ["186 days gained at 2 services", "Calendars that differ count for themselves."],
        width,
    ]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_four_hundred_services_of_which_each_has_several_calendars_fit_the_window(ask, width):
    holidays = [(f"2027-{month:02}-15",) * 2 for month in range(1, 13, 2)]
    sides = [([], [SUMMER]), ([SPRING], [SPRING, SUMMER]), ([SPRING, SUMMER], [SPRING, SUMMER])]
    outcomes = [
        replace(included(index, *sides, exclude=holidays, message="x" * 200), id="y" * 200) for index in range(400)
    ]
    for outcome in outcomes:
        for calendar in outcome.after["calendars"]:
            calendar["calendarId"] *= 5
    script = """for (const row of services()) row.style.contentVisibility = "visible";
      return [services().filter((row) => row.offsetHeight > 0).length, boxes("gained").length,
        services().filter((row) => row.scrollWidth > row.clientWidth).length, document.documentElement.scrollWidth];"""
    assert ask(page_of(outcomes, seasons=CALENDARS), ROWS + script, width) == [400, 800, 0, width]


@pytest.mark.browser
def test_calendars_that_named_no_day_are_told_to_be_in_doubt(ask):
    outcomes = [included(0, ([], [SUMMER])), included(1, ([SPRING], [SPRING, SUMMER])), included(2, ([], []))]
    script = HEAD + "return [head('.verdict.doubt'), head('.days .doubt')];"
    verdict, rows = ask(page_of(outcomes, seasons=CALENDARS), script)
    assert [text.partition(". ")[0] for text in verdict] == ["1 service named no day before"]
    assert rows == ["named no day before"]


@pytest.mark.browser
def test_a_row_does_not_say_its_name_twice_and_only_failures_are_red(ask):
    outcomes = [
        opened(0, [], [SUMMER], "failed", error="OnliveError", message="Drive: 422"),
        opened(1, [], [SUMMER], message="Drive: written in batch 1"),
    ]
    script = """return [...document.querySelectorAll(".why")].map(
      (why) => [why.textContent, getComputedStyle(why).color]);"""
    page = page_of([replace(outcome, name="Drive") for outcome in outcomes], seasons=[season(*SUMMER)])
    (failed, red), (written, other) = ask(page, script)
    assert (failed, written) == ("422", "written in batch 1")
    assert red == "rgb(155, 28, 28)"
    assert other != red
