"""A plan as Markdown: the total first, one table, nothing that Markdown would take for its own, and never too long."""

from __future__ import annotations

import json
from typing import Any

from onlive_provider.models.changes import Change
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from onlive_provider.report.markdown import MAX_MARKDOWN, changes_markdown, escaped

IDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(3_000)]


def change(number: int, after: dict[str, Any], before: dict[str, Any] | None = None) -> Change:
    return Change(APPOINTMENT, IDS[number], before or {}, after, None)


def text(changes: list[Change], problems: dict[str, str] | None = None, **options: Any) -> str:
    given = {"total": len(changes), "noun": "appointment", "reports": ["s3://bucket/plan.jsonl"], **options}
    return changes_markdown(changes, problems or {}, **given)


def test_the_total_comes_first_and_each_field_has_a_row() -> None:
    changes = [
        change(0, {"lang": "es", "title": "Visit"}, {"lang": "en", "title": "visit"}),
        change(1, {"lang": "fr"}),
    ]
    assert text(changes, {IDS[2]: "not found"}, total=4).splitlines() == [
        "**2 of 4 appointments change: lang 2, title 1.**",
        "",
        "**1 cannot be planned:**",
        "",
        f"- {escaped(IDS[2])}\\: not found",
        "",
        "| Appointment | Field | Before | After |",
        "| --- | --- | --- | --- |",
        f"| {IDS[0]} | lang | en | es |",
        r"|  | title | \(not shown\) | set \(value not shown\) |",
        rf"| {IDS[1]} | lang | \(not known\) | fr |",
        "",
        r"The whole report: s3\://bucket/plan\.jsonl",
    ]


def test_without_a_change_there_is_no_table() -> None:
    assert text([], total=7, reports=[]) == "**0 of 7 appointments change.**\n"


def test_names_cannot_make_links_pictures_columns_or_lines() -> None:
    harmful = "a|b [c](javascript:alert(1)) <img src=x> `d`\n# e www.evil.example ana@example.com"
    shown = escaped(harmful)
    assert "\n" not in shown
    assert "ana" not in shown
    for sign in "|[](<>`#:":
        assert shown.count(sign) == shown.count(f"\\{sign}")
    assert "www.evil" not in shown


def test_a_long_plan_fits_into_an_xcom_and_says_what_it_leaves_out() -> None:
    changes = [
        Change(SERVICE, record_id, {"name": "Käsefüße " * 8}, {"name": "会議室" * 30}, None) for record_id in IDS
    ]
    shown = text(changes, noun="service", reports=[f"s3://bucket/{number}.jsonl" for number in range(40)])
    assert MAX_MARKDOWN * 0.9 < len(json.dumps(shown)) <= MAX_MARKDOWN
    rows = sum(line.startswith("| 0000") for line in shown.splitlines())
    assert f"and {3_000 - rows:,} more services" in shown
    assert shown.endswith("and 37 more")
    assert shown.startswith("**3,000 of 3,000 services change: name 3,000.**")
