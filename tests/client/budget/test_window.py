from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlive_provider.client.budget.process import shared_budgets
from onlive_provider.client.budget.window import Budget
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials


@pytest.mark.parametrize(
    ("per_minute", "asked_at", "waits"),
    [
        (1, [0, 0, 60.9, 61], [0, 61, 0.1, 0]),
        (2, [0, 30, 30, 61, 61, 91], [0, 0, 31, 0, 30, 0]),
        (3, [0, 0, 0, 0], [0, 0, 0, 61]),
        (2, [0, 100, 110, 120], [0, 0, 0, 41]),
    ],
)
def test_a_call_beyond_the_budget_waits_until_the_oldest_leaves_the_window(
    per_minute: int, asked_at: list[float], waits: list[float]
) -> None:
    budget = Budget(per_minute)
    assert [budget.take(now) for now in asked_at] == pytest.approx(waits)


def test_being_told_to_wait_takes_nothing_from_the_budget() -> None:
    budget = Budget(1)
    budget.take(0)
    for _ in range(5):
        assert budget.take(10) == 51
    assert budget.take(61) == 0


@given(st.integers(1, 7), st.lists(st.floats(0, 40, allow_nan=False), max_size=60))
def test_no_sixty_seconds_hold_more_calls_than_the_budget(per_minute: int, gaps: list[float]) -> None:
    budget, now, taken = Budget(per_minute), 0.0, []
    for gap in gaps:
        now += gap
        while wait := budget.take(now):
            now += wait
        taken.append(now)
    for begin in taken:
        assert sum(begin <= moment <= begin + 60 for moment in taken) <= per_minute


@given(st.integers(1, 5), st.integers(1, 20))
def test_the_budget_can_be_used_up_whole_in_every_window(per_minute: int, windows: int) -> None:
    budget, now = Budget(per_minute), 0.0
    for _ in range(windows):
        for _ in range(per_minute):
            assert budget.take(now) == 0.0
        now += budget.take(now)
    assert now <= 61.0 * windows


def test_a_closed_budget_grants_nothing_before_its_time_and_everything_after() -> None:
    budget = Budget(5)
    budget.close_until(30)
    assert budget.take(10) == 20
    assert budget.take(29.5) == 0.5
    assert budget.take(30) == 0


def test_closing_a_budget_again_never_opens_it_sooner() -> None:
    budget = Budget(5)
    budget.close_until(30)
    budget.close_until(10)
    assert budget.take(20) == 10


def test_of_a_full_and_closed_budget_the_later_reason_counts() -> None:
    budget = Budget(1)
    budget.take(0)
    budget.close_until(10)
    assert budget.take(5) == 56
    budget.close_until(100)
    assert budget.take(5) == 95


def settings(url: str, access_key_id: str, reads_per_minute: int, writes_per_minute: int) -> Settings:
    credentials = Credentials(access_key_id, "secret")
    return Settings(
        base_url=url,
        credentials=credentials,
        reads_per_minute=reads_per_minute,
        writes_per_minute=writes_per_minute,
    )


def test_an_access_key_at_an_address_has_one_pair_of_budgets_in_the_process() -> None:
    shared = shared_budgets(settings("https://one.test", "AKID", 10, 5))
    assert shared_budgets(settings("https://one.test", "AKID", 10, 5)) is shared
    assert (shared.reads.per_minute, shared.writes.per_minute) == (10, 5)
    assert shared_budgets(settings("https://two.test", "AKID", 10, 5)) is not shared
    assert shared_budgets(settings("https://one.test", "OTHER", 10, 5)) is not shared


def test_reads_and_writes_are_apart() -> None:
    budgets = shared_budgets(settings("https://apart.test", "AKID", 1, 1))
    assert budgets.reads.take(0) == 0
    assert budgets.writes.take(0) == 0
    assert budgets.reads.take(0) > 0
    assert budgets.writes.take(0) > 0


def test_threads_that_ask_at_once_share_one_budget() -> None:
    granted: list[int] = []
    ready = threading.Barrier(8)

    def ask() -> None:
        budget = shared_budgets(settings("https://threads.test", "AKID", 100, 100)).writes
        ready.wait(5)
        granted.append(sum(budget.take(0) == 0 for _ in range(50)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 100
