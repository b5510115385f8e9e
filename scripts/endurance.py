"""A long run on a bad day: many rows, and five calls in a hundred that go wrong. What must hold is checked at the end.

``make endurance ROWS=200000`` runs one bulk task in this process, against a server in another that refuses, fails, is
busy, and loses answers before and after a write is carried out. Every record must be written exactly once
but for those whose rows failed; memory may grow by ids and places in the report and no more; and no
descriptor, thread or file may be left.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

FAULTS = 0.05
BUSY = 0.0002
"""The share of calls that are answered with 429 or 503, upon which all calls of the key wait for a moment."""
REFUSED = 0.002
"""The share of rows that the server refuses for good."""
UNLUCKY = 0.0001
"""The share of rows that may fail because call after call went wrong: they are named, and a retry sends them."""
PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds between looks at a write of unknown fate: a twentieth of the usual ones, so that a run takes minutes."""
MOST_GROWTH = 24 * 2**20
"""Bytes by which the second half of 200,000 rows may raise the memory in use: ids and places in the report are kept."""


def serve(rows: int, seed: int, told: Connection) -> None:
    """Serve records until told to stop; then say how many writes were carried out, and which rows were refused."""
    from tests.bulk.server import ManyRecords, Seen, record_id

    chance = random.Random(seed)
    refused = {record_id(number) for number in range(rows) if chance.random() < REFUSED}
    lost: list[Any] = [(500, {}), (502, {}), (200, {}), (200, {"id": "another"})]
    busy: list[Any] = [(408, {}), (429, {}, {"Retry-After": "0"}), (503, {}, {"Retry-After": "0"})]

    def before(seen: Seen) -> Any:
        if seen.method == "PUT" and seen.id in refused:
            return 422, {"statusCode": 422, "message": "Validation failed", "errors": []}
        if chance.random() < BUSY:
            return chance.choice(busy)
        return chance.choice(lost) if chance.random() < FAULTS / 2 else None

    def after(_: Seen) -> Any:
        return chance.choice(lost) if chance.random() < FAULTS / 2 else None

    with ManyRecords(rows) as server:
        server.before, server.after = before, after
        told.send(server.url)
        told.recv()
        told.send((Counter(server.writes.values()), len(refused), len(server.writes)))


def in_use() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def descriptors() -> int:
    """Return how many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


class Watch(threading.Thread):
    """Notes the memory in use as the rows get done."""

    def __init__(self, working_file: Path) -> None:
        super().__init__(daemon=True)
        self.samples: list[tuple[int, int]] = []
        self.over = threading.Event()
        self._working_file = working_file

    def run(self) -> None:
        """Note size and memory five times a second."""
        while not self.over.wait(0.2):
            if self._working_file.exists():
                self.samples.append((self._working_file.stat().st_size, in_use()))

    def growth(self) -> int:
        """Return by how much the second half of the run raised the memory in use."""
        end = self.samples[-1][0]
        first = [memory for size, memory in self.samples if end * 0.3 < size < end * 0.5]
        last = [memory for size, memory in self.samples if size > end * 0.8]
        return max(last) - max(first) if first and last else 0


def endure(rows: int, seed: int = 1) -> list[str]:
    """Run the task, print what came of it, and return what did not hold.

    :param rows: how many records there are.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(rows, seed, theirs), daemon=True)
    process.start()
    with tempfile.TemporaryDirectory(prefix="onlive-endurance-") as name:
        folder = Path(name)
        found, counts, memory, left = _run(rows, ours.recv(), folder)
    ours.send("stop")
    writes, refused, written = ours.recv()
    process.join(10)
    expected = rows - refused
    growth = f"{memory / 2**20:.1f} MB"
    print(
        f"{rows:,} rows: {counts}; {writes.get(1, 0):,} records written once, {written - writes.get(1, 0):,} more often"
    )
    print(f"memory in the second half of the rows: +{growth}")
    problems = [] if not found else [found]
    problems += [f"{number:,} records were written {times} times" for times, number in writes.items() if times > 1]
    unlucky = expected - counts["updated"]
    if not 0 <= unlucky <= rows * UNLUCKY or counts["failed"] != refused + unlucky:
        problems.append(f"the outcomes are {counts}, with {refused:,} rows refused")
    if not counts["updated"] <= written <= expected:
        problems.append(f"{written:,} records were written, and {counts['updated']:,} are said to be")
    if memory > MOST_GROWTH:
        problems.append(f"memory grew by {growth}")
    return problems + left


def _run(rows: int, url: str, folder: Path) -> tuple[str, dict[str, int], int, list[str]]:
    from onlive_provider.client import retry
    from onlive_provider.errors import OnliveRecordsFailedError
    from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
    from tests.bulk.server import record_id

    extra = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "budget_scope": "process"}
    conn = {"conn_type": "onlive", "login": "AKID", "password": "secret", "host": url, "extra": extra}
    source, report, temporary = folder / "rows.jsonl", folder / "r.jsonl", folder / "tmp"
    temporary.mkdir()
    with source.open("w") as file:
        file.writelines(json.dumps({"id": record_id(each), "title": f"title {each}"}) + "\n" for each in range(rows))
    names = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 0, "try_number": 1}
    ti = SimpleNamespace(**names, xcom_push=lambda key, value: None)
    operator = BulkUpdateAppointmentsOperator(
        task_id="t", updates_path=str(source), report_path=str(report), allowed_failures="1%", concurrency=64
    )
    open_before, threads_before = descriptors(), threading.active_count()
    watch = Watch(folder / "r.jsonl.run")
    watch.start()
    found, began = "", time.monotonic()
    with (
        patch.dict(os.environ, AIRFLOW_CONN_ONLIVE_DEFAULT=json.dumps(conn)),
        patch.object(tempfile, "tempdir", str(temporary)),
        patch.object(retry, "SETTLING_PAUSES", PAUSES),
    ):
        try:
            counts = operator.execute({"ti": ti})  # type: ignore[typeddict-item]
        except OnliveRecordsFailedError as error:
            counts, found = error.counts, str(error).partition("\n")[0]
    watch.over.set()
    watch.join()
    print(f"{rows / (time.monotonic() - began):,.0f} rows a second")
    left = []
    if descriptors() > open_before:
        left.append(f"{descriptors() - open_before} descriptors are left open")
    if threading.active_count() > threads_before:
        left.append(f"threads are left: {threading.enumerate()}")
    names = sorted(each.name for each in folder.iterdir())
    if names != ["r.html", "r.jsonl", "rows.jsonl", "tmp"] or any(temporary.iterdir()):
        left.append(f"files are left: {names}, {[each.name for each in temporary.iterdir()]}")
    with report.open("rb") as file:
        seen = sum(json.loads(line)["index"] == number for number, line in enumerate(file))
    if seen != rows:
        left.append(f"{seen:,} lines of the report are in their place")
    shown = {name: counts[name] for name in ("updated", "failed", "not_attempted", "unchanged")}
    return found, shown, watch.growth(), left


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.endurance", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    problems = endure(parser.parse_args().rows)
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
