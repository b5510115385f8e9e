"""Several processes at once, beside one server: what each waited for, what the server refused, how long it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.measure import ROOT, ProgramFailedError
from benchmarks.server import Server

MINUTE, WINDOW = 60.0, 61.0


@dataclass(frozen=True)
class Crowd:
    """What came of it.

    :param members: what each process says: ``role``, ``failed``, ``seconds`` and when its ``waits`` began and ended.
    :param counts: what the server counted.
    :param allowed: writes that the server allows in a minute, and ``minute`` its seconds.
    """

    members: Sequence[Mapping[str, Any]]
    counts: Mapping[str, Any]
    allowed: int
    minute: float

    @property
    def failed(self) -> int:
        """Updates that ended red."""
        return sum(member["failed"] for member in self.members)

    @property
    def seconds(self) -> float:
        """From the first write that the server took to the last."""
        return float(self.counts["write_times"][-1] - self.counts["write_times"][0])

    @property
    def ideal(self) -> float:
        """Seconds that the writes must take: those of a minute may come at once."""
        return (len(self.counts["write_times"]) - 1) // self.allowed * self.minute

    @property
    def unfairness(self) -> float:
        """The time that one process waited longest, against the mean of all."""
        waits = [waited(member["waits"]) for member in self.members]
        return max(waits) / mean(waits) if mean(waits) else 1.0


def waited(waits: Sequence[tuple[float, float]]) -> float:
    """Return the seconds in which a process waited, where several of its tasks may have waited at once."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(waits):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def gather(
    roles: Sequence[str],
    *,
    writes: int,
    allowed: int,
    scope: str = "host",
    machines: int = 1,
    minute: float = MINUTE,
    folder: Path,
    path: Path | None = None,
    meanwhile: Callable[[Sequence[subprocess.Popen[str]]], None] = lambda members: None,
    **job: Any,
) -> Crowd:
    """Let processes write with one access key until all writes are made.

    :param roles: ``single`` or ``bulk``, one for each process; they share the writes evenly.
    :param allowed: writes that server and Connection allow in a minute.
    :param scope: the ``budget_scope`` of the Connection.
    :param machines: on how many machines the processes are: each has a folder for temporary files of its own.
    :param minute: the server's minute, in seconds; the client's window is a sixtieth longer.
    :param folder: for files of the processes.
    :param path: where further packages are.
    :param meanwhile: called with the processes once they are at work; one that it ends says nothing.
    :param job: what the processes are told besides.
    """
    key = uuid.uuid4().hex
    edges = [writes * number // len(roles) for number in range(len(roles) + 1)]
    with Server(writes, allowed, minute) as server:
        members = []
        for number, role in enumerate(roles):
            told = {
                "role": role,
                "url": server.url,
                "access_key_id": key,
                "allowed": allowed,
                "folder": str(folder),
                "window": minute * WINDOW / MINUTE,
                "scope": scope,
                "records": [edges[number], edges[number + 1]],
                **job,
            }
            machine = folder / f"machine-{number % machines}"
            machine.mkdir(exist_ok=True)
            members.append(_start(told, folder / "crowd.log", machine, path))
        try:
            said = _run(members, meanwhile)
        finally:
            for member in members:
                member.kill()
                member.communicate()
    return Crowd(said, server.counts, allowed, minute)


def _start(told: Mapping[str, Any], log: Path, machine: Path, path: Path | None) -> subprocess.Popen[str]:
    with log.open("a") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.programs.crowd_member", json.dumps(told)],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(machine), "PYTHONPATH": str(path or "")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def _run(
    members: Sequence[subprocess.Popen[str]], meanwhile: Callable[[Sequence[subprocess.Popen[str]]], None]
) -> list[dict[str, Any]]:
    for member in members:
        assert member.stdout is not None
        if member.stdout.readline() != "ready\n":
            raise ProgramFailedError("a process of the crowd did not start; see crowd.log in its folder")
    for member in members:
        assert member.stdin is not None
        member.stdin.write("go\n")
        member.stdin.flush()
    meanwhile(members)
    said = [member.communicate()[0] for member in members]
    if any(member.returncode > 0 for member in members):
        raise ProgramFailedError("a process of the crowd ended early; see crowd.log in its folder")
    return [json.loads(line) for line in said if line]
