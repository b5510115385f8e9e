"""A person at the report's page in a real browser: what it says, how it is used, and how it looks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from onlive_provider.report.origin import Origin
from onlive_provider.report.outcomes import Outcome
from tests.browser import serious_findings, tab_stops, visit
from tests.pages import SPRING, SUMMER, opened, outcomes_of, page_of, season

pytestmark = pytest.mark.browser

FAULT = {"field": "duration", "message": "got int -5; accepted: numbers above 0"}
REFUSED = Outcome(
    0,
    2,
    "id-0",
    "failed",
    error="OnlivePayloadError",
    message=f"1 field cannot be sent; nothing was sent:\n  - duration: {FAULT['message']}",
    field_errors=[FAULT],
)
ORIGIN = Origin(
    dag_id="crm",
    run_id="manual__2027-01-01T00:00:00+00:00",
    task_id="update",
    map_index=3,
    try_number=2,
    task_url="http://airflow.example/dags/crm/runs/manual__2027-01-01T00%3A00%3A00%2B00%3A00/tasks/update/mapped/3",
    report_path="s3://reports/a b/r:1.jsonl?X-Amz-Signature=abc",
    written_at=1_800_000_000.0,
)
SEASON = [season(*SUMMER)]
PUT_BACK = [
    opened(0, [SPRING], [SPRING, SUMMER], "skipped", message="written in batch 1 and put back"),
    opened(1, [SPRING], [SPRING, SUMMER], "failed", error="OnliveServerError", message="503"),
    opened(2, [SPRING, SUMMER], [SPRING, SUMMER], "unchanged"),
    opened(3, [SPRING], [SPRING, SUMMER], "not_attempted"),
]
MANY_KINDS = [
    Outcome(
        index,
        index + 2,
        f"id-{index}",
        ("failed", "updated", "unchanged")[index % 3],
        {"start": "2027-06-14T22:00:00.000Z", "title": None},
        {"start": "2027-06-15T08:00:00.000Z", "title": ""},
        **({"error": "OnliveConflictError", "message": "409 taken"} if index % 3 == 0 else {}),
    )
    for index in range(3_400)
] + [Outcome(3_400 + index, None, None, "unchanged") for index in range(3_000)]
KINDS = {
    "a long run with failures": (MANY_KINDS, {"origin": ORIGIN, "error": "OnliveRecordsFailedError: too many"}),
    "a rollout with a batch put back": (PUT_BACK, {"seasons": SEASON, "origin": ORIGIN, "error": "E: stopped"}),
    "a run without rows": ([], {"origin": ORIGIN}),
    "a plan": ([opened(0, [SPRING], [SUMMER], "planned"), PUT_BACK[2]], {"seasons": SEASON, "origin": ORIGIN}),
    "changes that do not match": ([opened(0, [SPRING], [SUMMER])], {"seasons": SEASON}),
}


@pytest.fixture
def reading(chromium, tmp_path):
    """Write a page into a file and open it."""

    def read(outcomes, *, name="r.html", options=None, **more):
        path = tmp_path / name
        path.write_text(page_of(outcomes, **more), "utf-8")
        return visit(chromium, path.as_uri(), **(options or {}))

    return read


def told_of(page):
    return page.locator("section", has=page.get_by_role("heading", name="Records")).locator(".told")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious_on_a_page_of_any_kind(reading, kind, width, scheme):
    outcomes, more = KINDS[kind]
    with reading(outcomes, options={"width": width, "color_scheme": scheme, "bypass_csp": True}, **more) as page:
        for name in ("unchanged", "failed"):
            box = page.locator(f"input[name={name}]")
            if box.count():
                box.check()
        if page.locator(".chip").count():
            page.locator(".chip").first.click()
        assert serious_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_dark_page_is_dark_and_paper_is_white(reading):
    with reading(PUT_BACK, seasons=SEASON, options={"color_scheme": "dark"}) as page:
        color = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(color) == "rgb(15, 20, 28)"
        page.emulate_media(media="print")
        assert page.evaluate(color) == "rgb(255, 255, 255)"


def test_a_refused_row_says_its_reason_once(reading):
    taken = Outcome(
        1,
        3,
        "id-1",
        "failed",
        error="OnliveConflictError",
        message="409 Scheduling conflict",
        field_errors=[{"field": "time", "message": "is taken"}],
    )
    rolled = Outcome(
        2,
        4,
        "id-2",
        "failed",
        error="E",
        message="Madrid: 422 (duration: no)",
        field_errors=[{"field": "duration", "message": "no"}],
    )
    with reading([REFUSED, taken, rolled]) as page:
        stories = [re.sub(r"\s+", " ", text) for text in page.locator(".story").all_inner_texts()]
    assert stories == [
        f"OnlivePayloadError 1 field cannot be sent; nothing was sent: duration {FAULT['message']}",
        "OnliveConflictError 409 Scheduling conflict time is taken",
        "E Madrid: 422 (duration: no)",
    ]


def test_an_unchanged_row_says_what_was_there_and_no_change(reading):
    with reading([Outcome(0, None, "a", "unchanged", {"lang": "es"}, {"lang": "es"})]) as page:
        assert page.locator(".story").inner_text().split() == ["Was", "there", "already:", "lang", "es"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"seasons": SEASON}, "15 Jun 2027 00:00 \u2013 15 Sep 2027 23:59:59, Europe/Madrid"),
        ({"origin": Origin(dag_id="", run_id="", task_id="", timezone="Asia/Tokyo")}, "Asia/Tokyo"),
        ({"origin": Origin(dag_id="", run_id="", task_id="", timezone="Mars/Base")}, "America/New_York"),
        ({}, "14 Jun 2027 18:00 \u2013 15 Sep 2027 17:59:59, America/New_York"),
    ],
)
def test_a_time_in_utc_has_its_local_time_and_the_zones_name_beside_it(reading, more, expected):
    with reading([opened(0, [], [SUMMER])], **more) as page:
        assert page.locator(".is .local").inner_text().endswith(expected)
        assert "2027-06-14T22:00:00.000Z" in page.locator(".is").inner_text()


def test_a_rows_times_are_in_the_zone_whose_season_it_fits(reading):
    zones = ("Europe/Madrid", "Atlantic/Canary")
    outcomes = [opened(at, [], [SUMMER], zone=zone) for at, zone in enumerate(zones)]
    with reading(outcomes, seasons=[season(*SUMMER, zone) for zone in zones]) as page:
        assert page.locator(".is .local").all_inner_texts() == [
            f"15 Jun 2027 00:00 \u2013 15 Sep 2027 23:59:59, {zone}" for zone in zones
        ]


def test_the_page_says_where_it_came_from_and_when_and_links_back(reading):
    with reading([], origin=ORIGIN) as page:
        facts = dict(
            zip(page.locator(".facts dt").all_inner_texts(), page.locator(".facts dd").all_inner_texts(), strict=True)
        )
        links = {each.inner_text(): each.get_attribute("href") for each in page.locator(".facts a").all()}
        assert "X-Amz-Signature" not in page.content()
    assert facts == {
        "DAG": "crm",
        "Run": "manual__2027-01-01T00:00:00+00:00",
        "Task": "update",
        "Map index": "3",
        "Try": "2",
        "Written": "15 Jan 2027 08:00 UTC\n15 Jan 2027 03:00 America/New_York",
        "Report": "r:1.jsonl in s3://reports/a b/",
        "Airflow": "The task and its log",
    }
    assert links == {"r:1.jsonl": "./r%3A1.jsonl", "The task and its log": ORIGIN.task_url}


def test_a_page_that_was_kept_links_to_the_report_that_was_kept_with_it(reading):
    origin = Origin(dag_id="d", run_id="r", task_id="t", report_path="/data/r.jsonl")
    with reading([], name="r.jsonl.2.html", origin=origin) as page:
        assert page.locator(".facts a").get_attribute("href") == "./r.jsonl.2"


def test_a_lone_per_cent_sign_in_the_pages_address_does_not_keep_it_from_being_drawn(chromium, tmp_path):
    path = tmp_path / "50%.html"
    origin = Origin(dag_id="d", run_id="r", task_id="t", report_path="/data/50%.jsonl")
    path.write_text(page_of([], origin=origin), "utf-8")
    with visit(chromium, path.as_uri().replace("%25", "%")) as page:
        assert page.url.endswith("/50%.html")
        assert page.locator(".facts a").get_attribute("href") == "./50%25.jsonl"


def test_an_address_that_could_run_a_script_is_no_link(reading):
    origin = Origin(dag_id="d", run_id="r", task_id="t", task_url="javascript:alert(1)")
    with reading([], origin=origin) as page:
        assert page.locator("a").count() == 0


@pytest.mark.parametrize(
    ("outcomes", "error", "verdict", "why"),
    [
        (outcomes_of("failed", "updated"), "E: 1 of 2 records failed (1 failed)", "1 of 2 records failed.", None),
        (outcomes_of("failed", "updated"), "E: 401", "1 of 2 records failed.", "The task failed: E: 401"),
        (
            outcomes_of("failed", "updated"),
            None,
            "1 of 2 records failed. The task allows that and succeeded.",
            None,
        ),
        (outcomes_of("updated"), "E: cut", "The task failed. Of 1 record none failed.", "The task failed: E: cut"),
        (outcomes_of("planned"), "E: cut", "The task failed, and nothing was written.", "The task failed: E: cut"),
        ([], "E: no", "The task failed before any record.", "The task failed: E: no"),
    ],
)
def test_the_verdict_is_green_only_if_the_task_is(reading, outcomes, error, verdict, why):
    with reading(outcomes, error=error, origin=ORIGIN) as page:
        assert page.locator("header .verdict").inner_text() == verdict
        assert page.locator("header .verdict.good").count() == 0
        assert page.locator(".why-red").all_inner_texts() == ([why] if why else [])


@pytest.mark.parametrize(
    ("outcomes", "error", "verdict"),
    [
        (PUT_BACK, "E: stopped", "No change stands; 3 services were not changed as asked."),
        ([opened(0, [], [SUMMER])], "E: stopped", "What was written matches the season, and the task failed."),
    ],
)
def test_the_time_line_of_a_red_run_is_never_green(reading, outcomes, error, verdict):
    with reading(outcomes, error=error, seasons=SEASON) as page:
        assert page.locator(".card .verdict").inner_text() == verdict
        assert page.locator(".verdict.good").count() == 0


def test_a_pressed_cause_leaves_its_failures(reading):
    messages = ["409 taken", "422 no", "409 taken", "422 no"]
    outcomes = [Outcome(at, None, f"id-{at}", "failed", error="E", message=text) for at, text in enumerate(messages)]
    with reading([*outcomes, *[Outcome(9, None, "id-9", "updated")]]) as page:
        chip = page.get_by_role("button", name="422 no")
        page.locator("input[name=failed]").uncheck()
        chip.press("Space")
        assert chip.get_attribute("aria-pressed") == "true"
        assert page.locator("tbody .record").all_inner_texts() == ["id-1", "id-3"]
        expect(told_of(page)).to_have_text("2 records that match. Only failures of the pressed cause are shown.")
        chip.press("Enter")
        assert page.locator("tbody .record").count() == 5


def test_every_control_is_reached_by_tab_and_shows_that_it_is(reading):
    with reading(MANY_KINDS, origin=ORIGIN, seasons=SEASON) as page:
        stops = tab_stops(page)
    assert [stop.rpartition(" ")[2] for stop in stops if stop.rpartition(" ")[2] not in ("solid", "auto")] == []
    assert [stop.rpartition(" ")[0] for stop in stops] == [
        "a r:1.jsonl",
        "a The task and its log",
        *[stop.rpartition(" ")[0] for stop in stops if "409 taken" in stop],
        "input Filter",
        "input failed",
        "input updated",
        "input unchanged",
        "a r:1.jsonl",
        "input ",
        "input Page",
        "button Next",
    ]
    assert sum("409 taken" in stop for stop in stops) == 1


def test_all_rows_of_the_page_are_printed_until_a_filter_is_set(reading):
    count = (
        "() => addEventListener('beforeprint', () => (window.printed = document.querySelectorAll('tbody tr').length))"
    )
    with reading(outcomes_of(*["updated"] * 150, *["unchanged"] * 60)) as page:
        page.evaluate(count)
        page.pdf()
        assert page.evaluate("printed") == 210
        assert page.locator("tbody tr").count() == 100
        page.locator("input[name=updated]").uncheck()
        page.locator("input[name=unchanged]").check()
        page.pdf()
        assert page.evaluate("printed") == 60
