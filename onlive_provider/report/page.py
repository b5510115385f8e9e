"""The report for people: one self-contained HTML page with counts, charts and tables.

The page is assembled from ``static``. Each of :data:`SECTIONS` is one script that draws one part of the page from the
JSON that the page holds.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape, unescape
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import IO, Any

from onlive_provider.report.causes import Cause, Causes
from onlive_provider.report.origin import Origin
from onlive_provider.report.outcomes import OUTCOME_NAMES, Counts, Outcome, to_line
from onlive_provider.report.page_rows import PageRows, embedded
from onlive_provider.report.timeline import Timeline

SECTIONS = ("summary", "causes", "chart", "strip", "filter", "timeline", "file", "table")
"""The parts of the page from top to bottom, each drawn by the script of its name."""

_SHARED = ("elements", "axis", "times", "rows")
HEAD_BYTES = 16_384
"""Bytes at a page's begin that hold what it says of its task."""
_MAX_STRETCHES = 400
_TASK = re.compile(
    r"<!doctype html>\s<html[^>]*>\s<head>\s<meta [^>]*>\s"
    r"""<meta name="onlive-task" content="([^"]*)">"""
)


def write_page(
    outcomes: Iterable[Outcome],
    destination: IO[bytes],
    *,
    title: str,
    details: Mapping[str, str],
    origin: Origin | None = None,
    error: str | None = None,
    seasons: Sequence[Mapping[str, str]] = (),
    task: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the page of a run. It stays below 2 MB and takes bounded memory, however long the run.

    Counts, causes and charts cover every outcome. The page holds the first failures and some others, unchanged ones
    last, within the bounds of :class:`~onlive_provider.report.page_rows.PageRows`. It says how many of each kind it
    leaves out, and shows them when its reader opens the report in it.

    :param outcomes: of the whole run. The page shows what it is given, so guests' data must be hidden before.
    :param destination: open for writing bytes; not closed.
    :param title: what ran, in one line.
    :param details: more about the run, label to text.
    :param origin: the task that wrote the report, when and where.
    :param error: why the task failed, in one line; ``None`` if it did not.
    :param seasons: what the run was to open or close, for the time line: ``name``, ``first_day``, ``last_day``,
        ``timezone``, the UTC range as ``startDate`` and ``endDate``, and the rollout's ``mode`` and ``target``. Without
        seasons the time line shows ``dateRanges``.
    :param task: ``dag_id``, ``run_id``, ``task_id`` and ``map_index`` of the task instance that the page is about, as
        far as they are known. :func:`task_of_page` reads them again.
    """
    timeline = Timeline(seasons)
    counts, causes, strip, rows = Counts(), Causes(), _Strip(), PageRows(timeline)
    for outcome in outcomes:
        counts.add(outcome)
        cause = causes.add_failure(outcome) if outcome.outcome == "failed" else None
        strip.add(outcome)
        rows.add(outcome, cause)
    rows.finish()
    told = causes.by_number() if causes.repeat else []
    data = {
        "title": title,
        "details": list({**(origin.facts() if origin else {}), **details}.items()),
        "origin": origin.as_json() if origin else {},
        "error": error,
        "counts": counts.as_json(),
        "causes": _told(told, causes.others),
        "strip": strip.as_json(),
        "timeline": timeline.as_json(rows.on_timeline()),
        "leftOut": rows.left_out(),
    }
    style = _asset("page.css")
    script = "\n".join(_asset(f"{name}.js") for name in (*_SHARED, *SECTIONS, "start"))
    outcomes_json = rows.as_json({id(each): number for number, each in enumerate(told)})
    page = Template(_asset("page.html")).substitute(
        title=escape(title),
        task=escape(to_line(dict(task)).decode()),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=(embedded(data)[:-1] + b',"outcomes":' + outcomes_json + b"}").decode(),
    )
    destination.write(page.encode("utf-8", "backslashreplace"))


def task_of_page(head: bytes) -> Mapping[str, Any]:
    """Return the task instance that a file says it is the page of; none if the file is no page of a report.

    :param head: the file's first :data:`HEAD_BYTES` bytes, or more.
    """
    found = _TASK.match(head[:HEAD_BYTES].decode("utf-8", "replace"))
    try:
        task = json.loads(unescape(found[1])) if found else {}
    except ValueError:
        return {}
    return task if isinstance(task, dict) else {}


class _Strip:
    """Counts of outcomes along the input, in stretches of equal length that double when there are too many."""

    def __init__(self) -> None:
        self._last = 0
        self._length = 1
        self._stretches: list[list[int]] = []

    def add(self, outcome: Outcome) -> None:
        while outcome.index // self._length >= _MAX_STRETCHES:
            pairs = zip(self._stretches[::2], [*self._stretches[1::2], [0] * len(OUTCOME_NAMES)], strict=False)
            self._stretches = [[one + other for one, other in zip(*pair, strict=True)] for pair in pairs]
            self._length *= 2
        self._last = max(self._last, outcome.index)
        at = outcome.index // self._length
        while len(self._stretches) <= at:
            self._stretches.append([0] * len(OUTCOME_NAMES))
        self._stretches[at][OUTCOME_NAMES.index(outcome.outcome)] += 1

    def as_json(self) -> dict[str, Any]:
        return {
            "length": self._length,
            "last": self._last,
            "names": OUTCOME_NAMES,
            "stretches": self._stretches,
        }


def _told(causes: Sequence[Cause], others: int) -> dict[str, Any]:
    """Return the causes for the page; none where the table says as much."""
    told = [
        {"error": each.error, "message": each.message, "count": each.number, "where": each.where} for each in causes
    ]
    return {"told": told, "others": others}


def _asset(name: str) -> str:
    return files("onlive_provider.report").joinpath("static", name).read_text("utf-8")


def _hash(content: str) -> str:
    return b64encode(sha256(content.encode()).digest()).decode()
