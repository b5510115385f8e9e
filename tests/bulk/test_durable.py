"""No write leaves before a retry on another machine finds what stood there before, and a zombie writes nothing more."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.bulk import announcer
from onlive_provider.bulk.working_file import MAX_PARTS
from onlive_provider.errors import OnliveReportPlaceError
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from tests.bulk.child import start, task_instance
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.shelf import Shelf
from tests.bulk.test_crash import connection_to
from tests.loopback import FakeClock

ROWS = 150
REPORT = "shelf://bucket/r.jsonl"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(ROWS) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        yield server


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


def rows(number: int = ROWS) -> list[dict[str, Any]]:
    return [{"id": record_id(each), "title": f"title {each}"} for each in range(number)]


def update(number: int, storage: Any = None, **arguments: Any) -> dict[str, Any]:
    operator = BulkUpdateAppointmentsOperator(task_id="update", updates=rows(number), **arguments)
    if storage is not None:
        operator.storage = storage
    return operator.execute({"ti": task_instance()})


def report_lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def each_once(server: ManyRecords, number: int = ROWS) -> bool:
    return server.writes == {record_id(each): 1 for each in range(number)}


def test_what_stood_there_is_in_the_store_before_its_write_leaves(server: ManyRecords, shelf: Shelf) -> None:
    not_there: list[str] = []

    def look(seen: Seen) -> None:
        if seen.method == "PUT":
            announced = b"".join(shelf.objects().values())
            line = next((line for line in announced.splitlines() if seen.id.encode() in line), b"{}")
            if json.loads(line).get("before") != {"title": "as it was"}:
                not_there.append(seen.id)

    server.before = look  # type: ignore[assignment]
    assert update(60, shelf, report_path=REPORT)["updated"] == 60
    assert not_there == []
    assert sorted(shelf.objects()) == ["bucket/r.html", "bucket/r.jsonl"]


def test_what_stood_there_is_on_the_disk_before_its_write_leaves(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: dict[int, bytes] = {}
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        flush(descriptor)
        found = os.stat(descriptor)
        if stat.S_ISREG(found.st_mode):
            on_disk[found.st_ino] = Path(f"/proc/self/fd/{descriptor}").read_bytes()

    monkeypatch.setattr(os, "fsync", fsync)
    not_there = []

    def look(seen: Seen) -> None:
        if seen.method == "PUT" and not any(seen.id.encode() in content for content in on_disk.values()):
            not_there.append(seen.id)

    server.before = look  # type: ignore[assignment]
    update(60, report_path=str(tmp_path / "r.jsonl"))
    assert not_there == []
    assert each_once(server, 60)


def test_many_writes_are_announced_in_one_operation(server: ManyRecords, shelf: Shelf) -> None:
    shelf.delay = 0.02
    update(100, shelf, report_path=REPORT, concurrency=16)
    parts = [name for name in shelf.written if ".parts/" in name]
    assert len(parts) <= 50


def test_a_long_run_leaves_a_retry_few_parts_to_read(server: ManyRecords, shelf: Shelf) -> None:
    most = 0

    def count(operation: str, name: str) -> None:
        nonlocal most
        most = max(most, sum(".parts/" in each for each in shelf.objects()) if operation == "write" else 0)

    shelf.before = count
    for _ in range(2):
        update(ROWS, shelf, report_path=REPORT, concurrency=1, only_changed=False)
    assert 0 < most <= MAX_PARTS


@pytest.mark.parametrize("after", [3, 40, 90])
def test_a_kill_and_a_retry_on_another_machine_forget_no_write(
    server: ManyRecords, shelf: Shelf, after: int, tmp_path: Path
) -> None:
    killed = threading.Event()

    def kill(seen: Seen) -> Any:
        if seen.method == "PUT" and sum(server.writes.values()) >= after and not killed.is_set():
            killed.set()
            os.kill(process.pid or 0, signal.SIGKILL)
            return ManyRecords.SILENT
        return None

    server.after = kill
    given = {"updates": rows(), "report_path": REPORT, "concurrency": 8}
    process = start(connection_to(server), given, shelf=shelf.folder)
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    elsewhere = shutil.copytree(shelf.folder, tmp_path / "elsewhere")
    retry = start(connection_to(server), given, shelf=elsewhere, try_number=2)
    retry.join(60)
    assert retry.exitcode == 0
    assert each_once(server)
    lines = report_lines(Shelf(elsewhere).objects()["bucket/r.jsonl"])
    assert [(line["outcome"], line["before"]) for line in lines] == [("updated", {"title": "as it was"})] * ROWS
    assert sorted(Shelf(elsewhere).objects()) == ["bucket/r.html", "bucket/r.jsonl"]


@pytest.mark.parametrize("place", ["disk", "shelf"])
@pytest.mark.parametrize("state", ["frozen", "running"])
def test_a_zombie_and_its_retry_write_each_record_once_and_leave_one_report(
    server: ManyRecords, shelf: Shelf, tmp_path: Path, place: str, state: str
) -> None:
    report = str(tmp_path / "r.jsonl") if place == "disk" else REPORT
    half_way = threading.Event()

    def slowly(seen: Seen) -> None:
        time.sleep(0.01)
        if sum(server.writes.values()) >= 40:
            half_way.set()

    server.before = slowly  # type: ignore[assignment]
    given = {"updates": rows(), "report_path": report, "concurrency": 4}
    connection = connection_to(server)
    zombie = start(connection, given, shelf=shelf.folder)
    assert half_way.wait(30)
    if state == "frozen":
        os.kill(zombie.pid or 0, signal.SIGSTOP)
    retry = start(connection, given, shelf=shelf.folder, try_number=2)
    if state == "frozen":
        while sum(server.writes.values()) < 80:
            assert retry.is_alive()
            time.sleep(0.02)
        os.kill(zombie.pid or 0, signal.SIGCONT)
    retry.join(60)
    zombie.join(60)
    assert retry.exitcode == 0
    assert zombie.exitcode == 1
    assert each_once(server)
    names = [each.name for each in tmp_path.iterdir()] if place == "disk" else list(shelf.objects())
    assert sorted(name.removeprefix("bucket/") for name in names if name != "shelf") == ["r.html", "r.jsonl"]
    content = Path(report).read_bytes() if place == "disk" else shelf.objects()["bucket/r.jsonl"]
    lines = report_lines(content)
    assert [(line["index"], line["outcome"]) for line in lines] == [(each, "updated") for each in range(ROWS)]
    assert {json.dumps(line["before"]) for line in lines} == {'{"title": "as it was"}'}


def test_a_store_that_goes_away_and_comes_back_stops_nothing(
    server: ManyRecords, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "AGAIN_AFTER", (0.05, 0.05))
    failing = iter([False, False, True, True, False, True])

    def away(operation: str, name: str) -> None:
        if ".parts/" in name and operation == "write" and next(failing, False):
            raise ConnectionError("the bucket is away")

    shelf.before = away
    assert update(30, shelf, report_path=REPORT, concurrency=2)["updated"] == 30
    assert next(failing, None) is None
    assert each_once(server, 30)


def test_a_store_that_stays_away_ends_the_run_and_the_retry_sends_only_the_rest(
    server: ManyRecords, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "AGAIN_AFTER", (0.0, 0.0))

    def away(operation: str, name: str) -> None:
        if sum(server.writes.values()) >= 10:
            raise ConnectionError("the bucket is away")

    shelf.before = away
    with pytest.raises(OnliveReportPlaceError, match="could not be written: ConnectionError") as it:
        update(60, shelf, report_path=REPORT, concurrency=4)
    assert it.value.retryable
    assert sum(server.writes.values()) < 60
    shelf.before = lambda operation, name: None
    assert update(60, shelf, report_path=REPORT)["updated"] == 60
    assert each_once(server, 60)


@pytest.mark.parametrize("room", [3_000, 12_000])
def test_on_a_full_disk_nothing_is_sent_that_is_not_remembered_and_the_retry_sends_only_the_rest(
    server: ManyRecords, tmp_path: Path, room: int
) -> None:
    given = {"updates": rows(), "report_path": str(tmp_path / "r.jsonl"), "concurrency": 8}
    process = start(connection_to(server), given, room=room)
    process.join(60)
    assert process.exitcode == 1
    assert 0 < sum(server.writes.values()) < ROWS
    retry = start(connection_to(server), given, try_number=2)
    retry.join(60)
    assert retry.exitcode == 0
    assert each_once(server)
    lines = report_lines((tmp_path / "r.jsonl").read_bytes())
    assert [(line["outcome"], line["before"]) for line in lines] == [("updated", {"title": "as it was"})] * ROWS
    assert sorted(each.name for each in tmp_path.iterdir()) == ["r.html", "r.jsonl"]


def test_after_a_flush_that_failed_once_nothing_is_sent_and_the_retry_sends_only_the_rest(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "AGAIN_AFTER", (0.0, 0.0))
    flush, failed = os.fsync, []

    def fsync(descriptor: int) -> None:
        if sum(server.writes.values()) >= 10 and not failed:
            failed.append(dict(server.writes))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    given = {"report_path": str(tmp_path / "r.jsonl"), "concurrency": 1}
    with pytest.raises(OnliveReportPlaceError, match="No space left on device"):
        update(30, **given)
    assert server.writes == failed[0]
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(time.time()))  # The write that was kept back is looked up.
    assert update(30, **given)["updated"] == 30
    assert each_once(server, 30)


def test_a_folder_that_is_removed_in_the_middle_costs_nothing(server: ManyRecords, tmp_path: Path) -> None:
    folder = tmp_path / "reports"

    def remove(seen: Seen) -> None:
        if seen.method == "PUT" and sum(server.writes.values()) == 20:
            shutil.rmtree(folder, ignore_errors=True)

    server.before = remove  # type: ignore[assignment]
    assert update(60, report_path=str(folder / "r.jsonl"))["updated"] == 60
    assert len((folder / "r.jsonl").read_bytes().splitlines()) == 60
    assert sorted(each.name for each in folder.iterdir()) == ["r.html", "r.jsonl"]


def test_a_second_task_on_the_same_report_is_refused_before_any_call(server: ManyRecords, tmp_path: Path) -> None:
    refused: list[str] = []

    def second(seen: Seen) -> None:
        if seen.method == "PUT" and not refused:
            process = start(
                connection_to(other), {"updates": rows(), "report_path": report}, run_id="another", task_id="other"
            )
            process.join(30)
            refused.append(str(process.exitcode))

    report = str(tmp_path / "r.jsonl")
    with ManyRecords(ROWS) as other:
        server.before = second  # type: ignore[assignment]
        assert update(20, report_path=report)["updated"] == 20
        assert refused == ["1"]
        assert other.requests == []
    assert len(Path(report).read_bytes().splitlines()) == 20
