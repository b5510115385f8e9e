"""The small parts of a bulk update: the limit, the line of progress, the ids, the result."""

from __future__ import annotations

import json
import tracemalloc
import uuid
from typing import Any

import pytest

from onlive_provider.bulk import ids
from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.ids import SeenIds
from onlive_provider.bulk.progress import Progress
from onlive_provider.bulk.summary import Summary
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.report.outcomes import Counts, Outcome

SETTINGS = Settings(Credentials("key", "secret"))


@pytest.mark.parametrize(
    ("allowed", "failed", "total", "exceeded"),
    [
        (0, 0, 10, False),
        (0, 1, 10, True),
        ("3", 3, 10, False),
        ("3", 4, 10, True),
        ("5%", 5, 100, False),
        ("5%", 6, 100, True),
        ("0.1 %", 3, 3000, False),
        ("29%", 29, 100, False),
        ("100%", 10, 10, False),
        ("5%", 0, 0, False),
    ],
)
def test_more_than_the_limit_is_too_many(allowed: Any, failed: int, total: int, exceeded: bool) -> None:
    assert Allowance.read(allowed, "allowed_failures").is_exceeded(failed, total) is exceeded


@pytest.mark.parametrize("value", [-1, 1.5, "", "5 percent", "-5%", "100.1%", "٣", True, None, []])
def test_what_is_no_limit_is_refused(value: Any) -> None:
    with pytest.raises(OnlivePayloadError, match=r"allowed_failures: got .*; accepted: a number of records"):
        Allowance.read(value, "allowed_failures")


def line(progress: Progress, counts: Counts, **changes: Any) -> str:
    return progress.line(
        counts, **{"recalled": 0, "reads": 2000, "writes": 40, "read_share": 0.0, "now": 160.0, **changes}
    )


def test_the_line_tells_done_and_total_rates_budget_and_the_time_left() -> None:
    progress = Progress(10_000, SETTINGS, now=40.0)
    counts = Counts(total=2_000, updated=40, unchanged=1_959, failed=1)
    assert line(progress, counts) == (
        "2,000 of 10,000 (20 %) done: 40 updated, 1,959 unchanged, 1 failed; "
        "1,000 reads and 20 writes a minute (budget 1,000 and 100); about 8 min left"
    )


def test_rates_are_of_the_time_since_the_last_line() -> None:
    progress = Progress(None, SETTINGS, now=0.0)
    line(progress, Counts(), now=10.0, reads=100, writes=10)
    assert "; 60 reads and 6 writes a minute" in line(progress, Counts(), now=20.0, reads=110, writes=11)


def test_rows_of_an_earlier_try_do_not_count_as_speed() -> None:
    progress = Progress(1_000, SETTINGS, now=0.0)
    assert line(progress, Counts(total=910), recalled=900, now=10.0).endswith("; about 90 s left") is False
    assert line(progress, Counts(total=910), recalled=900, now=5.0).endswith("; about 45 s left")
    assert "left" not in line(progress, Counts(total=900), recalled=900, now=10.0)


def test_the_total_of_a_file_is_estimated_from_what_was_read() -> None:
    text = line(Progress(None, SETTINGS, now=0.0), Counts(total=500), read_share=0.25, now=10.0)
    assert text.startswith("500 of about 2,000 (25 %) done; ")
    assert text.endswith("; about 30 s left")


def test_without_a_total_no_time_is_promised() -> None:
    text = line(Progress(None, SETTINGS, now=0.0), Counts(total=500))
    assert text.startswith("500 done; ")
    assert "left" not in text


@pytest.mark.parametrize("make", [lambda n: str(uuid.UUID(int=n)), lambda n: str(uuid.UUID(int=n << 100))])
def test_an_id_is_new_once_however_alike_ids_are(make: Any) -> None:
    seen = SeenIds()
    assert all(seen.add(make(number)) for number in range(20_000))
    assert not any(seen.add(make(number)) for number in range(20_000))
    assert seen.add(make(20_000))


def test_ids_take_little_memory() -> None:
    ids = SeenIds()
    tracemalloc.start()
    for number in range(100_000):
        ids.add(str(uuid.UUID(int=number)))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 100_000 * 50


def test_the_result_holds_no_guests_data_and_stays_small() -> None:
    summary = Summary()
    for index in range(30):
        message = "ana@example.com " + "😀" * 2_000
        summary.add(Outcome(index, None, "x" * 36, "failed", error="OnliveValidationError", message=message))
    result = summary.result("s3://bucket/report.jsonl")
    assert len(result["failures"]) == 20
    assert "ana@" not in str(result)
    assert "😀" in result["failures"][0]["message"]
    assert len(json.dumps(result)) < 48_000


def test_the_result_holds_guests_data_where_the_author_asks_for_them_and_the_error_does_not() -> None:
    summary = Summary()
    summary.add(Outcome(0, None, "+34600000000", "failed", message="ana@example.com"))
    (failure,) = summary.result(None, personal_data=True)["failures"]
    assert (failure["id"], failure["message"]) == ("+34600000000", "ana@example.com")
    error = summary.error(Allowance.read(0, "allowed_failures"), None, cut_short=False, remembers=True)
    assert "<hidden>:\n  - <hidden>\n" in str(error)
    assert "ana@" not in f"{error} {error.failures}"  # type: ignore[union-attr]


def test_a_short_message_is_not_cut() -> None:
    summary = Summary()
    summary.add(Outcome(0, None, None, "failed", message="ñ" * 150))
    assert summary.result(None)["failures"][0]["message"] == "ñ" * 150


def test_the_error_names_a_failure_by_its_line_where_there_is_one() -> None:
    summary = Summary()
    summary.add(Outcome(4, 6, None, "failed", message="broken"))
    summary.add(Outcome(5, None, "a1", "failed", message="gone"))
    error = summary.error(Allowance.read(0, ""), "r.jsonl", cut_short=False, remembers=True)
    assert str(error) == (
        "2 of 2 records failed (2 failed)\nline 6:\n  - broken\nrow 5, a1:\n  - gone\n"
        "The report is r.jsonl; its page is r.html."
    )


def test_an_id_that_stands_across_two_others_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_BUCKETS", 1)
    first, second = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    across = first[16:] + second[:16]
    seen = SeenIds()
    assert [seen.add(each) for each in (first, second, across, across)] == [True, True, True, False]
