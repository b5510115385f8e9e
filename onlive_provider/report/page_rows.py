"""The outcomes that a page holds itself, within bounds, and how many of each kind it leaves out."""

from __future__ import annotations

import json
from typing import Any

from onlive_provider.report.causes import Cause
from onlive_provider.report.outcomes import OUTCOME_NAMES, Outcome, OutcomeName, to_line
from onlive_provider.report.timeline import Timeline

MAX_FAILURES = 2_000
MAX_OTHERS = 3_000
"""The most outcomes that the page holds, so that a browser can show a run of any size."""

MAX_BYTES = 1_700_000
"""The most bytes of outcomes that the page holds; failures have the first half, and the others what failures leave."""

MAX_VALUE = 1_000
"""The most characters of a field's value, a name or a message that the page shows."""

_Rows = list[dict[str, Any]]


class PageRows:
    """Takes every outcome of a run, and keeps failures first, then what was written, then what was not."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._left_out: dict[OutcomeName, int] = dict.fromkeys(OUTCOME_NAMES, 0)
        self._failures = _Kept(MAX_FAILURES, MAX_BYTES // 2)
        self._telling = _Kept(MAX_OTHERS, MAX_BYTES)
        self._unchanged = _Kept(MAX_OTHERS, MAX_BYTES)

    def add(self, outcome: Outcome, cause: Cause | None = None) -> None:
        """Take one outcome, in the input's order.

        :param cause: what it failed by.
        """
        name = outcome.outcome
        kept = self._failures if name == "failed" else self._unchanged if name == "unchanged" else self._telling
        if kept.is_full:
            self._left_out[name] += 1
            return
        rows = self._timeline.rows(outcome)
        if not kept.add(outcome, embedded(_shown(outcome, rows)), rows, cause):
            self._left_out[name] += 1

    def finish(self) -> None:
        """Make room: unchanged outcomes have what the others leave them. Call it once, at the end."""
        telling, unchanged = self._telling, self._unchanged
        while (
            len(telling.rows) + len(unchanged.rows) > MAX_OTHERS
            or self._failures.bytes + telling.bytes + unchanged.bytes > MAX_BYTES
        ):
            self._left_out[(unchanged if unchanged.rows else telling).drop_last()] += 1

    def as_json(self, numbers: dict[int, int]) -> bytes:
        """Return the outcomes as the page holds them: failures first, each kind in the input's order.

        :param numbers: of the causes, from 0, by the causes' ``id()``.
        """
        others = sorted(self._telling.rows + self._unchanged.rows, key=lambda row: row[0])
        lines = []
        for _, _, line, _, cause in self._failures.rows + others:
            number = None if cause is None else numbers.get(id(cause))
            lines.append(line if number is None else b'%b,"cause":%d}' % (line[:-1], number))
        return b"[%b]" % b",".join(lines)

    def on_timeline(self) -> _Rows:
        """Return the rows of the time line of all outcomes that the page holds."""
        kept = (self._failures, self._telling, self._unchanged)
        return [row for each in kept for _, _, _, rows, _ in each.rows for row in rows]

    def left_out(self) -> dict[OutcomeName, int]:
        """Return the numbers of outcomes that the page does not hold, by name."""
        return {name: number for name, number in self._left_out.items() if number}


class _Kept:
    """The first outcomes of a kind: index, name, JSON, rows of the time line, and cause of each."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.is_full = False
        self.rows: list[tuple[int, OutcomeName, bytes, _Rows, Cause | None]] = []
        self.bytes = 0
        self._most = most
        self._most_bytes = most_bytes

    def add(self, outcome: Outcome, line: bytes, rows: _Rows, cause: Cause | None) -> bool:
        """Keep an outcome, and return whether there was room for it. What comes after one that was not kept is not."""
        if len(self.rows) == self._most or self.bytes + len(line) > self._most_bytes:
            self.is_full = True
            return False
        self.bytes += len(line)
        self.rows.append((outcome.index, outcome.outcome, line, rows, cause))
        return True

    def drop_last(self) -> OutcomeName:
        """Drop the last one, and return its name."""
        _, name, line, _, _ = self.rows.pop()
        self.bytes -= len(line)
        return name


def embedded(value: object) -> bytes:
    """Return JSON that can stand in a page: nothing in it ends the element or begins a comment."""
    return to_line(value).replace(b"<", b"\\u003c")


def _shown(outcome: Outcome, rows: _Rows) -> dict[str, Any]:
    data = outcome.as_json()
    if rows:
        data["timeline"] = rows
    for side in ("before", "after"):
        if side in data:
            data[side] = {name: _short(value) for name, value in data[side].items()}
    for text in ("name", "message"):
        if text in data:
            data[text] = _short(data[text])
    return data


def _short(value: object) -> object:
    """Cut a long value, and turn one that a browser cannot read as JSON, such as a NaN, into text."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = value = str(value)
    return value if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}… ({len(text):,} characters)"
