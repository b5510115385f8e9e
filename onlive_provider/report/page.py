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

from onlive_provider.report.causes import Causes
from onlive_provider.report.outcomes import OUTCOME_NAMES, Counts, Outcome, to_line
from onlive_provider.report.timeline import Timeline

SECTIONS = ("summary", "causes", "chart", "strip", "filter", "timeline", "table")
"""The parts of the page from top to bottom, each drawn by the script of its name."""

MAX_FAILURES = 2_000
MAX_OTHERS = 3_000
"""The most outcomes in the page's table and time line, so that a browser can show a run of any size."""

MAX_VALUE = 1_000
"""The most characters of a field's value that the page shows."""

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
    seasons: Sequence[Mapping[str, str]] = (),
    task: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the page of a run. Its size and the memory it takes are bounded, however long the run.

    Counts, causes and charts cover every outcome. The table holds the first :data:`MAX_FAILURES` failures and
    :data:`MAX_OTHERS` others, unchanged ones last; the page says how many it leaves out. A time line shows the outcomes
    that hold the seasons' target.

    :param outcomes: of the whole run. The page shows what it is given, so guests' data must be hidden before.
    :param destination: open for writing bytes; not closed.
    :param title: what ran, in one line.
    :param details: more about the run, label to text: the DAG, the run, the path of the report.
    :param seasons: what the run was to open or close, for the time line: ``name``, ``first_day``, ``last_day``,
        ``timezone``, the UTC range as ``startDate`` and ``endDate``, and the rollout's ``mode`` and ``target``. Without
        seasons the time line shows ``dateRanges``.
    :param task: ``dag_id``, ``run_id``, ``task_id`` and ``map_index`` of the task instance that the page is about, as
        far as they are known. :func:`task_of_page` reads them again.
    """
    timeline = Timeline(seasons)
    counts, causes, strip, table = Counts(), Causes(), _Strip(), _Table(timeline)
    for outcome in outcomes:
        counts.add(outcome)
        if outcome.outcome == "failed":
            causes.add_failure(outcome)
        strip.add(outcome)
        table.add(outcome)
    shown = table.outcomes()
    data = {
        "title": title,
        "details": list(details.items()),
        "counts": counts.as_json(),
        "causes": _told(causes),
        "strip": strip.as_json(),
        "outcomes": shown,
        "timeline": timeline.as_json(row for outcome in shown for row in outcome.get("timeline", ())),
        "leftOut": {"failed": table.failed, "others": table.others},
    }
    style = _asset("page.css")
    script = "\n".join(_asset(f"{name}.js") for name in ("elements", "axis", *SECTIONS, "start"))
    page = Template(_asset("page.html")).substitute(
        title=escape(title),
        task=escape(to_line(dict(task)).decode()),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=to_line(data).decode().replace("<", "\\u003c"),
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


class _Table:
    """The outcomes that the page's table shows, and how many of each kind it leaves out."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.failed = 0
        self.others = 0
        self._failures: list[dict[str, Any]] = []
        self._telling: list[dict[str, Any]] = []
        self._unchanged: list[dict[str, Any]] = []

    def add(self, outcome: Outcome) -> None:
        if outcome.outcome == "failed":
            kept, most = self._failures, MAX_FAILURES
        else:
            kept, most = self._unchanged if outcome.outcome == "unchanged" else self._telling, MAX_OTHERS
        if len(kept) < most:
            kept.append(_shown(outcome, self._timeline.rows(outcome)))
        elif outcome.outcome == "failed":
            self.failed += 1
        else:
            self.others += 1

    def outcomes(self) -> list[dict[str, Any]]:
        """Return failures first, each kind in the input's order. Call it once, at the end."""
        room = MAX_OTHERS - len(self._telling)
        self.others += len(self._unchanged[room:])
        others = sorted(self._telling + self._unchanged[:room], key=lambda shown: int(shown["index"]))
        return self._failures + others


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


def _told(causes: Causes) -> dict[str, Any]:
    """Return the causes for the page; none where the table says as much."""
    told = [
        {"error": each.error, "message": each.message, "count": each.number, "where": each.where}
        for each in (causes.by_number() if causes.repeat else ())
    ]
    return {"told": told, "others": causes.others}


def _shown(outcome: Outcome, rows: list[dict[str, Any]]) -> dict[str, Any]:
    data = outcome.as_json()
    if rows:
        data["timeline"] = rows
    for side in ("before", "after"):
        if side in data:
            data[side] = {name: _short(value) for name, value in data[side].items()}
    if "message" in data:
        data["message"] = _short(data["message"])
    return data


def _short(value: object) -> object:
    """Cut a long value, and turn one that a browser cannot read as JSON, such as a NaN, into text."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = value = str(value)
    return value if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}… ({len(text):,} characters)"


def _asset(name: str) -> str:
    return files("onlive_provider.report").joinpath("static", name).read_text("utf-8")


def _hash(content: str) -> str:
    return b64encode(sha256(content.encode()).digest()).decode()
