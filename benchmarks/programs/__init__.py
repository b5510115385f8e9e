"""The measured programs: each is told a job, starts up, does its work, and writes what the work took."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any


class Program:
    """A program's job and its stop watch: ``with program: work``.

    ``program.said`` is written beside the seconds of the work and of its CPU time, children included.
    """

    def __init__(self) -> None:
        self.folder = Path(sys.argv[1])
        self.job: dict[str, Any] = json.loads((self.folder / "job.json").read_text())
        self.said: dict[str, Any] = {}
        self._began = (0.0, 0.0)

    def __enter__(self) -> Program:
        self._began = time.perf_counter(), _cpu_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds, cpu = time.perf_counter() - self._began[0], _cpu_seconds() - self._began[1]
        if error is None:
            answer = {"seconds": seconds, "cpu": cpu, **self.said}
            (self.folder / "answer.json").write_text(json.dumps(answer))


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
