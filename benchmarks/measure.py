"""Runs a program as a child process beside a fresh server, and says what it cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.server import Server

ROOT = Path(__file__).parents[1]
LIMITER_OFF = 300_000
"""Calls a minute: several times what one process can make, so that no budget is ever waited for."""


class ProgramFailedError(Exception):
    """A measured program ended with an error; the message is the end of what it wrote."""


@dataclass(frozen=True)
class Measured:
    """What one run of a program cost.

    :param seconds: its work, without its start.
    :param cpu: seconds of user and system time of its work, without its start.
    :param peak: the process's peak memory, bytes.
    :param answer: what else the program said.
    :param counts: what the server counted.
    """

    seconds: float
    cpu: float
    peak: int
    answer: Mapping[str, Any]
    counts: Mapping[str, Any]


def run(
    program: str,
    *,
    python: str | Path = sys.executable,
    total: int = 1,
    allowed: int = 0,
    port: int = 0,
    pending: int = 0,
    **job: Any,
) -> Measured:
    """Run one program of ``benchmarks/programs`` to its end.

    :param python: the interpreter of the environment to run it in.
    :param total: how many records the server knows.
    :param allowed: see :class:`~benchmarks.server.Server`.
    :param port: see there; one that several runs share is their Connection's.
    :param pending: see there.
    :param job: what the program is told, JSON values.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        with Server(total, allowed, port=port, pending=pending) as server:
            told = {"url": server.url, "total": total, "folder": name, **job}
            (folder / "job.json").write_text(json.dumps(told))
            peak = _wait_for([str(python), "-m", f"benchmarks.programs.{program}", name], folder)
        answer = json.loads((folder / "answer.json").read_text())
    return Measured(answer.pop("seconds"), answer.pop("cpu"), peak, answer, server.counts)


def _wait_for(command: Sequence[str], folder: Path) -> int:
    """Run a command and return its peak memory.

    The kernel counts what a process held before it became the program too, that is, this process's own memory. That is
    why nothing heavy is ever imported here.
    """
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(folder), stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            text = log.read().decode(errors="replace")
            raise ProgramFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-3000:]}")
    return usage.ru_maxrss * 1024


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment without any of the machine's own Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **kept,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "benchmarks" / "dags"),
        "PYTHONWARNINGS": "ignore",
    }


def in_turns(programs: Mapping[str, Callable[[], Measured]], turns: int) -> dict[str, Measured]:
    """Run programs in turns, A B A B, and return the median of each."""
    runs: dict[str, list[Measured]] = {name: [] for name in programs}
    for _ in range(turns):
        for name, program in programs.items():
            runs[name].append(program())
    return {name: _median(found) for name, found in runs.items()}


def _median(runs: Sequence[Measured]) -> Measured:
    """Return the medians, with what the last run said and the server counted."""
    return Measured(
        median(one.seconds for one in runs),
        median(one.cpu for one in runs),
        int(median(one.peak for one in runs)),
        runs[-1].answer,
        runs[-1].counts,
    )
