"""The text of ``docs/benchmarks.md``: ratios first, then the bounds, the chart and every table."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.results import Result, table

_PACKAGES = ("airflow-provider-onlive", "apache-airflow", "aiohttp", "requests", "pydantic")
_INTRODUCTION = """\
# Benchmarks

`python -m benchmarks` writes this page. It measures everything side by side in one run, against a server on the same
machine that answers every id with one canned appointment. The seconds are those of one machine; go by the ratios.
"""


def machine() -> str:
    """Return the machine, the versions and the date in one sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    pins = [
        line
        for file in ("requirements.txt", "requirements-botocore.txt")
        for line in (Path(__file__).parent / file).read_text().split()
        if line.startswith(("apache-airflow-providers-http", "botocore"))
    ]
    return (
        f"{datetime.now(UTC):%d %B %Y}, {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}, {packages}, {', '.join(pins).replace('==', ' ')}."
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def load(before: float) -> str:
    """Return how busy the machine was, the benchmark itself included.

    :param before: the load of the last minute before the run.
    """
    return f"Machine load: {before:.1f} before, {os.getloadavg()[2]:.1f} over the last 15 minutes of the run."


def bounds(results: Sequence[Result]) -> str:
    """Return the table of promises."""
    rows = [(bound.promise, bound.measured, bound.verdict) for result in results for bound in result.bounds]
    return table(("promise", "measured", "verdict"), rows)


def section(result: Result) -> str:
    """Return one line of the benchmark."""
    return f"## {result.title}\n\n{result.about}\n\n{table(result.header, result.rows)}\n"


def with_section(page: str, result: Result, how: str) -> str:
    """Return the page with one line of the benchmark written anew, or added before the machine.

    :param how: how it was measured, and on which machine, in words.
    """
    begin = page.find(f"## {result.title}\n")
    end = page.index("\n## ", begin + 1) + 1 if begin >= 0 else page.index("## The machine\n")
    told = "\n".join(f"- {ratio}" for ratio in result.ratios)
    written = f"{section(result)}\n{told}\n\n{how}\n\n"
    return f"{page[: begin if begin >= 0 else end]}{written}{page[end:]}"


def document(results: Sequence[Result], where: str) -> str:
    """Return the whole page.

    :param where: the machine in words.
    """
    ratios = "\n".join(f"- {result.title}: {ratio}" for result in results for ratio in result.ratios)
    chart = "![Bars: seconds, writes and memory, the bulk task first](benchmarks.svg)"
    parts = [_INTRODUCTION, f"{ratios}\n", f"## Promises\n\n{bounds(results)}\n", f"{chart}\n"]
    return "\n".join([*parts, *map(section, results), f"## The machine\n\n{where}\n"])
