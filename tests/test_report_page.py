"""The page of a report: what is in it, and what a real browser draws of it."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from html import escape, unescape
from importlib.resources import files

import pytest

from onlive_provider.report import OUTCOME_NAMES, Outcome
from onlive_provider.report_page import MAX_FAILURES, MAX_OTHERS, MAX_VALUE, SECTIONS, write_page
from onlive_provider.seasons import Season
from tests.loopback import LoopbackServer

SUMMER = ("2027-06-15", "2027-09-15")
SPRING = ("2027-03-01", "2027-05-31")
HARMFUL = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"><!--"


def page_of(outcomes, title="A run", details=None, seasons=()):
    file = io.BytesIO()
    write_page(outcomes, file, title=title, details=details or {}, seasons=seasons)
    return file.getvalue().decode()


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page).group(1))


def outcomes_of(*names):
    return [Outcome(index, None, f"id-{index}", name) for index, name in enumerate(names)]


def season(first, last, zone="Europe/Madrid"):
    made = Season("Summer", first, last, zone)
    return {**made.as_json(), **made.date_range().to_patch()}


def opened(index, before, after, name="updated", zone="Europe/Madrid", **more):
    """Return the outcome of a service that was open from the first to the last day of each pair."""
    old, new = ([Season("Any", *pair, zone).date_range().to_patch() for pair in pairs] for pairs in (before, after))
    return Outcome(index, None, f"id-{index}", name, {"dateRanges": old}, {"dateRanges": new}, **more)


def test_the_page_holds_the_counts_of_all_outcomes():
    counts = data_of(page_of(outcomes_of(*OUTCOME_NAMES, "failed")))["counts"]
    assert counts == {"total": 7, **dict.fromkeys(OUTCOME_NAMES, 1), "failed": 2}


def test_failures_come_first_and_each_kind_in_the_order_of_the_input():
    data = data_of(page_of(outcomes_of("unchanged", "failed", "updated", "failed", "skipped")))
    assert [outcome["index"] for outcome in data["outcomes"]] == [1, 3, 0, 2, 4]
    assert data["leftOut"] == {"failed": 0, "others": 0}


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
    assert data["leftOut"] == {"failed": 3, "others": 600}
    assert data["counts"]["total"] == len(kept) + 603


def test_more_written_records_than_fit_are_left_out_and_counted():
    data = data_of(page_of(outcomes_of(*["updated"] * (MAX_OTHERS + 2), *["unchanged"] * 3)))
    assert [outcome["index"] for outcome in data["outcomes"]] == list(range(MAX_OTHERS))
    assert data["leftOut"] == {"failed": 0, "others": 5}


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
    assert data["outcomes"][0]["timeline"]["gainedDays"] == 93
    assert data["timeline"]["groups"][0]["seasons"][0]["name"] == "Summer"


def test_a_report_without_date_ranges_has_no_time_line():
    data = data_of(page_of(outcomes_of(*OUTCOME_NAMES), seasons=[season(*SUMMER)]))
    assert data["timeline"] is None
    assert not any("timeline" in outcome for outcome in data["outcomes"])


def test_the_time_line_knows_ranges_that_the_table_cuts():
    many = [(f"20{year}-01-01", f"20{year}-02-01") for year in range(10, 60)]
    (outcome,) = data_of(page_of([opened(0, [], many)]))["outcomes"]
    assert outcome["after"]["dateRanges"].endswith(" characters)")
    assert len(outcome["timeline"]["after"]) == 50


@pytest.fixture
def look(open_in_chromium, tmp_path):
    """Open a page in Chromium, and give what is drawn and complained."""

    def draw(page):
        path = tmp_path / "page.html"
        path.write_text(page, "utf-8")
        return open_in_chromium(path.as_uri())

    return draw


@pytest.fixture
def ask(look):
    """Run a script in a page drawn in a frame of this many pixels, and give the JSON of what the script returns."""

    def run(page, script, width=1280):
        unlocked = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        asking = f"<script>parent.document.body.dataset.answer = JSON.stringify((() => {{ {script} }})());</script>"
        framed = escape(unlocked.replace("</body>", f"{asking}</body>"))
        style = f"border: 0; width: {width}px; height: 1000px"
        frame = f'<iframe style="{style}" srcdoc="{framed}"></iframe>'
        html, complaints = look(f'<!doctype html><meta charset="utf-8">{frame}')
        assert complaints == []
        return json.loads(unescape(re.search(r'<body data-answer="(.*?)">', html, re.DOTALL).group(1)))

    return run


STEPS = """
const rows = () => [...document.querySelectorAll("tbody tr")].map((row) => Number(row.dataset.index));
const type = (text) => {
  const box = document.querySelector("input[type=search]");
  box.value = text;
  box.dispatchEvent(new Event("input"));
  return rows();
};
const click = (name) => {
  document.querySelector(`input[name=${name}]`).click();
  return rows();
};
"""

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
    steps = "const more = document.querySelector('.more'); const seen = [rows().length, more.hidden];"
    steps += "more.click(); more.click(); return [...seen, rows().length, more.hidden, rows().at(-1)];"
    assert ask(page_of(outcomes_of(*["updated"] * 250)), STEPS + steps) == [100, False, 250, True, 249]


@pytest.mark.browser
def test_the_page_says_what_its_table_leaves_out(ask):
    page = page_of(outcomes_of(*["failed"] * (MAX_FAILURES + 1), *["unchanged"] * (MAX_OTHERS + 4)))
    text = ask(page, "return document.body.innerText;")
    assert "leaves out 1 failure and 4 other records; the .jsonl report beside this page has all" in text


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
    script = files("onlive_provider").joinpath("static", "report", f"{name}.js").read_text("utf-8")
    assert script in page_of([])


ROWS = """
const services = () => [...document.querySelectorAll(".service")].filter((row) => !row.hidden);
const indexes = () => services().map((row) => Number(row.dataset.index));
const words = () => services().map((row) => row.querySelector(".days").textContent.trim().replaceAll("\u2013", "-"));
const boxes = (name) => [...document.querySelectorAll(`.service .${name}`)].map((bar) => {
  const track = bar.ownerSVGElement.getBoundingClientRect();
  const { left, right } = bar.getBoundingClientRect();
  return [(left - track.left) / track.width, (right - track.left) / track.width];
});
"""

ROLLOUT = [
    opened(0, [SPRING], [SPRING, SUMMER]),
    opened(1, [SPRING, SUMMER], [SPRING], "planned"),
    opened(2, [SUMMER], [SUMMER], "unchanged"),
    opened(3, [], [SUMMER], "failed", error="OnliveValidationError", message="422 no such range"),
    opened(4, [], [SUMMER], "skipped", message="written in batch 1 and put back"),
    opened(5, [], [("2026-06-15", "2026-09-15")]),
    opened(6, [], [("2027-06-16", "2027-09-16")]),
    opened(7, [SPRING], [SUMMER]),
]


def in_line(page, *texts):
    """Return where times, in UTC, lie on the page's line: 0 is its begin, 1 its end."""
    line = data_of(page)["timeline"]
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in texts]
    return [(moment - line["from"]) / (line["to"] - line["from"]) for moment in moments]


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
            "days outside the season are closed too",
        ],
        [3, "was to gain 93 days: 15 Jun - 15 Sep 2027 422 no such range"],
        [0, "gained 93 days: 15 Jun - 15 Sep 2027"],
        [1, "loses 93 days: 15 Jun - 15 Sep 2027"],
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
        **dict.fromkeys([0, 5, 6, 7], False),
        **dict.fromkeys([3, 4], True),
        **dict.fromkeys([1, 2], None),
    }
    assert [index for index, (_, opacity) in drawn.items() if opacity != "1"] == [2]


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
    assert "2 services do not match the season. Shown first." in text
    assert "1 service: days outside the season are closed too." in text
    assert "Madrid time" in text


@pytest.mark.browser
@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (ROLLOUT[:5], "Every change matches the season."),
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
    assert ask(page_of(MIXED, seasons=[season(*SUMMER)]), script) == [0, False]


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
        [[5, 6], [5, 6], "2 of 8 services shown"],
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
