"""What a run without a report remembers in Airflow's task state store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onlive_provider.bulk.announcer import Announcer
from onlive_provider.bulk.checkpoint import STATE_KEY, Checkpoint
from onlive_provider.bulk.memory import TaskEnd
from onlive_provider.report.outcomes import Outcome

IDENTITY = {"run_id": "r", "max_tries": 1}


class Store:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.fails = False

    def get(self, key: str) -> Any:
        return json.loads(self.values[key]) if key in self.values else None

    def set(self, key: str, value: Any) -> None:
        if self.fails:
            raise RuntimeError("the API server is away")
        self.values[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        if self.fails:
            raise RuntimeError("the API server is away")
        del self.values[key]


def standing(checkpoint: Checkpoint) -> list[Outcome]:
    """Return the outcomes of the first rows that stand."""
    return [outcome for index in range(20) if (outcome := checkpoint.recall(index)) is not None]


def test_a_retry_knows_which_outcomes_stand_and_why_rows_failed() -> None:
    store = Store()
    first = Checkpoint(store, IDENTITY)
    first.record(Outcome(4, 5, "e", "failed", error="OnliveNotFoundError", message="no such record"))
    first.record(Outcome(0, 1, "a", "updated"))
    first.record(Outcome(1, 2, "b", "failed", retryable=True))
    first.record(Outcome(3, 4, "d", "not_attempted"))
    first.save()
    stand = standing(Checkpoint(store, IDENTITY))
    assert [(each.index, each.outcome) for each in stand] == [(0, "updated"), (4, "failed")]
    assert (stand[1].line, stand[1].id, stand[1].message) == (5, "e", "no such record")


def test_what_was_saved_stays_through_one_crash_after_another() -> None:
    store = Store()
    for index in range(5):
        checkpoint = Checkpoint(store, IDENTITY)
        checkpoint.record(Outcome(index, None, "a", "unchanged"))
        checkpoint.save()
    assert len(standing(Checkpoint(store, IDENTITY))) == 5


def test_a_cleared_task_starts_afresh() -> None:
    store = Store()
    checkpoint = Checkpoint(store, IDENTITY)
    checkpoint.record(Outcome(0, None, "a", "updated"))
    checkpoint.save()
    assert standing(Checkpoint(store, {**IDENTITY, "max_tries": 3})) == []


@pytest.mark.parametrize("again", [True, False])
def test_it_is_forgotten_when_no_retry_can_come(again: bool) -> None:
    store = Store()
    checkpoint = Checkpoint(store, IDENTITY)
    checkpoint.save()
    checkpoint.finish(TaskEnd(title="", details={}, again=again))
    assert (STATE_KEY in store.values) is again


@pytest.mark.parametrize("again", [True, False])
def test_a_store_that_fails_at_the_end_does_not_fail_the_task(again: bool, caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    checkpoint = Checkpoint(store, IDENTITY)
    store.fails = True
    checkpoint.finish(TaskEnd(title="", details={}, again=again))
    assert "The task state store failed (RuntimeError)" in caplog.text


def test_without_a_store_nothing_is_remembered() -> None:
    checkpoint = Checkpoint(None, IDENTITY)
    checkpoint.record(Outcome(0, None, "a", "updated"))
    checkpoint.save()
    checkpoint.finish(TaskEnd(title="", details={}, again=True))
    assert standing(checkpoint) == []


def test_a_hundred_thousand_rows_of_which_five_percent_changed_take_few_bytes() -> None:
    store = Store()
    checkpoint = Checkpoint(store, IDENTITY)
    for index in range(100_000):
        checkpoint.record(Outcome(index, None, None, "updated" if index * 7919 % 100 < 5 else "unchanged"))
    checkpoint.save()
    assert len(store.values[STATE_KEY]) < 64_000


@pytest.mark.parametrize("store", [None, Store()])
def test_a_write_waits_for_nothing_where_no_value_is_kept(store: Store | None) -> None:
    announcer = Announcer(Checkpoint(store, IDENTITY))
    assert announcer.flush() is None
    assert announcer.before_write() is None
