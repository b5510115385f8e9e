"""The time line of a report's page, as a real browser draws it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from onlive_provider.report.outcomes import Outcome
from tests.loopback import LoopbackServer
from tests.pages import HARMFUL, ROWS, SPRING, STEPS, SUMMER, in_line, opened, outcomes_of, page_of, season

ROLLOUT = [
    opened(0, [SPRING], [SPRING, SUMMER]),
    opened(1, [SPRING], [SPRING, SUMMER], "planned"),
    opened(2, [SUMMER], [SUMMER], "unchanged"),
    opened(3, [], [SUMMER], "failed", error="OnliveValidationError", message="422 no such range"),
    opened(4, [], [SUMMER], "skipped", message="written in batch 1 and put back"),
    opened(5, [], [("2026-06-15", "2026-09-15")]),
    opened(6, [], [("2027-06-16", "2027-09-16")]),
    opened(7, [SPRING], [SUMMER]),
]


@pytest.mark.browser
def test_every_service_has_a_row_that_says_what_is_gained_and_lost(ask):
    page = page_of(ROLLOUT, seasons=[season(*SUMMER)])
    rows = ask(page, ROWS + "return services().map((row, at) => [Number(row.dataset.index), words()[at]]);")
    assert rows == [
        [5, "gained 93 days: 15 Jun - 15 Sep 2026 does not match the season: 1 year early"],
        [6, "gained 93 days: 16 Jun - 16 Sep 2027 does not match the season: 1 day late"],
        [
            7,
            "gained 93 days: 15 Jun - 15 Sep 2027 lost 92 days: 1 Mar - 31 May 2027 "
            "does not match the season: closes days outside it",
        ],
        [3, "was to gain 93 days: 15 Jun - 15 Sep 2027 422 no such range"],
        [0, "gained 93 days: 15 Jun - 15 Sep 2027"],
        [1, "gains 93 days: 15 Jun - 15 Sep 2027"],
        [2, "No day gained or lost."],
        [4, "was to gain 93 days: 15 Jun - 15 Sep 2027 written in batch 1 and put back"],
    ]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_bars_season_and_clock_changes_lie_where_their_days_are(ask, width):
    page = page_of([opened(0, [SPRING], [SPRING, SUMMER])], seasons=[season(*SUMMER)])
    names = ["held", "gained", "season", "clock-change"]
    bars = ask(page, ROWS + f"return {json.dumps(names)}.map(boxes);", width)
    spring = in_line(page, "2027-02-28T23:00:00", "2027-05-31T21:59:59")
    summer = in_line(page, "2027-06-14T22:00:00", "2027-09-15T21:59:59")
    clock = in_line(page, "2027-03-28T01:00:00")[0]
    expected = [[spring, spring, summer], [summer], [summer], [[clock, clock]]]
    for found, places in zip(bars, expected, strict=True):
        for one, other in zip(found, places, strict=True):
            assert one == pytest.approx(other, abs=0.006)


@pytest.mark.browser
def test_before_lies_above_after_and_what_is_lost_on_what_is_gained_below(ask):
    script = """return ["held", "lost", "gained"].map((name) =>
      [...document.querySelectorAll(`.service .${name}`)].map((bar) => Number(bar.getAttribute("y"))));"""
    held, lost, gained = ask(page_of([opened(0, [SPRING], [SUMMER])]), script)
    assert (held, lost, gained) == ([5, 19], [4], [18])


@pytest.mark.browser
def test_months_and_years_are_labelled_where_they_begin(ask):
    page = page_of([opened(0, [("2026-11-01", "2026-11-30")], [SUMMER])])
    script = """return [...document.querySelectorAll(".axis > *")].map(
      (label) => [label.textContent, parseFloat(label.style.left) / 100]);"""
    labels = ask(page, script)
    assert [text for text, _ in labels[:6]] == ["Oct", "2026", "Nov", "Dec", "Jan", "2027"]
    january = in_line(page, "2027-01-01T00:00:00")[0]
    assert [place for _, place in labels[4:6]] == pytest.approx([january] * 2)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("months", [4, 14, 30, 70, 200, 340])
def test_no_label_of_the_axis_covers_another(ask, width, months):
    end = f"{2027 + months // 12}-{months % 12 + 1:02}-01"
    script = """const seen = [...document.querySelectorAll(".axis > *")].filter((label) => label.offsetWidth > 0)
      .map((label) => label.getBoundingClientRect());
    const right = document.querySelector(".axis").getBoundingClientRect().right + 12;
    const clash = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
      && one.top < other.bottom && other.top < one.bottom;
    return [seen.length, seen.filter((one, at) => seen.slice(at + 1).some((other) => clash(one, other))).length,
      seen.filter((one) => one.right > right).length];"""
    page = page_of([opened(0, [], [SUMMER])], seasons=[season("2027-01-20", end)])
    count, covered, outside = ask(page, script, width)
    assert count > 1
    assert (covered, outside) == (0, 0)


@pytest.mark.browser
def test_what_was_not_written_is_drawn_as_an_outline_and_unchanged_services_are_faint(ask):
    script = """return services().map((row) => {
      const bar = row.querySelector(".gained");
      const dashed = bar && getComputedStyle(bar).strokeDasharray !== "none";
      return [Number(row.dataset.index), dashed, getComputedStyle(row.querySelector(".track")).opacity];
    });"""
    drawn = {index: rest for index, *rest in ask(page_of(ROLLOUT, seasons=[season(*SUMMER)]), ROWS + script)}
    assert {index: dashed for index, (dashed, _) in drawn.items()} == {
        **dict.fromkeys([0, 1, 5, 6, 7], False),
        **dict.fromkeys([3, 4], True),
        2: None,
    }
    assert [index for index, (_, opacity) in drawn.items() if opacity != "1"] == [2]


@pytest.mark.browser
def test_a_service_that_does_not_match_is_not_faint_though_nothing_changed_in_it(ask):
    script = "return services().map((row) => getComputedStyle(row.querySelector('.track')).opacity);"
    closed = opened(0, [SPRING], [SPRING], "unchanged")
    assert ask(page_of([closed], seasons=[season(*SUMMER)]), ROWS + script) == ["1"]


@pytest.mark.browser
def test_days_lost_are_striped_and_days_gained_are_plain(ask):
    script = """return ["lost", "gained"].map(
      (name) => getComputedStyle(document.querySelector(`.service .${name}`)).fill);"""
    lost, gained = ask(page_of([opened(0, [SPRING], [SUMMER])]), script)
    assert lost.startswith("url(")
    assert gained.startswith("rgb(")


@pytest.mark.browser
def test_the_head_of_the_time_line_tells_seasons_clock_changes_and_mismatches(ask):
    seasons = [season(*SUMMER), season(*SUMMER, "Atlantic/Canary"), season(*SUMMER, "America/Mexico_City")]
    script = "return document.querySelector('.timeline').parentElement.textContent.replaceAll('\u2013', '-');"
    text = ask(page_of(ROLLOUT, seasons=seasons), script)
    assert "Summer: 15 Jun - 15 Sep 2027 in Europe/Madrid, Atlantic/Canary, America/Mexico_City" in text
    assert "Clocks change in Europe/Madrid, Atlantic/Canary: 25 Oct 2026, 28 Mar 2027" in text
    assert "Clocks change in America/Mexico_City: never" in text
    assert "3 services do not match the season. Shown first." in text
    assert "Madrid time" in text


@pytest.mark.browser
@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (ROLLOUT[:3], "Every change matches the season."),
        (ROLLOUT[:5], "What was written matches the season; 2 services were not changed as asked."),
        (ROLLOUT[3:5], "No change stands; 2 services were not changed as asked."),
        (
            [ROLLOUT[0], Outcome(1, None, "a", "updated", {}, ROLLOUT[0].after)],
            "Every change that is known matches the season.",
        ),
    ],
)
def test_the_time_line_says_when_every_change_matches(ask, outcomes, verdict):
    script = "return document.querySelector('.timeline').parentElement.querySelector('.verdict').innerText;"
    assert ask(page_of(outcomes, seasons=[season(*SUMMER)]), script) == verdict


@pytest.mark.browser
def test_without_seasons_the_time_line_has_no_band_and_days_are_those_of_utc(ask):
    script = (
        ROWS
        + """return [words(), document.querySelectorAll(".season, .mismatch, .clock-change").length,
      /Days are days in UTC\\.(?!.*match)/.test(document.querySelector(".timeline").parentElement.textContent)];"""
    )
    outcome = Outcome(
        0,
        None,
        "a",
        "updated",
        {"dateRanges": []},
        {"dateRanges": [{"startDate": "2027-06-15T00:00:00.000Z", "endDate": "2027-06-15T23:59:59.000Z"}]},
    )
    assert ask(page_of([outcome]), script) == [["gained 1 day: 15 Jun 2027"], 0, True]


@pytest.mark.browser
def test_without_date_ranges_there_is_no_time_line(ask):
    script = "return [document.querySelectorAll('.timeline').length, document.body.innerText.includes('Time line')];"
    assert ask(page_of(outcomes_of("updated", "failed"), seasons=[season(*SUMMER)]), script) == [0, False]


@pytest.mark.browser
def test_the_time_line_says_what_is_not_known_and_what_stands_only_in_the_table(ask):
    many = [
        {"startDate": f"2027-01-01T00:{at // 60:02}:{at % 60:02}Z", "endDate": "2027-02-01T00:00:00Z"}
        for at in range(130)
    ]
    outcomes = [
        Outcome(0, None, "a", "updated", {}, ROLLOUT[0].after),
        Outcome(1, None, "b", "updated", ROLLOUT[0].before, {"dateRanges": None}),
        Outcome(2, None, "c", "updated", {"dateRanges": []}, {"dateRanges": many}),
        *(Outcome(index, None, "d", "failed", message="404") for index in (3, 4)),
    ]
    script = ROWS + "return [words(), document.querySelector('.timeline').parentElement.innerText];"
    words, text = ask(page_of(outcomes), script)
    assert words == [
        "What it held before is not known.",
        "What it was to hold is not known.",
        "Too many ranges to compare: 10 are not drawn.",
    ]
    assert "2 records without date ranges in the report: only in the table." in text


@pytest.mark.browser
def test_a_range_that_goes_on_beyond_the_line_says_so_with_an_arrow(ask):
    forever = [("2001-01-01", "2099-12-31")]
    script = "return [...document.querySelectorAll('.service .beyond')].map((arrow) => arrow.textContent);"
    assert ask(page_of([opened(0, forever, forever, "unchanged")], seasons=[season(*SUMMER)]), script) == ["◄", "►"] * 2


@pytest.mark.browser
def test_many_ranges_are_told_in_part(ask):
    years = [(f"{year}-06-15", f"{year}-06-16") for year in range(2025, 2031)]
    seasons = [season(*pair) for pair in years]
    (text,) = ask(page_of([opened(0, [], years)], seasons=seasons), ROWS + "return words();")
    days = [f"15 Jun - 16 Jun {year}" for year in range(2025, 2029)]
    assert text == f"gained 12 days: {', '.join(days)} and 2 more"


@pytest.mark.browser
def test_a_service_is_called_by_its_name_where_the_report_has_one(ask):
    named = Outcome(0, None, "a", "updated", ROLLOUT[0].before, ROLLOUT[0].after, name=HARMFUL)
    nameless = Outcome(1, None, None, "updated", ROLLOUT[0].before, ROLLOUT[0].after)
    script = "return [...document.querySelectorAll('.service .name')].map((name) => name.textContent);"
    assert ask(page_of([named, nameless, ROLLOUT[2]]), script) == [HARMFUL, "(no id)", "id-2"]


@pytest.mark.browser
def test_text_and_boxes_filter_the_time_line_and_the_table(ask):
    steps = """const both = () => [indexes(), rows(),
      document.querySelector(".timeline").previousElementSibling.textContent];
    const seen = [both()];
    type("does not match"); seen.push(both());
    type("id-2"); seen.push(both());
    click("unchanged"); seen.push(both());
    type(""); click("updated"); seen.push(both());
    return seen;"""
    assert ask(page_of(ROLLOUT, seasons=[season(*SUMMER)]), STEPS + ROWS + steps) == [
        [[5, 6, 7, 3, 0, 1, 2, 4], [3, 0, 1, 2, 4, 5, 6, 7], "8 of 8 services shown"],
        [[5, 6, 7], [5, 6, 7], "3 of 8 services shown"],
        [[2], [2], "1 of 8 services shown"],
        [[], [], "0 of 8 services shown"],
        [[3, 1, 4], [3, 1, 4], "3 of 8 services shown"],
    ]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_four_hundred_services_are_all_drawn_and_fit_the_window(ask, width):
    zones = ("Europe/Madrid", "Atlantic/Canary", "Europe/Athens", "America/Mexico_City", "Australia/Lord_Howe")
    outcomes = [
        replace(opened(index, [SPRING], [SPRING, SUMMER], zone=zones[index % 5], message="x" * 300), id="y" * 300)
        for index in range(400)
    ]
    script = (
        ROWS
        + """for (const row of services()) row.style.contentVisibility = "visible";
      const drawn = services().filter((row) => row.offsetHeight > 0).length;
      const clipped = services().filter((row) => row.scrollWidth > row.clientWidth).length;
      return [drawn, boxes("gained").length, clipped, innerWidth, document.documentElement.scrollWidth];"""
    )
    page = page_of(outcomes, seasons=[season(*SUMMER, zone) for zone in zones])
    assert ask(page, script, width) == [400, 400, 0, width, width]


@pytest.mark.browser
def test_the_time_line_is_drawn_under_the_policy_and_no_request_leaves_it(look):
    with LoopbackServer() as server:
        address = f"{server.url}/seen"
        harm = f'"><img src="{address}"><script src="{address}"></script>'
        outcome = Outcome(
            0,
            None,
            harm,
            "failed",
            ROLLOUT[0].before,
            ROLLOUT[5].after,
            name=harm,
            error=harm,
            message=f"url({address})",
        )
        html, complaints = look(page_of([outcome], seasons=[{**season(*SUMMER), "name": harm}]))
        assert complaints == []
        assert server.requests == []
        assert html.count('class="service failed') == 1
        assert re.search(r'class="month [^"]*" style="left: [\d.]+%', html)
