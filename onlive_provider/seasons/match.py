"""Whether a change of date ranges is exactly a season, and if not, how it differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from onlive_provider.models.wording import counted
from onlive_provider.seasons.date_ranges import ONE_SECOND, Span, cut

_LEAST_OF_A_DAY = 22  # hours: a day with a clock change is shorter than others
_MAX_DIFFERENCES = 4


@dataclass(frozen=True, slots=True)
class SeasonGroup:
    """Seasons that are opened or closed together. A second more or less makes no difference.

    :param timezone: in whose days a difference is described.
    :param seasons: at least one.
    :param mode: what was to be done with them: ``add``, ``remove`` or ``replace``.
    """

    timezone: str
    seasons: list[Span]
    mode: str

    def fits(self, before: list[Span], after: list[Span]) -> bool:
        """Whether a change does what the mode says with the seasons, and touches nothing else.

        A service that was open for part of a season fits if the rest is opened.
        """
        gained, lost = self._changed(before, after)
        missing = cut(self.seasons, after)
        if self.mode == "remove":
            return not gained and not cut(self.seasons, missing) and not cut(lost, self.seasons)
        return not lost and not missing and not cut(gained, self.seasons)

    def distance(self, before: list[Span], after: list[Span]) -> float:
        """Return how many seconds a change differs from the seasons; without a change, what is open."""
        gained, lost = self._changed(before, after)
        changed = gained + lost
        apart = cut(changed, self.seasons) + cut(self.seasons, changed or after)
        return sum((span.end - span.start).total_seconds() for span in apart)

    def difference(self, before: list[Span], after: list[Span]) -> str:
        """Return how a change that does not fit differs from the seasons, e.g. ``begins 1 day late``."""
        gained, lost = self._changed(before, after)
        if not (gained and lost) and len(gained + lost) <= len(self.seasons):
            ranges, opens = (after, True) if gained else (before, False)
            moved = dict.fromkeys(text for span in gained + lost for text in self._moved(span, ranges, opens=opens))
            if moved:
                return ", ".join(list(moved)[:_MAX_DIFFERENCES])
        missing = cut(self.seasons, after)
        outside = cut(gained, self.seasons)
        closes = self.mode == "remove"
        findings = {
            "opens days outside it": cut(outside, before),
            "keeps days outside it": cut(outside, cut(after, before)),
            "opens days of it": closes and cut(gained, outside),
            "closes days outside it": cut(lost, self.seasons),
            "does not open all of it": not closes and missing,
            "does not close all of it": closes and cut(self.seasons, missing),
        }
        return ", ".join(text for text, found in findings.items() if found)

    def _changed(self, before: list[Span], after: list[Span]) -> tuple[list[Span], list[Span]]:
        """Return what a change opens and closes. A replace closes everything and opens what is left."""
        if self.mode == "replace":
            return after, []
        return cut(after, before), cut(before, after)

    def _moved(self, span: Span, ranges: list[Span], *, opens: bool) -> Iterator[str]:
        """Yield how the ends of what a change opens or closes differ from those of the closest season.

        An end that comes from what was already open says nothing about the season that was meant.

        :param span: what is opened or closed.
        :param ranges: those after the change if it opens, those before it if it closes.
        """
        zone = ZoneInfo(self.timezone)
        season = min(self.seasons, key=lambda each: abs(each.start - span.start) + abs(each.end - span.end))
        start = end = ""
        if (span.start in {each.start for each in ranges}) is opens and abs(span.start - season.start) > ONE_SECOND:
            start = _apart(span.start, season.start, zone)
        if (span.end in {each.end for each in ranges}) is opens and abs(span.end - season.end) > ONE_SECOND:
            end = _apart(span.end, season.end, zone)
        if start == end:
            yield from filter(None, [start])
            return
        yield from (f"{verb} {text}" for verb, text in (("begins", start), ("ends", end)) if text)


def local_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the local time; in the zone it came with if it is outside the years 1 to 9999."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _apart(moment: datetime, expected: datetime, zone: ZoneInfo) -> str:
    day, expected_day = local_time(moment, zone).date(), local_time(expected, zone).date()
    years, days = abs(day.year - expected_day.year), abs((day - expected_day).days)
    hours, minutes = divmod(round(abs(moment - expected) / timedelta(minutes=1)), 60)
    if years and (day.month, day.day) == (expected_day.month, expected_day.day):
        size = counted(years, "year")
    elif days and hours >= _LEAST_OF_A_DAY:
        size = counted(days, "day")
    else:
        size = " ".join(counted(count, noun) for count, noun in ((hours, "hour"), (minutes, "minute")) if count)
    return f"{size} {'early' if moment < expected else 'late'}"
