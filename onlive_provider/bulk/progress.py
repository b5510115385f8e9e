"""The progress of a run, as one line for the log."""

from __future__ import annotations

from onlive_provider.client.settings import Settings
from onlive_provider.report.outcomes import Counts


class Progress:
    """Computes the rates since the last line, and the time left at the average rate.

    :param total: rows of the input, where that is known.
    :param now: the monotonic clock at the start, seconds.
    :param name: of the run, where there are several; each line begins with it.
    """

    def __init__(self, total: int | None, settings: Settings, now: float, name: str = "") -> None:
        self._total = total
        self._begin = f"{name}: " if name else ""
        self._settings = settings
        self._began = self._last = now
        self._reads = self._writes = 0

    def line(self, counts: Counts, *, recalled: int, reads: int, writes: int, read_share: float, now: float) -> str:
        """Return the line.

        :param recalled: rows whose outcome stands since an earlier try; they took no time.
        :param reads: calls sent since the start.
        :param writes: calls sent since the start.
        :param read_share: how much of the input was read, from 0 to 1; only used where the total is not known.
        :param now: the monotonic clock, seconds.
        """
        per_minute = 60.0 / max(now - self._last, 1e-9)
        read_rate, write_rate = (reads - self._reads) * per_minute, (writes - self._writes) * per_minute
        self._last, self._reads, self._writes = now, reads, writes
        total, of = self._total, ""
        if total:
            of = f" of {total:,} ({100 * counts.total // total} %)"
        elif read_share > 0 and counts.total:
            total = max(counts.total, round(counts.total / read_share))
            of = f" of about {total:,} ({100 * counts.total // total} %)"
        parts = ", ".join(
            f"{number:,} {name}" for name, number in counts.as_json().items() if number and name != "total"
        )
        return (
            f"{self._begin}{counts.total:,}{of} done{': ' if parts else ''}{parts}; "
            f"{read_rate:,.0f} reads and {write_rate:,.0f} writes a minute "
            f"(budget {self._settings.reads_per_minute:,} and {self._settings.writes_per_minute:,})"
            f"{self._left(counts.total, recalled, total, now)}"
        )

    def _left(self, done: int, recalled: int, total: int | None, now: float) -> str:
        if not total or done <= recalled:
            return ""
        seconds = (total - done) * (now - self._began) / (done - recalled)
        return f"; about {seconds / 60:,.0f} min left" if seconds >= 90 else f"; about {seconds:,.0f} s left"
