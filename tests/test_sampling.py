"""How `make mutants` chooses what it tries."""

from __future__ import annotations

from collections import Counter

import pytest

from scripts.sampling import sample

FILES = {f"room/{size}.py": [(f"room/{size}.py", number) for number in range(size)] for size in range(1, 41)}
TOTAL = sum(map(len, FILES.values()))


@pytest.mark.parametrize("size", [7, 60, 400])
def test_as_many_different_items_are_chosen_as_were_asked_for(size: int) -> None:
    for seed in range(20):
        assert len(set(sample(FILES, size, seed))) == size


def test_more_than_there_are_means_all() -> None:
    assert len(set(sample(FILES, TOTAL + 1, 1))) == TOTAL


def test_each_file_has_its_share_to_within_one() -> None:
    counts = Counter(path for path, _ in sample(FILES, 100, 3))
    for path, items in FILES.items():
        assert abs(counts[path] - 100 * len(items) / TOTAL) < 1, path


def test_a_seed_always_chooses_the_same_and_many_seeds_leave_no_file_out() -> None:
    assert sample(FILES, 20, 5) == sample(FILES, 20, 5)
    assert sample(FILES, 20, 5) != sample(FILES, 20, 6)
    assert {path for seed in range(300) for path, _ in sample(FILES, 20, seed)} == FILES.keys()


def test_of_one_file_any_two_items_may_be_chosen_together() -> None:
    one = {"module.py": range(100)}
    assert len({frozenset(sample(one, 2, seed)) for seed in range(300)}) > 100
