"""The page of a run with more rows than a page holds: what it says of the others, and how they are reached."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from onlive_provider.report.origin import Origin
from onlive_provider.report.outcomes import Outcome, to_line
from onlive_provider.report.page_rows import MAX_FAILURES, MAX_OTHERS
from tests.browser import visit
from tests.pages import data_of, page_of

PIECE = 1 << 22
"""Bytes that the page reads at once."""
ORIGIN = Origin(dag_id="d", run_id="r", task_id="t", report_path="/data/run.jsonl")


def run_of(**numbers):
    index = 0
    for name, number in numbers.items():
        for _ in range(number):
            failure = {"error": "E", "message": "409 taken"} if name == "failed" else {}
            yield Outcome(index, index + 2, f"{name}-{index}", name, **failure)
            index += 1


def file_of(outcomes, *first):
    return b"".join(line + b"\n" for line in (*first, *(to_line(each.as_json()) for each in outcomes)))


@pytest.fixture
def reading(chromium, tmp_path):
    def read(outcomes, **more):
        path = tmp_path / "run.html"
        path.write_text(page_of(outcomes, origin=ORIGIN, **more), "utf-8")
        return visit(chromium, path.as_uri())

    return read


def records(page):
    card = page.locator("section", has=page.get_by_role("heading", name="Records"))
    return card.locator(".told"), card.locator("tbody tr")


def give(page, content, name="run.jsonl"):
    page.set_input_files("#report-file", {"name": name, "mimeType": "text/plain", "buffer": content})
    return page.locator("section", has=page.get_by_role("heading", name="All rows")).locator(".told")


@pytest.mark.parametrize("name", ["failed", "updated", "unchanged", "skipped"])
def test_a_page_of_large_rows_stays_below_two_megabytes_and_counts_what_it_leaves_out(name):
    rows = 1_500
    large = {f"field{each}": "<" * 900 for each in range(5)}
    page = page_of(
        Outcome(index, None, f"id-{index}", name, large, large, message=f"{index}<") for index in range(rows)
    )
    data = data_of(page)
    assert 1_000_000 < len(page.encode()) < 2_000_000 or name == "failed"
    assert len(page.encode()) < 2_000_000
    assert data["counts"][name] == rows == len(data["outcomes"]) + data["leftOut"][name]
    assert [outcome["index"] for outcome in data["outcomes"]] == list(range(len(data["outcomes"])))


def test_failures_of_large_rows_leave_room_for_others_and_others_use_what_failures_leave():
    large = {"field": ["x" * 900] * 1, "other": "y" * 900}
    kinds = ["failed", "updated"] * 1_500
    data = data_of(page_of(Outcome(at, None, "a", kind, large, large) for at, kind in enumerate(kinds)))
    shown = [outcome["outcome"] for outcome in data["outcomes"]]
    assert 200 < shown.count("failed") < 300
    assert 200 < shown.count("updated") < 300
    only = data_of(page_of(Outcome(at, None, "a", "updated", large, large) for at in range(1_500)))
    assert len(only["outcomes"]) > 400


def test_a_failure_with_a_name_of_a_million_letters_does_not_take_the_others_room():
    failures = (Outcome(at, None, f"id-{at}", "failed", error="E", name="x" * 10**6) for at in range(3))
    data = data_of(page_of(failures))
    assert [each["id"] for each in data["outcomes"]] == ["id-0", "id-1", "id-2"]
    assert data["outcomes"][0]["name"].endswith("… (1,000,000 characters)")


@pytest.mark.browser
def test_a_filter_for_what_is_left_out_says_so_with_the_counts(reading):
    with reading(run_of(failed=MAX_FAILURES + 1, updated=MAX_OTHERS + 20, unchanged=6_373)) as page:
        told, rows = records(page)
        expect(told).to_have_text(
            "1 to 100 of 5,000 records that match. 1 failed and 20 updated records are not on this page."
        )
        page.locator("input[name=unchanged]").check()
        page.locator("input[name=failed]").uncheck()
        page.locator("input[name=updated]").uncheck()
        expect(told).to_have_text("6,373 unchanged records are not on this page.")
        assert rows.count() == 0
        page.locator("input[type=search]").fill("id-7")
        expect(told).to_have_text("6,373 unchanged records were not searched: they are not on this page.")
        page.locator("input[name=unchanged]").uncheck()
        expect(told).to_have_text("No record matches.")
        page.locator("input[type=search]").fill("")
        page.locator(".chip").click()
        expect(told).to_contain_text("1 failure of this cause is not on this page.")
        card = page.locator("section", has=page.get_by_role("heading", name="All rows"))
        expect(card).to_contain_text(
            "This page holds 5,000 of 11,394 records. Not on it: 1 failed, 20 updated and 6,373 unchanged. "
            "All are in run.jsonl beside this page."
        )
        assert card.get_by_role("link").get_attribute("href") == "./run.jsonl"


@pytest.mark.browser
def test_the_report_that_is_opened_shows_all_rows_and_filters_them(reading):
    run = list(run_of(unchanged=3_500, failed=2, updated=10))
    with reading(run) as page:
        told, rows = records(page)
        status = give(page, file_of(run))
        expect(status).to_have_text("Showing all 3,512 records of run.jsonl.")
        expect(rows.first).to_contain_text("failed-3500")
        expect(told).to_have_text("12 records that match.")
        page.locator("input[name=unchanged]").check()
        expect(told).to_have_text("1 to 100 of 3,512 records that match.")
        page.get_by_label("Page", exact=True).fill("36")
        page.keyboard.press("Enter")
        expect(told).to_have_text("3,501 to 3,512 of 3,512 records that match.")
        expect(rows.last).to_contain_text("updated-3511")
        page.locator("input[type=search]").fill("UNCHANGED-3499")
        expect(told).to_have_text("1 record that matches.")
        expect(rows).to_contain_text(["3,501"])
        page.locator("input[type=search]").fill("nothing has this")
        expect(told).to_have_text("No record matches.")
        page.get_by_role("button", name="Show the rows of this page again").click()
        expect(told).to_contain_text("were not searched")
        expect(status).to_have_text("")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2\n", "its line 1 is not an outcome"),
        (file_of(run_of(unchanged=3_001)) + b"\n", "its line 3,002 is not an outcome"),
        (file_of(run_of(unchanged=3_001)), "it has 3,001 unchanged, and this page tells of 3,002"),
        (file_of(run_of(unchanged=3_001, failed=1)), "it has 1 failed, and this page tells of 0"),
        (b"", "it has 0 unchanged, and this page tells of 3,002"),
    ],
)
def test_a_file_that_is_not_this_pages_report_is_refused_and_changes_nothing(reading, content, why):
    with reading(run_of(unchanged=3_002)) as page:
        status = give(page, content, "other.jsonl")
        expect(status).to_have_text(f"other.jsonl is not the report of this page: {why}")
        expect(records(page)[0]).to_contain_text("2 unchanged records are not on this page.")


@pytest.mark.browser
def test_a_plan_a_number_that_is_none_and_a_last_line_without_an_end_can_be_read(reading):
    odd = Outcome(3_001, None, "odd", "updated", after={"duration": float("nan"), "title": "ñ😀"})
    run = [*run_of(unchanged=3_001), odd]
    with reading(run) as page:
        status = give(page, file_of(run, b'{"plan":{"version":1}}').removesuffix(b"\n"))
        expect(status).to_contain_text("Showing all 3,002 records")
        expect(records(page)[1].first).to_contain_text("NaN")
        expect(records(page)[1].first).to_contain_text("ñ😀")


@pytest.mark.browser
def test_rows_that_lie_across_the_pieces_of_a_large_file_are_read_whole(reading):
    run = [Outcome(at, None, f"id-{at}", "skipped", message=f"{'ñ😀' * 350} end {at}.") for at in range(3_100)]
    # The end of the first row is the first byte of the second piece.
    fill = PIECE - len(to_line(run[0].as_json()))
    run[0] = replace(run[0], outcome="updated", message=f"{run[0].message}{'x' * fill}")
    content = file_of(run)
    assert content.index(b"\n") == PIECE
    assert len(content) > 2 * PIECE
    with reading(run) as page:
        page.locator("input[name=updated]").uncheck()
        give(page, content)
        told, rows = records(page)
        expect(told).to_have_text("1 to 100 of 3,099 records that match.")
        page.locator("input[type=search]").fill("end 2999.")
        expect(told).to_have_text("1 record that matches.")
        expect(rows.first).to_contain_text("id-2999")


@pytest.mark.browser
def test_a_report_that_is_dropped_on_the_page_is_opened(reading):
    run = list(run_of(unchanged=3_002))
    with reading(run) as page:
        page.evaluate(
            """(text) => {
              const data = new DataTransfer();
              data.items.add(new File([text], "dropped.jsonl"));
              const how = { dataTransfer: data, bubbles: true, cancelable: true };
              document.body.dispatchEvent(new DragEvent("drop", how));
            }""",
            file_of(run).decode(),
        )
        expect(page.get_by_text("Showing all 3,002 records of dropped.jsonl.")).to_be_visible()


@pytest.mark.browser
def test_a_page_that_holds_all_rows_asks_for_no_file(reading):
    with reading(run_of(unchanged=3)) as page:
        assert page.locator("input[type=file]").count() == 0
