"""The time line of a report's page: when services are open before and after a run, and whether the season fits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from onlive_provider.report.availability import MAX_RANGES, Availability, as_days, availability_of
from onlive_provider.report.outcomes import Outcome
from onlive_provider.seasons.date_ranges import ONE_SECOND, Span, cut, read_spans
from onlive_provider.seasons.local_days import days_gained_and_lost, first_instant, last_instant
from onlive_provider.seasons.match import SeasonGroup, local_time

_SEASON_MEMBERS = ("name", "first_day", "last_day", "timezone")

_YEAR = 366 * 86_400
_REACH_OF_CHANGES = 3 * _YEAR
_REACH_OF_RANGES = _YEAR
_MARGIN = 10 * 86_400
_LONGEST = 30 * _YEAR


class Timeline:
    """Collects what the time line shows, row by row.

    A report does not say which time zone a service is in. If the seasons are in several zones, a row is compared with
    the seasons of each zone, then with all of them, and described in days of the zone that fits best. Days of calendars
    are local to the service: they are compared and drawn as days, in no time zone.

    :param seasons: the rollout's seasons: ``name``, ``first_day``, ``last_day``, ``timezone``, the UTC range
        as ``startDate`` and ``endDate``, and the rollout's ``mode`` and ``target``, the same for all.
    :raises OnlivePayloadError: a season is not a date range.
    """

    def __init__(self, seasons: Sequence[Mapping[str, str]]) -> None:
        self._mode = seasons[0]["mode"] if seasons else None
        self._target = seasons[0]["target"] if seasons else "dateRanges"
        if self._target == "restrictionDates":
            days = [as_days(season["first_day"], season["last_day"]) for season in seasons]
            seasons = [{**season, **day, "timezone": "UTC"} for season, day in zip(seasons, days, strict=True)]
        spans = read_spans(seasons)
        zones = dict.fromkeys(season["timezone"] for season in seasons)
        together = [(zone, [span for span in spans if span.content["timezone"] == zone]) for zone in zones]
        if len(zones) > 1:
            together.append((next(iter(zones)), spans))
        self._groups = [SeasonGroup(zone, each, each[0].content["mode"]) for zone, each in together]
        self._extent = _Extent([_seconds(span) for span in spans])

    def rows(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Return the rows that the time line draws for an outcome, with times in seconds since 1970.

        There is no row, one, or one for each set of calendars with the same days.
        """
        return [_row(availability, self._groups) for availability in availability_of(outcome, self._target)]

    def as_json(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return what all rows share: the period shown, seasons, clock changes; ``None`` without rows."""
        drawn = list(rows)
        if not drawn:
            return None
        start, end = self._extent.around(drawn)
        groups = [_group_as_json(group, start, end) for group in self._groups]
        return {"from": start, "to": end, "mode": self._mode, "target": self._target, "groups": groups}


def clock_changes(timezone: str, start: int, end: int) -> list[dict[str, Any]]:
    """Return the clock changes of a time zone within a period.

    :param timezone: name of the IANA time zone.
    :param start: first second of the period, since 1970.
    :param end: the second after the period.
    :returns: for each change ``at``, its second since 1970, and ``before`` and ``after``: the old and the new reading
        of a clock at that second, as ``YYYY-MM-DDTHH:MM``.
    """
    zone = ZoneInfo(timezone)

    def offset(moment: int) -> timedelta:
        return datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()

    def first_other(first: int, last: int) -> int:
        old = offset(first)
        return first + bisect_left(range(first, last), True, key=lambda moment: offset(moment) != old)

    found = []
    for day in range(start, end, 86_400):
        # Begin one second early, so that a change at the very start is found.
        first, last = day - 1, min(day + 86_400, end) - 1
        if offset(last) == offset(first):
            continue
        at = first_other(first, last)
        moment = datetime.fromtimestamp(at, UTC)
        shown = [_clock(moment + each) for each in (offset(first), offset(at))]
        found.append({"at": at, "before": shown[0], "after": shown[1]})
    return found


def _group_as_json(group: SeasonGroup, start: int, end: int) -> dict[str, Any]:
    seasons = [
        {**{name: season.content[name] for name in _SEASON_MEMBERS}, "range": _seconds(season)}
        for season in group.seasons
    ]
    return {"timezone": group.timezone, "seasons": seasons, "clockChanges": clock_changes(group.timezone, start, end)}


def _row(availability: Availability, groups: list[SeasonGroup]) -> dict[str, Any]:
    before, after = availability.before, availability.after
    left_out = max(0, *(len(spans or ()) - MAX_RANGES for spans in (before, after)))
    row: dict[str, Any] = {"before": _drawn(before), "after": _drawn(after), "leftOut": left_out}
    if availability.calendars:
        row["calendars"] = availability.calendars
    if availability.closed_before:
        row["closedBefore"] = _drawn(availability.closed_before)
    if availability.closed_after:
        row["closedAfter"] = _with_days(availability.closed_after, "UTC")
    if before is None or after is None or left_out:
        return row
    fitting = [at for at, group in enumerate(groups) if group.fits(before, after)]
    nearest = fitting or _nearest(before, after, groups)
    if nearest:
        row["group"] = nearest[0]
        row["timezones"] = list(dict.fromkeys(groups[at].timezone for at in nearest))
    timezone = groups[nearest[0]].timezone if nearest else "UTC"
    gained, lost = cut(after, before), cut(before, after)
    row["gained"], row["lost"] = _with_days(gained, timezone), _with_days(lost, timezone)
    old, new = ([span.content for span in spans] for spans in (before, after))
    row["gainedDays"], row["lostDays"] = days_gained_and_lost(old, new, timezone)
    if nearest and not fitting:
        row["mismatch"] = groups[nearest[0]].difference(before, after)
    return row


def _nearest(before: list[Span], after: list[Span], groups: list[SeasonGroup]) -> list[int]:
    """Return the groups that a change was probably meant for: those whose days it fills, then the closest in time."""
    changed = cut(after, before) + cut(before, after)

    def apart(group: SeasonGroup) -> tuple[int, float]:
        labels = [label for span in changed for label in _labels(span, ZoneInfo(group.timezone))]
        return sum("T" in label for label in labels), group.distance(before, after)

    measures = [apart(group) for group in groups]
    return [at for at, measure in enumerate(measures) if measure == min(measures)]


def _labels(span: Span, zone: ZoneInfo) -> list[str]:
    """Return the first and the last local day, with the time of day if the day is not open from end to end."""
    start, end = local_time(span.start, zone), local_time(span.end, zone)
    last = local_time(span.end - timedelta(milliseconds=1), zone).date()
    begins = abs(span.start - _edge(first_instant, start.date(), zone)) <= ONE_SECOND
    ends = abs(span.end - _edge(last_instant, last, zone)) <= ONE_SECOND
    return [
        start.date().isoformat() if begins else _clock(start),
        last.isoformat() if ends else _clock(end),
    ]


def _clock(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


def _edge(instant: Callable[[date, ZoneInfo], datetime], day: date, zone: ZoneInfo) -> datetime:
    try:
        return instant(day, zone)
    except OverflowError:  # the first or last day that a date can be
        return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Extent:
    """The period that the time line shows: the seasons and what is near them.

    :param seasons: their seconds since 1970.
    """

    seasons: list[list[int]]

    def around(self, rows: list[Mapping[str, Any]]) -> tuple[int, int]:
        """Return the first second of a month and of a later one.

        A service that is open until 2099 must not squeeze the season into a line.
        """
        changes = [span[:2] for row in rows for side in ("gained", "lost") for span in row.get(side, ())]
        ranges = [span for row in rows for side in ("before", "after") for span in row[side] or ()]
        usual = changes or ranges or [[0, 0]]
        middle = [sorted(ends)[len(usual) // 2] for ends in zip(*usual, strict=True)]
        core = self.seasons or [middle]
        start, end = min(core)[0], max(last for _, last in core)
        shown = [start, end]
        for spans, reach in ((changes, _REACH_OF_CHANGES), (ranges, _REACH_OF_RANGES)):
            least, most = start - reach, end + reach
            shown += [min(max(each, least), most) for span in spans for each in span]
        first = _month(min(shown) - _MARGIN)
        return first, _month(min(max(shown) + _MARGIN, first + _LONGEST), following=True)


def _month(moment: int, *, following: bool = False) -> int:
    """Return the first second, in UTC, of the month in which a second lies, or of the following month."""
    least, most = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 12, 1, tzinfo=UTC)
    day = datetime.fromtimestamp(min(max(moment, least.timestamp()), most.timestamp()), UTC)
    months = day.year * 12 + day.month - 1 + following
    return int(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp())


def _drawn(spans: list[Span] | None) -> list[list[int]] | None:
    return None if spans is None else [_seconds(span) for span in spans[:MAX_RANGES]]


def _seconds(span: Span) -> list[int]:
    return [int(span.start.timestamp()), int(span.end.timestamp())]


def _with_days(spans: list[Span], timezone: str) -> list[list[Any]]:
    """Return spans with their first and last local day."""
    return [[*_seconds(span), *_labels(span, ZoneInfo(timezone))] for span in spans]
