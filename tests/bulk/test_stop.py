"""A task that is told to stop: by a flag as in Airflow 3.3, by an exception in the main thread as in 2.11."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.child import start
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.test_crash import connection_to

ROWS = 200  # several blocks, of which most are not even read when the task is stopped


def stop_when(server: ManyRecords, folder: Path, way: str, *, hangs: str, **arguments: Any) -> list[dict[str, Any]]:
    """Send SIGTERM once both requests in work have reached the server, and return the report.

    :param hangs: the method that the server does not answer from then on.
    """
    hanging, both = [], threading.Event()

    def before(seen: Seen) -> Any:
        if seen.method != hangs or len(server.requests) < 20:
            return None
        hanging.append(seen)
        if len(hanging) == 2:
            both.set()
        return ManyRecords.SILENT

    server.before = before
    rows = [{"id": record_id(number), "title": f"title {number}"} for number in range(ROWS)]
    given = {"updates": rows, "report_path": str(folder / "r.jsonl"), "concurrency": 2, **arguments}
    process = start(connection_to(server), given, way)
    assert both.wait(20)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    process.join(20)
    assert process.exitcode == 1
    return [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("way", ["flag", "exception"])
def test_a_server_that_hangs_cannot_keep_a_task_from_stopping(way: str, tmp_path: Path) -> None:
    with ManyRecords(ROWS) as server:
        outcomes = stop_when(server, tmp_path, way, hangs="PUT")
        written = len(server.writes)
    assert [each["index"] for each in outcomes] == list(range(ROWS))
    names = [each["outcome"] for each in outcomes]
    assert names.count("updated") == written
    assert [each["error"] for each in outcomes if each["outcome"] == "failed"] == ["OnliveUnknownFateError"] * 2
    assert names.count("not_attempted") == ROWS - written - 2
    assert (tmp_path / "r.html").exists()


@pytest.mark.parametrize("way", ["flag", "exception"])
def test_records_in_work_finish(way: str, tmp_path: Path) -> None:
    with ManyRecords(ROWS) as server:
        target: Future[int] = Future()

        def stop_at_the_tenth_write(seen: Seen) -> None:
            if seen.method == "PUT" and len(server.writes) == 10:
                os.kill(target.result(10), signal.SIGTERM)

        server.before = stop_at_the_tenth_write
        rows = [{"id": record_id(number), "title": f"title {number}"} for number in range(ROWS)]
        given = {"updates": rows, "report_path": str(tmp_path / "r.jsonl"), "concurrency": 4}
        process = start(connection_to(server), given, way)
        target.set_result(process.pid or 0)
        process.join(20)
        assert process.exitcode == 1
        written = len(server.writes)
    outcomes = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    names = [each["outcome"] for each in outcomes]
    assert 10 <= names.count("updated") == written < ROWS
    assert names.count("not_attempted") == ROWS - written


@pytest.mark.parametrize("way", ["flag", "exception"])
def test_a_record_of_which_nothing_was_sent_is_not_attempted(way: str, tmp_path: Path) -> None:
    with ManyRecords(ROWS) as server:
        outcomes = stop_when(server, tmp_path, way, hangs="GET")
        written = len(server.writes)
    names = [each["outcome"] for each in outcomes]
    assert names.count("updated") == written
    assert names.count("not_attempted") == ROWS - written


def test_a_retry_after_a_stop_does_the_rest_and_nothing_twice(tmp_path: Path) -> None:
    with ManyRecords(ROWS) as server:
        stop_when(server, tmp_path, "flag", hangs="PUT")
        server.before = lambda seen: None
        rows = [{"id": record_id(number), "title": f"title {number}"} for number in range(ROWS)]
        process = start(
            connection_to(server), {"updates": rows, "report_path": str(tmp_path / "r.jsonl"), "concurrency": 2}
        )
        process.join(20)
        assert process.exitcode == 0
        assert server.writes == {record_id(number): 1 for number in range(ROWS)}
    outcomes = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [each["outcome"] for each in outcomes] == ["updated"] * ROWS
    assert all(each["before"] == {"title": "as it was"} for each in outcomes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.jsonl"]
