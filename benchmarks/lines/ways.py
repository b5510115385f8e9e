"""N records in one bulk task, in mapped HTTP tasks, and in two plain scripts: time, CPU and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data import write_rows
from benchmarks.lines import Bench
from benchmarks.measure import LIMITER_OFF, Measured, in_turns, run
from benchmarks.results import Bars, Bound, Result, megabytes, micros, times

OURS = "bulk task, `execute`"
OURS_UNREPORTED = "bulk task, `execute`, no report"
OURS_IN_AIRFLOW = "bulk task, `dag.test()`"
MAPPED = "mapped `HttpOperator` tasks, `dag.test()`"
OURS_SCHEDULED = "bulk task, scheduler"
MAPPED_SCHEDULED = "mapped `HttpOperator` tasks, scheduler"
EMPTY_SCHEDULED = "a task that does nothing, scheduler"
REQUESTS = "script, `requests`, one at a time"
AIOHTTP = "script, bare `aiohttp`, 16 at once"
_MOST_MAPPED = 1_000
_OFF = {"reads_per_minute": LIMITER_OFF, "writes_per_minute": LIMITER_OFF}


def measure(bench: Bench) -> Result:
    """Measure every way at every size, every record differing, and the largest size once more with none differing."""
    sizes = (20,) if bench.quick else (100, 1_000, 10_000)
    result = Result(
        "One task, or a thousand",
        "Every record differs: the bulk task and the scripts read and write each one; a mapped `HttpOperator` task "
        "only writes. The bulk task also compares and signs. It writes a report, and no write leaves before what stood "
        "there is on the disk, except in the rows that say otherwise. `execute` is called with a bare "
        "context, outside Airflow's scheduler. `dag.test()` is a real Airflow that runs one task after another, "
        "without the scheduler's overhead (a single run from 1,000 records up, and no mapped tasks above that). "
        "Seconds and CPU cover the work alone, without the program's start-up. For the rows with a scheduler, "
        "`airflow standalone` runs the DAG once with its own settings; their seconds are from the trigger to the end "
        "of the DAG run.",
        ("records", "way", "seconds", "CPU per record", "peak memory"),
    )
    written: Mapping[str, Measured] = {}
    for size in sizes:
        rows = bench.folder / "differ.csv"
        write_rows(rows, size, changed=size)
        written = in_turns(_scripts(rows, size), bench.turns)
        in_airflow = in_turns(_in_airflow(bench, rows, size), 1 if size >= _MOST_MAPPED else bench.turns)
        _add(result, f"{size:,}", size, {**written, **in_airflow})
        if size == min(_MOST_MAPPED, sizes[-1]):
            scheduled = in_turns(_scheduled(bench, rows, size), 1)
            for way, one in scheduled.items():
                result.rows.append((f"{size:,}", way, f"{one.seconds:.2f}", "", ""))
            _compare_with_mapped(result, size, {**written, **in_airflow, **scheduled})
    size = sizes[-1]
    rows = bench.folder / "same.csv"
    write_rows(rows, size, changed=0)
    unchanged = in_turns(_scripts(rows, size), bench.turns)
    _add(result, f"{size:,}, none differs", size, unchanged)
    for kind, found, way, limit in (("unchanged", unchanged, OURS, 3.0), ("written", written, OURS_UNREPORTED, 2.5)):
        with_report, without = (found[each].cpu / found[AIOHTTP].cpu for each in (OURS, OURS_UNREPORTED))
        result.ratios.append(
            f"{times(with_report)} the CPU time of bare `aiohttp` per {kind} record, "
            f"and {times(without)} without a report."
        )
        what = f"{kind} records with{'' if way is OURS else 'out'} a report"
        ratio = found[way].cpu / found[AIOHTTP].cpu
        promise = f"CPU time of {what}, at most {limit} times that of bare aiohttp"
        result.bounds.append(Bound.at_most(promise, limit, ratio, "times"))
    return result


def _scripts(rows: Path, size: int) -> dict[str, Callable[[], Measured]]:
    job: dict[str, Any] = {"total": size, "rows": str(rows), **_OFF}
    return {
        OURS: partial(run, "bulk", **job),
        OURS_UNREPORTED: partial(run, "bulk", **job, report=False),
        AIOHTTP: partial(run, "aiohttp_loop", **job),
        REQUESTS: partial(run, "requests_loop", **job),
    }


def _scheduled(bench: Bench, rows: Path, size: int) -> dict[str, Callable[[], Measured]]:
    job: dict[str, Any] = {"python": bench.environments.airflow, "total": size, "rows": str(rows), **_OFF}
    dags = {OURS_SCHEDULED: "bulk", MAPPED_SCHEDULED: "mapped_http", EMPTY_SCHEDULED: "empty"}
    return {way: partial(run, "scheduled_run", dag=dag, **job) for way, dag in dags.items()}


def _in_airflow(bench: Bench, rows: Path, size: int) -> dict[str, Callable[[], Measured]]:
    job: dict[str, Any] = {"python": bench.environments.airflow, "total": size, "rows": str(rows), **_OFF}
    programs: dict[str, Callable[[], Measured]] = {OURS_IN_AIRFLOW: partial(run, "dag_run", dag="bulk", **job)}
    if size <= _MOST_MAPPED:
        programs[MAPPED] = partial(run, "dag_run", dag="mapped_http", **job)
    return programs


def _add(result: Result, label: str, size: int, found: Mapping[str, Measured]) -> None:
    for way, one in found.items():
        result.rows.append((label, way, f"{one.seconds:.2f}", micros(one.cpu / size), megabytes(one.peak)))
    if size > _MOST_MAPPED and OURS_IN_AIRFLOW in found:
        result.rows.append((label, MAPPED, "", "", ""))


def _compare_with_mapped(result: Result, size: int, found: Mapping[str, Measured]) -> None:
    mapped = found[MAPPED]
    ratio = mapped.seconds / found[OURS].seconds
    start, whole = found[EMPTY_SCHEDULED].seconds, found[OURS_SCHEDULED].seconds
    scheduled = found[MAPPED_SCHEDULED].seconds / whole
    like = mapped.seconds / found[OURS_IN_AIRFLOW].seconds
    result.ratios += [
        f"{times(ratio)} as fast as {size:,} mapped `HttpOperator` tasks in `dag.test()`, for the bulk task's "
        "`execute` alone.",
        f"{times(like)} as fast when `dag.test()` runs the bulk task too; most of its time is then the start of "
        "`dag.test()`.",
        f"{times(scheduled)} as fast from trigger to end with the scheduler; an empty task alone takes {start:.1f} of "
        f"the bulk task's {whole:.1f} seconds.",
    ]
    promise = f"{size:,} records: at least 50 times faster than mapped HttpOperator tasks"
    result.bounds.append(Bound.at_least(promise, 50, ratio, "times"))
    for title, ways in (
        ("seconds", (OURS, OURS_IN_AIRFLOW, AIOHTTP, REQUESTS, MAPPED)),
        ("seconds from trigger to end", (OURS_SCHEDULED, EMPTY_SCHEDULED, MAPPED_SCHEDULED)),
    ):
        bars = [(way.replace("`", ""), found[way].seconds) for way in ways]
        result.bars.append(Bars(f"{size:,} records that differ: {title}", "s", bars))
