"""What a snapshot remembers of each row: found again, read again in time, and stored in few bytes."""

from __future__ import annotations

import io
import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from onlive_provider.bulk.row_digest import digest_of, key_of
from onlive_provider.bulk.snapshot_table import SnapshotTable, read_table
from tests.bulk.server import record_id

AGE = 7 * 86_400
NOW = 1_900_000_000


def stored(table: SnapshotTable, now: int = NOW) -> bytes:
    return b"".join(table.blocks("identity", now))


def again(table: SnapshotTable, now: int = NOW, max_age: int = AGE) -> SnapshotTable:
    return read_table(io.BytesIO(stored(table, now)), "identity", max_age)


class SlowFile(io.BytesIO):
    """A file that gives few bytes at a time, as a network may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(100 if size is None or size < 0 else min(size, 100))


def table_of(keys: list[int], at: int = NOW) -> SnapshotTable:
    table = SnapshotTable(AGE)
    for key in keys:
        table.put(key, key ^ 1, at)
    return table


def test_what_was_put_is_known_after_it_was_stored_in_twenty_bytes_a_row() -> None:
    chance = random.Random(1)
    keys = [0, 1, 2**64 - 1, *(chance.getrandbits(64) for _ in range(3000))]
    table = again(table_of(keys))
    assert not table.is_changed
    assert all(table.knows(key, key ^ 1, NOW) for key in keys)
    assert not any(table.knows(key, key, NOW) for key in keys)
    assert not table.knows(5, 4, NOW)
    assert len(stored(table)) < 20 * len(keys) + 150
    assert stored(again(table)) == stored(table)


def test_a_later_run_adds_changes_and_forgets() -> None:
    table = again(table_of([1, 2, 3]))
    table.put(2, 77, NOW + 1)
    table.put(4, 44, NOW + 1)
    table.drop(3)
    table.drop(99)
    assert table.is_changed
    table = again(table, NOW + 1)
    known = {key: [digest for digest in (key ^ 1, 77, 44) if table.knows(key, digest, NOW + 1)] for key in range(1, 5)}
    assert known == {1: [0], 2: [77], 3: [], 4: [44]}


def test_a_file_that_comes_in_small_pieces_is_read_as_well() -> None:
    content = stored(table_of(list(range(1000))))
    head = content.index(b"\n") + 1
    assert head < 100
    assert read_table(SlowFile(content), "identity", AGE).knows(999, 998, NOW)


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_no_part_of_a_file_passes_for_a_whole_one(cut: int) -> None:
    content = stored(table_of([1, 2, 3]))
    with pytest.raises(ValueError, match="is cut short or damaged"):
        read_table(io.BytesIO(content[: len(content) - cut - 1]), "identity", AGE)


def test_no_flipped_bit_passes() -> None:
    content = stored(table_of([1, 2, 3]))
    for place in range(len(content)):
        flipped = content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
        with pytest.raises(ValueError, match=r"^(is|was made)"):
            read_table(io.BytesIO(flipped), "identity", AGE)


def test_each_record_is_due_once_in_the_longest_age_and_at_a_time_of_its_own() -> None:
    keys = [key_of(record_id(each)) for each in range(7000)]
    table = again(table_of(keys))
    due: Counter[int] = Counter()
    for key in keys:
        hours = [hour for hour in range(7 * 24 + 1) if not table.knows(key, key ^ 1, NOW + hour * 3600)]
        assert hours[-1] == 7 * 24
        assert hours == list(range(hours[0], 7 * 24 + 1))
        due[-(-hours[0] // 24)] += 1
    assert sorted(due) == [1, 2, 3, 4, 5, 6, 7]
    assert all(800 < number < 1200 for number in due.values())


def test_what_is_due_is_not_stored_again() -> None:
    assert len(stored(again(table_of([1, 2, 3])), NOW + AGE)) == len(stored(SnapshotTable(AGE)))


def test_a_shorter_age_holds_for_what_was_remembered_before() -> None:
    table = again(table_of([1, 2, 3]), max_age=3600)
    assert not any(table.knows(key, key ^ 1, NOW + 3600) for key in (1, 2, 3))


def test_hashes_do_not_change_from_one_process_or_version_to_the_next() -> None:
    assert key_of(record_id(1)) == 0x20AE93AB5B52B7F6
    assert digest_of(record_id(1), {"b": [1, None, "ñ"], "a": {}}) == 0x68E43D30A1A3E2FD


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": []}, {"a": {}}),
        ({"a": "x"}, {"b": "x"}),
        ({"a": 1.5}, {"a": Decimal("1.5")}),
        ({"a": Decimal("1.5")}, {"a": "1.5"}),
        ({"a": date(2030, 1, 1)}, {"a": "2030-01-01"}),
        ({"a": datetime(2030, 1, 1, tzinfo=UTC)}, {"a": datetime(2030, 1, 1)}),
        ({"a": datetime(2030, 1, 1, tzinfo=UTC)}, {"a": datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=1)))}),
        ({"a": datetime(2030, 10, 27, 2, fold=1)}, {"a": datetime(2030, 10, 27, 2)}),
        ({"a": time(2)}, {"a": time(3)}),
        ({"a": UUID(record_id(1))}, {"a": UUID(record_id(2))}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}),
    ],
)
def test_rows_that_differ_have_digests_that_differ(one: Any, other: Any) -> None:
    digests = {digest_of(record_id(1), one), digest_of(record_id(1), other), digest_of(record_id(2), one)}
    assert None not in digests
    assert len(digests) == 3


def test_the_order_of_a_rows_columns_does_not_matter() -> None:
    assert digest_of("x", {"a": 1, "b": {"c": 2, "d": 3}}) == digest_of("x", {"b": {"d": 3, "c": 2}, "a": 1})


class Shy:
    """What hides its values in its text."""

    def __repr__(self) -> str:
        return "Shy()"


@pytest.mark.parametrize("value", [Shy(), b"bytes", {1, 2}, {"a": 1, 2: 3}])
def test_what_has_no_exact_text_has_no_digest(value: Any) -> None:
    assert digest_of("x", {"a": value}) is None


def test_what_holds_itself_has_no_digest() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert digest_of("x", {"a": loop}) is None
