"""The page of a report: what is in it, and what a real browser draws of it."""

from __future__ import annotations

import re
import tracemalloc
from importlib.resources import files

import pytest

from onlive_provider.report.outcomes import OUTCOME_NAMES, Outcome
from onlive_provider.report.page import SECTIONS
from onlive_provider.report.page_rows import MAX_FAILURES, MAX_OTHERS, MAX_VALUE
from tests.loopback import LoopbackServer
from tests.pages import HARMFUL, STEPS, SUMMER, data_of, opened, outcomes_of, page_of, season

MIXED = [
    Outcome(
        0, 2, "id-0", "updated", {"title": None, "state": "a"}, {"title": HARMFUL, "state": "b", "agentComment": "c"}
    ),
    Outcome(1, 3, "id-1", "unchanged"),
    Outcome(
        2,
        4,
        "id-2",
        "failed",
        error="OnliveConflictError",
        message="409 Scheduling conflict",
        field_errors=[{"field": "time", "message": "is taken"}],
        attempts=3,
        retryable=True,
    ),
    Outcome(3, 5, None, "skipped", message="no such record"),
]


def test_the_page_holds_the_counts_of_all_outcomes():
    counts = data_of(page_of(outcomes_of(*OUTCOME_NAMES, "failed")))["counts"]
    assert counts == {"total": 7, **dict.fromkeys(OUTCOME_NAMES, 1), "failed": 2}


def test_failures_come_first_and_each_kind_in_the_order_of_the_input():
    data = data_of(page_of(outcomes_of("unchanged", "failed", "updated", "failed", "skipped")))
    assert [outcome["index"] for outcome in data["outcomes"]] == [1, 3, 0, 2, 4]
    assert data["leftOut"] == {}


def test_the_table_of_a_long_run_keeps_failures_then_what_was_written_then_what_was_not():
    def run():
        yield from ["unchanged"] * (MAX_OTHERS + 500)
        yield from ["failed"] * (MAX_FAILURES + 3)
        yield from ["updated"] * 100

    data = data_of(page_of(outcomes_of(*run())))
    kept = [outcome["outcome"] for outcome in data["outcomes"]]
    assert {name: kept.count(name) for name in set(kept)} == {
        "failed": MAX_FAILURES,
        "updated": 100,
        "unchanged": MAX_OTHERS - 100,
    }
    assert data["leftOut"] == {"failed": 3, "unchanged": 600}
    assert data["counts"]["total"] == len(kept) + 603


def test_more_written_records_than_fit_are_left_out_and_counted():
    data = data_of(page_of(outcomes_of(*["updated"] * (MAX_OTHERS + 2), *["unchanged"] * 3)))
    assert [outcome["index"] for outcome in data["outcomes"]] == list(range(MAX_OTHERS))
    assert data["leftOut"] == {"updated": 2, "unchanged": 3}


@pytest.mark.parametrize(("count", "length"), [(1, 1), (400, 1), (401, 2), (5_000, 16)])
def test_the_strip_counts_every_outcome_in_its_stretch_of_the_input(count, length):
    names = ["failed" if index % 7 == 0 else "unchanged" for index in range(count)]
    strip = data_of(page_of(outcomes_of(*names)))["strip"]
    assert (strip["length"], strip["last"]) == (length, count - 1)
    expected = [names[start : start + length] for start in range(0, count, length)]
    assert strip["stretches"] == [[stretch.count(name) for name in strip["names"]] for stretch in expected]


def test_the_strip_keeps_its_places_when_outcomes_are_missing():
    strip = data_of(page_of([Outcome(0, None, "a", "failed"), Outcome(801, None, "a", "updated")]))["strip"]
    assert strip["length"] == 4
    assert [(at, sum(stretch)) for at, stretch in enumerate(strip["stretches"]) if any(stretch)] == [(0, 1), (200, 1)]


def test_the_memory_does_not_grow_with_the_length_of_a_run():
    def peak_of(count):
        run = (Outcome(index, None, "a", "unchanged") for index in range(count))
        tracemalloc.start()
        try:
            page_of(run)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_of(10)
    few, many = peak_of(MAX_OTHERS), peak_of(5 * MAX_OTHERS)
    assert many < few + 50_000


@pytest.mark.parametrize("value", ["x" * 5_000, ["x" * 5_000], {"x": "x" * 5_000}])
def test_a_long_value_is_cut_and_says_how_long_it_is(value):
    (shown,) = data_of(page_of([Outcome(0, None, "a", "updated", after={"title": value}, message="y" * 5_000)]))[
        "outcomes"
    ]
    assert len(shown["after"]["title"]) < MAX_VALUE + 30
    assert shown["after"]["title"].endswith(" characters)")
    assert len(shown["message"]) < MAX_VALUE + 30


def test_a_number_that_a_browser_cannot_read_is_shown_as_text():
    page = page_of([Outcome(0, None, "a", "updated", after={"duration": float("nan")})])
    assert data_of(page)["outcomes"][0]["after"] == {"duration": "nan"}


def test_no_text_can_leave_the_data_or_the_title():
    page = page_of([Outcome(0, None, HARMFUL, "failed", message=HARMFUL)], HARMFUL, {HARMFUL: HARMFUL})
    assert page.count("</script>") == 2
    assert "<!--" not in page
    assert "<img" not in page
    assert data_of(page)["outcomes"][0]["message"] == HARMFUL


def test_text_that_utf8_cannot_hold_stands_in_the_page_as_its_escape():
    page = page_of([Outcome(0, None, "\ud800", "failed")], title="\ud800")
    assert data_of(page)["outcomes"][0]["id"] == "\ud800"


def test_the_page_names_no_other_address_and_never_reads_text_as_markup():
    page = page_of([])
    assert re.findall(r"(?:https?:)?//[a-z0-9][^\"' ]*", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\bfetch\b", page)


def test_outcomes_with_date_ranges_stand_in_the_time_line():
    data = data_of(page_of([opened(0, [], [SUMMER]), *outcomes_of("updated")], seasons=[season(*SUMMER)]))
    assert [outcome["index"] for outcome in data["outcomes"] if "timeline" in outcome] == [0]
    assert data["outcomes"][0]["timeline"][0]["gainedDays"] == 93
    assert data["timeline"]["groups"][0]["seasons"][0]["name"] == "Summer"


def test_a_report_without_date_ranges_has_no_time_line():
    data = data_of(page_of(outcomes_of(*OUTCOME_NAMES), seasons=[season(*SUMMER)]))
    assert data["timeline"] is None
    assert not any("timeline" in outcome for outcome in data["outcomes"])


def test_the_time_line_knows_ranges_that_the_table_cuts():
    many = [(f"20{year}-01-01", f"20{year}-02-01") for year in range(10, 60)]
    (outcome,) = data_of(page_of([opened(0, [], many)]))["outcomes"]
    assert outcome["after"]["dateRanges"].endswith(" characters)")
    assert len(outcome["timeline"][0]["after"]) == 50


@pytest.mark.browser
def test_the_page_is_drawn_as_it_is_written_under_its_own_policy(look):
    html, complaints = look(page_of(MIXED, "The run of <today>", {"DAG": "crm & co"}))
    body = html.partition("<main")[2].partition("</main>")[0]
    text = re.sub(r"<[^>]+>", "|", body)
    assert complaints == []
    assert "<title>The run of &lt;today&gt;</title>" in html
    assert "1 of 4 records failed." in text
    assert "crm &amp; co" in text
    assert re.findall(r'class="tile (\w+)" data-count="(\d)"', body) == [
        ("total", "4"),
        ("failed", "1"),
        ("not_attempted", "0"),
        ("skipped", "1"),
        ("updated", "1"),
        ("planned", "0"),
        ("unchanged", "1"),
    ]
    assert len(re.findall(r"<li><span class=\"bar-name\"", body)) == 4
    assert len(re.findall(r"<g>", body)) == 4


@pytest.mark.browser
def test_the_table_tells_what_happened_to_each_record(ask):
    stories = ask(page_of(MIXED), "return [...document.querySelectorAll('tbody tr')].map((row) => row.innerText);")
    failed, updated, skipped = (re.sub(r"\s+", " ", story) for story in stories)
    assert failed == (
        "4 Failed id-2 OnliveConflictError 409 Scheduling conflict time is taken "
        "3 attempts · may succeed when run again"
    )
    assert updated == f"2 Updated id-0 title empty (null) → {HARMFUL} state a → b agentComment not known → c"
    assert skipped == "5 Skipped (no id) no such record"


@pytest.mark.browser
def test_text_and_boxes_filter_the_table(ask):
    steps = "return [rows(), type('CONFLICT time'), type('line 5'), type('nothing'), type('')"
    steps += ", click('unchanged'), click('failed'), click('updated'), click('skipped'), click('unchanged')];"
    assert ask(page_of(MIXED), STEPS + steps) == [
        *([2, 0, 3], [2], [3], [], [2, 0, 3]),
        *([2, 0, 1, 3], [0, 1, 3], [1, 3], [1], []),
    ]


@pytest.mark.browser
def test_a_long_table_is_drawn_a_hundred_rows_at_a_time(ask):
    steps = """const [previous, next] = document.querySelectorAll(".pager button");
    const field = document.querySelector(".pager input");
    const seen = () => [rows().length, rows()[0], document.querySelector("section:last-child .told").textContent,
      previous.disabled, next.disabled, document.querySelector(".pager").hidden];
    const turns = [seen()];
    next.click(); next.click(); turns.push(seen());
    field.value = 2; field.dispatchEvent(new Event("change")); turns.push(seen());
    previous.click(); turns.push(seen());
    field.value = 99; field.dispatchEvent(new Event("change")); turns.push(seen());
    type("id-7"); turns.push(seen());
    return turns;"""
    assert ask(page_of(outcomes_of(*["updated"] * 250)), STEPS + steps) == [
        [100, 0, "1 to 100 of 250 records that match.", True, False, False],
        [50, 200, "201 to 250 of 250 records that match.", False, True, False],
        [100, 100, "101 to 200 of 250 records that match.", False, False, False],
        [100, 0, "1 to 100 of 250 records that match.", True, False, False],
        [50, 200, "201 to 250 of 250 records that match.", False, True, False],
        [11, 7, "11 records that match.", True, True, True],
    ]


def alike(count, message="lang: got int 5; accepted: text"):
    more = {"error": "OnlivePayloadError", "message": message}
    return [Outcome(20 * n, 20 * n + 2, f"id-{n}", "failed", **more) for n in range(count)]


def test_causes_count_all_failures_and_hide_guests_whatever_the_table_shows():
    failures = [*alike(MAX_FAILURES + 7), Outcome(7, 9, "id", "failed", error="E", message="no ana@example.com")]
    assert data_of(page_of(failures))["causes"] == {
        "told": [
            {
                "error": "OnlivePayloadError",
                "message": "lang: got int 5; accepted: text",
                "count": MAX_FAILURES + 7,
                "where": "lines 2, 22, 42, ...",
            },
            {"error": "E", "message": "no <e-mail>", "count": 1, "where": "line 9"},
        ],
        "others": 0,
    }


def test_causes_that_say_no_more_than_the_table_are_left_out():
    assert data_of(page_of(MIXED))["causes"] == {"told": [], "others": 0}


@pytest.mark.browser
def test_the_causes_stand_above_the_table_as_text(ask):
    script = "const [causes] = document.querySelectorAll('.causes'); const table = document.querySelector('table');"
    script += "return [causes.innerText, causes.compareDocumentPosition(table), document.title];"
    text, place, title = ask(page_of(alike(11, HARMFUL)), script)
    assert re.sub(r"\s+", " ", text) == f"11 \u00d7 OnlivePayloadError {HARMFUL} lines 2, 22, 42, ..."
    assert place == 4
    assert title == "A run"


@pytest.mark.browser
def test_one_failure_among_thousands_shows_in_the_strip(ask):
    names = ["unchanged"] * 5_000
    names[2_500] = "failed"
    script = "return [...document.querySelectorAll('.strip rect.failed')].map("
    script += "(bar) => [Number(bar.getAttribute('x')), bar.getBoundingClientRect().height]);"
    ((place, height),) = ask(page_of(outcomes_of(*names)), script)
    assert place == 2_500 // 16
    assert height >= 8


@pytest.mark.browser
@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        ([], "There was nothing to do: the input had no records."),
        (["failed", "updated", "not_attempted"], "1 of 3 records failed, 1 not attempted."),
        (["not_attempted"], "0 of 1 record failed, 1 not attempted."),
        (["planned", "unchanged"], "A plan: 1 of 2 records would be written. Nothing was sent."),
        (["unchanged", "skipped"], "Nothing had to be written for 2 records. 1 skipped."),
        (["updated", "unchanged"], "No failure: 1 of 2 records written."),
    ],
)
def test_the_verdict_is_one_sentence(ask, names, verdict):
    assert ask(page_of(outcomes_of(*names)), "return document.querySelector('.verdict').textContent;") == verdict


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("count", [0, 12, 5_000])
def test_nothing_is_wider_than_the_window(ask, width, count):
    long = "x" * 300
    outcomes = [
        Outcome(index, index, f"{index}-{long}", name, {"a": long}, {"a": [long]}, error=long, message=long)
        for index, name in enumerate(["failed", "updated"] * (count // 2))
    ]
    script = "return [innerWidth, document.documentElement.scrollWidth];"
    assert ask(page_of(outcomes, long, {long: long}), script, width) == [width, width]


@pytest.mark.browser
def test_no_request_leaves_the_page(look):
    with LoopbackServer() as server:
        address = f"{server.url}/seen"
        outcome = Outcome(0, None, f'"><img src="{address}">', "failed", message=f"<script src='{address}'></script>")
        page = page_of([outcome], f"<link rel=stylesheet href={address}>", {f"<img src={address}>": address})
        assert look(page)[1] == []
        assert server.requests == []
        added = f'<img src="{address}"><script src="{address}"></script><link rel="stylesheet" href="{address}">'
        added += f'<iframe src="{address}"></iframe><script>fetch("{address}")</script>'
        complaints = look(page.replace("</body>", f"{added}</body>"))[1]
        assert len(complaints) == 5
        assert server.requests == []


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_in_the_page(name):
    script = files("onlive_provider.report").joinpath("static", f"{name}.js").read_text("utf-8")
    assert script in page_of([])
