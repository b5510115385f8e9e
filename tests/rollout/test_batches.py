"""Batches are cumulative, grow, and are the same at every run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.rollout.batches import read_batches, split
from tests.rollout.fleet import in_order, service_id

IDS = [service_id(number) for number in range(400)]


def sizes(batches: Any, ids: list[str] = IDS) -> list[int]:
    return [len(batch) for batch in split(ids, read_batches(batches, "batches"), "batches")]


@pytest.mark.parametrize(
    ("batches", "total", "expected"),
    [
        (("5%", "25%", "100%"), 400, [20, 80, 300]),
        ((1, 10), 400, [1, 9]),
        (("1", "10"), 400, [1, 9]),
        ([1, "2.5%", "100%"], 400, [1, 9, 390]),
        ('["0.1%", "100 %"]', 400, [1, 399]),
        ("('50%', '100%')", 3, [2, 1]),
        (("5%", "25%", "100%"), 1, [1, 0, 0]),
        ((10, 500), 400, [10, 390]),
        (("100%",), 400, [400]),
    ],
)
def test_a_batch_reaches_a_share_or_a_number_of_all(batches: Any, total: int, expected: list[int]) -> None:
    assert sizes(batches, IDS[:total]) == expected


def test_services_come_by_the_hash_of_their_id_whatever_order_they_are_given_in() -> None:
    batches = split(IDS, read_batches((3, 7), "batches"), "batches")
    assert batches == split(IDS[::-1], read_batches((3, 7), "batches"), "batches")
    assert [*batches[0], *batches[1]] == in_order(IDS)[:7]


@settings(deadline=None)
@given(st.sets(st.integers(0, 399), min_size=1), st.integers(1, 99))
def test_a_later_batch_holds_the_earlier_one(numbers: set[int], share: int) -> None:
    ids = [service_id(number) for number in numbers]
    few, rest = split(ids, read_batches((f"{share}%", "100%"), "batches"), "batches")
    more, _ = split(ids, read_batches((f"{share + 1}%", "100%") if share < 99 else ("99.5%", "100%"), "batches"), "b")
    assert few == more[: len(few)]
    assert sorted([*few, *rest]) == sorted(ids)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ((), "batches: got no batch; accepted: at least one"),
        ((0,), r"batches\[0\]: got 0; accepted: a number of services such as 10"),
        ((-1,), r"batches\[0\]: got -1"),
        ((1.5,), r"batches\[0\]: got 1.5"),
        ((True,), r"batches\[0\]: got True"),
        (("101%",), r"batches\[0\]: got '101%'"),
        (("0%",), r"batches\[0\]: got '0%'"),
        (("1.2.3%",), r"batches\[0\]: got '1.2.3%'"),
        (("%",), r"batches\[0\]: got '%'"),
        (("all",), r"batches\[0\]: got 'all'"),
        (([],), r"batches\[0\]: got \[\]"),
        (("50%", "50%"), "batches: 50% after 50% reaches no further; accepted: batches that grow"),
        ((5, "100%", 3), "batches: 3 after 100% reaches no further of 400 services"),
        ("100%", "batches: got str"),
        (100, "batches: got int"),
    ],
)
def test_what_is_no_growing_list_of_batches_is_refused(batches: Any, message: str) -> None:
    with pytest.raises(OnlivePayloadError, match=message):
        sizes(batches)
