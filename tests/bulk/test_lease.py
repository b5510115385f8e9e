"""Which of two processes on one report may write to guests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.bulk.lease import ALIVE, PATIENCE, RENEWAL, VALID, Lease, Owner, take_lease
from onlive_provider.errors import OnliveReportPlaceError, OnliveReportTakenError
from onlive_provider.operators.storage import AirflowStorage
from tests.bulk.shelf import Shelf
from tests.loopback import FakeClock

TASK = {"dag_id": "nightly", "run_id": "monday", "task_id": "update", "map_index": -1}
OTHER_TASK = {**TASK, "run_id": "tuesday"}


@pytest.fixture(params=["disk", "shelf"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[AirflowStorage, str]:
    if request.param == "disk":
        return AirflowStorage(), str(tmp_path / "r.jsonl")
    return Shelf(tmp_path / "shelf"), "shelf://bucket/r.jsonl"


def take(place: Any, clock: FakeClock, task: Any = TASK, try_number: int = 1, pid: int = 1) -> Lease:
    """Take the lease as another process would, unless ``pid`` is this one's."""
    return take_lease(*place, Owner(task, try_number, pid=pid), clock)


def may_write(lease: Lease) -> bool:
    try:
        lease.renew()
        return lease.is_held()
    except OnliveReportTakenError:
        return False


def lock_files(place: Any) -> list[str]:
    storage, path = place
    return [name for name in storage.names(path.rpartition("/")[0]) if name.endswith(".lock")]


def test_who_has_it_keeps_it_and_leaves_nothing_behind(place: Any) -> None:
    lease = take(place, FakeClock())
    assert may_write(lease)
    assert lock_files(place) == ["r.jsonl.lock"]
    lease.release()
    assert lock_files(place) == []


def test_another_task_is_refused_and_told_by_whom(place: Any) -> None:
    clock = FakeClock()
    first = take(place, clock, pid=4711)
    with pytest.raises(
        OnliveReportPlaceError, match="dag_id nightly, run_id monday, task_id update, try 1, process 4711"
    ):
        take(place, clock, OTHER_TASK)
    assert may_write(first)


def test_a_later_try_takes_over_and_the_earlier_one_may_not_write_any_more(place: Any) -> None:
    clock = FakeClock()
    first = take(place, clock, try_number=1)
    second = take(place, clock, try_number=2, pid=2)
    assert sum(clock.waits) >= VALID
    assert not may_write(first)
    assert may_write(second)
    first.release()
    assert may_write(second)
    assert lock_files(place) == ["r.jsonl.lock"]


def test_an_earlier_try_that_comes_late_is_refused(place: Any) -> None:
    clock = FakeClock()
    second = take(place, clock, try_number=2)
    with pytest.raises(OnliveReportTakenError, match="try 2"):
        take(place, clock, try_number=1)
    assert may_write(second)


def test_a_try_that_was_followed_by_one_that_is_done_may_not_write_any_more(place: Any) -> None:
    clock = FakeClock()
    first = take(place, clock)
    take(place, clock, try_number=2).release()
    assert not may_write(first)


def test_after_its_release_anybody_takes_it_without_a_wait(place: Any) -> None:
    clock = FakeClock()
    take(place, clock).release()
    assert may_write(take(place, clock, OTHER_TASK))
    assert clock.waits == []


def test_what_a_dead_process_left_is_taken_without_a_wait(place: Any, tmp_path: Path) -> None:
    storage, path = place
    clock = FakeClock()
    with storage.open(f"{path}.lock", "wb") as file:
        file.write(Owner(OTHER_TASK, 3, at=clock.time() - ALIVE - 1).as_line())
    assert may_write(take(place, clock))
    assert clock.waits == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b'{"task": 1}\n', b"\x00" * 5000])
def test_a_lock_file_that_says_nothing_is_taken(place: Any, content: bytes) -> None:
    storage, path = place
    with storage.open(f"{path}.lock", "wb") as file:
        file.write(content)
    assert may_write(take(place, FakeClock()))


def test_a_second_journal_of_one_process_waits_for_nobody(place: Any) -> None:
    clock = FakeClock()
    first = take(place, clock, pid=os.getpid())
    second = take(place, clock, pid=os.getpid())
    assert clock.waits == []
    assert not may_write(first)
    assert may_write(second)


def test_what_an_earlier_task_of_this_process_left_is_taken(place: Any) -> None:
    clock = FakeClock()
    first = take(place, clock, OTHER_TASK, try_number=5, pid=os.getpid())
    second = take(place, clock, pid=os.getpid())
    assert clock.waits == []
    assert not may_write(first)
    assert may_write(second)


def test_on_disk_an_earlier_try_that_hangs_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    place, clock = (AirflowStorage(), str(tmp_path / "r.jsonl")), FakeClock()
    first = take(place, clock)
    second = take(place, clock, try_number=2, pid=2)
    assert PATIENCE <= sum(clock.waits) < PATIENCE + 1
    assert not may_write(first)
    assert may_write(second)


def test_on_disk_one_look_before_each_write_is_enough(tmp_path: Path) -> None:
    place, clock = (AirflowStorage(), str(tmp_path / "r.jsonl")), FakeClock()
    first = take(place, clock)
    assert first.is_held()
    take(place, clock, try_number=2)
    with pytest.raises(OnliveReportTakenError, match="try 2, process 1"):
        first.is_held()


def test_on_disk_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    place, clock = (AirflowStorage(), str(tmp_path / "new" / "r.jsonl")), FakeClock()
    lease = take(place, clock)
    (tmp_path / "new" / "r.jsonl.lock").unlink()
    (tmp_path / "new").rmdir()
    assert may_write(lease)
    with pytest.raises(OnliveReportPlaceError):
        take(place, clock, OTHER_TASK)


def test_on_disk_a_folder_that_was_removed_and_taken_by_another_process_is_lost(tmp_path: Path) -> None:
    place, clock = (AirflowStorage(), str(tmp_path / "r.jsonl")), FakeClock()
    first = take(place, clock)
    (tmp_path / "r.jsonl.lock").unlink()
    second = take(place, clock, OTHER_TASK)
    assert not may_write(first)
    assert may_write(second)


def test_on_disk_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / "r.jsonl.lock").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic link"):
        take((AirflowStorage(), str(tmp_path / "r.jsonl")), FakeClock())
    assert precious.read_text() == "keep me"


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    take((AirflowStorage(), str(tmp_path / "r.jsonl")), FakeClock())
    assert (tmp_path / "r.jsonl.lock").stat().st_mode & 0o777 == 0o600


def test_in_a_store_the_right_to_write_ends_by_itself(tmp_path: Path) -> None:
    clock = FakeClock()
    lease = take((Shelf(tmp_path), "shelf://r.jsonl"), clock)
    assert lease.is_held()
    clock.move(VALID)
    assert not lease.is_held()
    lease.renew()
    assert lease.is_held()


def test_in_a_store_an_owner_says_now_and_then_that_it_is_alive(tmp_path: Path) -> None:
    clock, shelf = FakeClock(), Shelf(tmp_path)
    place = shelf, "shelf://r.jsonl"
    lease = take(place, clock)
    for _ in range(int(ALIVE / RENEWAL) + 2):
        clock.move(RENEWAL + 1)
        lease.renew()
    with pytest.raises(OnliveReportPlaceError, match="run_id monday"):
        take(place, clock, OTHER_TASK)
    writes = len(shelf.written)
    lease.renew()
    assert len(shelf.written) == writes


def test_in_a_store_a_lease_that_was_removed_is_lost(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    lease = take((shelf, "shelf://r.jsonl"), FakeClock())
    shelf.clear()
    assert not may_write(lease)
    assert not lease.is_held()
