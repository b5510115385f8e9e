"""What a brake counts, when it stops a task, and what it says then; and the rows that wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.brake import Brake
from onlive_provider.bulk.row_set import RowSet
from onlive_provider.report.outcomes import Outcome, OutcomeName
from tests.bulk.server import record_id


def outcome(
    index: int, name: OutcomeName = "planned", *, resource: str | None = "appointment", **after: Any
) -> Outcome:
    before = dict.fromkeys(after, "old")
    return Outcome(index, None, record_id(index), name, resource=resource, before=before, after=after)


def brake_of(limit: object, *outcomes: Outcome) -> Brake:
    brake = Brake(Allowance.read(limit, "max_changes"))
    for each in outcomes:
        brake.add(each)
    return brake


def test_it_says_how_many_of_how_many_which_fields_and_shows_the_first_three() -> None:
    rows = [outcome(index, title="new") for index in (4, 3, 2, 0)] + [outcome(1, lang="new", title="new")]
    assert brake_of("3%", *rows).exceeded(100) == (
        "max_changes: 5 of 100 appointments would change, allowed: 3%. Nothing was written.\n"
        "Fields: title 5, lang 1. For example:\n"
        f"  - row 0, {record_id(0)}: title: set (value not shown)\n"
        f"  - row 1, {record_id(1)}: lang: old -> new; title: set (value not shown)\n"
        f"  - row 2, {record_id(2)}: title: set (value not shown)"
    )


@pytest.mark.parametrize(
    ("limit", "planned", "total", "exceeded"),
    [(0, 0, 9, False), (0, 1, 9, True), (3, 3, 9, False), (3, 4, 9, True), ("30%", 3, 10, False), ("30%", 4, 10, True)],
)
def test_as_many_as_allowed_are_not_too_many(limit: Any, planned: int, total: int, exceeded: bool) -> None:
    brake = brake_of(limit, *(outcome(index, title="new") for index in range(planned)))
    assert (brake.exceeded(total) is not None) is exceeded


def test_what_is_no_change_does_not_count() -> None:
    others: list[OutcomeName] = ["unchanged", "skipped", "failed", "not_attempted"]
    assert brake_of(0, *(outcome(index, name) for index, name in enumerate(others))).exceeded(4) is None


def test_what_an_earlier_try_wrote_counts_and_the_error_says_so() -> None:
    written = [outcome(index, "updated", title="new") for index in range(3)]
    assert brake_of(2, *written).exceeded(9) is None, "nothing more would change"
    said = brake_of(3, *written, outcome(3, title="new")).exceeded(9)
    assert said is not None
    assert said.splitlines() == [
        "max_changes: 4 of 9 appointments would change, allowed: 3. An earlier try of this task wrote 3 of them; "
        "this one wrote nothing.",
        "Fields: title 4. For example:",
        f"  - row 3, {record_id(3)}: title: set (value not shown)",
    ]


@pytest.mark.parametrize(
    ("kinds", "words"),
    [(["service"], "1 of 9 services"), (["service", "appointment"], "2 of 9 records"), ([None], "1 of 9 records")],
)
def test_records_are_called_by_their_kind(kinds: list[str | None], words: str) -> None:
    rows = [outcome(index, resource=kind) for index, kind in enumerate(kinds)]
    assert f"max_changes: {words} would change" in str(brake_of(0, *rows).exceeded(9))


def test_more_than_three_fields_are_counted() -> None:
    fields = dict.fromkeys(["title", "lang", "state", "start", "end"], "new")
    said = str(brake_of(0, outcome(0, **fields)).exceeded(1))
    assert "Fields: title 1, lang 1, state 1, and 2 more. For example:" in said
    assert said.endswith("; and 2 more fields")


def test_rows_of_which_only_the_outcome_is_remembered_count_and_are_not_shown() -> None:
    bare = Outcome(0, None, id=None, outcome="planned")
    assert brake_of(0, bare).exceeded(1) == (
        "max_changes: 1 of 1 record would change, allowed: 0. Nothing was written."
    )


def test_a_set_of_rows_gives_them_in_their_order_and_each_once() -> None:
    rows = RowSet()
    for index in (9, 2, 2, 70_000):
        rows.add(index)
    assert (list(rows), len(rows), 2 in rows, 3 in rows, 80_000 in rows) == ([2, 9, 70_000], 3, True, False, False)
    for index in (2, 2, 80_000):
        rows.discard(index)
    assert (list(rows), len(rows)) == ([9, 70_000], 2)
