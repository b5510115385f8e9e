"""A task that is killed at any moment, and its retry."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.child import start
from tests.bulk.server import LONG_AGO, ManyRecords, Seen, record_id
from tests.loopback import SECRET, fresh_credentials

ROWS = 150


def wanted(number: int) -> dict[str, Any]:
    """Return a row: a third changes a title, a third has a field that cannot be read back, a third changes nothing."""
    kinds = ({"title": f"title {number}"}, {"agentComment": f"comment {number}"}, {"title": "as it was"})
    return {"id": record_id(number), **kinds[number % 3]}


def connection_to(server: ManyRecords) -> str:
    plenty = {"reads_per_minute": 100_000, "writes_per_minute": 100_000}
    login = fresh_credentials().access_key_id
    return json.dumps({"conn_type": "onlive", "login": login, "password": SECRET, "host": server.url, "extra": plenty})


class Killer:
    """Kills a process when the server has seen a number of requests, before or after it carries out the last one."""

    def __init__(self, server: ManyRecords) -> None:
        server.before = lambda seen: self._count(seen, before=True)
        server.after = lambda seen: self._count(seen, before=False)
        self._left, self._is_before = -1, True

    def aim(self, after: int, *, before: bool) -> None:
        self.target: Future[int] = Future()
        self._is_before, self._left = before, after

    def _count(self, seen: Seen, *, before: bool) -> Any:
        if before is not self._is_before or self._left < 0:
            return None
        self._left -= 1
        if self._left >= 0:
            return None
        os.kill(self.target.result(10), signal.SIGKILL)
        return ManyRecords.SILENT


def run_killed_and_retried(seed: int, folder: Path, **arguments: Any) -> tuple[ManyRecords, list[dict[str, Any]]]:
    chance = random.Random(seed)
    report = folder / "report.jsonl"
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(wanted(number)) + "\n" for number in range(ROWS)))
    given = {"updates_path": str(rows), "report_path": str(report), "concurrency": 8, **arguments}
    with ManyRecords(ROWS) as server:
        killer = Killer(server)
        connection = connection_to(server)
        for _ in range(3):
            killer.aim(chance.randrange(100), before=chance.random() < 0.5)
            process = start(connection, given)
            killer.target.set_result(process.pid or 0)
            process.join(30)
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            wait_until_gone(server)
        else:
            process = start(connection, given)
            process.join(30)
            assert process.exitcode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.jsonl", "rows.jsonl"]
    return server, [json.loads(line) for line in report.read_text().splitlines()]


def wait_until_gone(server: ManyRecords) -> None:
    """Wait until the server has read all that the killed process sent."""
    gone = threading.Event()

    def look() -> None:
        gone.set() if not server.connections else server._loop.call_later(0.001, look)

    server._loop.call_soon_threadsafe(look)
    assert gone.wait(10)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("arguments", [{}, {"max_changes": 100}], ids=["", "compared first"])
def test_a_task_killed_at_any_record_writes_none_twice_and_loses_none(
    seed: int, arguments: dict[str, Any], tmp_path: Path
) -> None:
    server, outcomes = run_killed_and_retried(seed, tmp_path, **arguments)
    assert server.writes == {record_id(number): 1 for number in range(ROWS) if number % 3 != 2}
    assert [outcome["index"] for outcome in outcomes] == list(range(ROWS))
    for number, outcome in enumerate(outcomes):
        assert (outcome["id"], outcome["line"]) == (record_id(number), number + 1)
        if number % 3 == 0:
            assert (outcome["before"], outcome["after"]) == ({"title": "as it was"}, {"title": f"title {number}"})
        elif number % 3 == 1:
            assert outcome["after"] == {"agentComment": "<hidden>"}
        assert outcome["outcome"] == ("unchanged" if number % 3 == 2 else "updated")
        expected = LONG_AGO if number % 3 == 2 else server.record(number)["updatedAt"]
        assert outcome["updatedAt"] == expected


@pytest.mark.parametrize("seed", range(5))
def test_a_blind_write_is_not_repeated_either(seed: int, tmp_path: Path) -> None:
    server, outcomes = run_killed_and_retried(seed, tmp_path, only_changed=False)
    assert [outcome["outcome"] for outcome in outcomes] == ["updated"] * ROWS
    readable = {name: number for name, number in server.writes.items() if int(name[-12:]) % 3 != 2}
    assert readable == {record_id(number): 1 for number in range(ROWS) if number % 3 != 2}
