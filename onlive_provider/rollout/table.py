"""The plan of a rollout as a table of plain text, for a log or an approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.cells import cell_len, set_cell_size

from onlive_provider.models.wording import counted
from onlive_provider.privacy import on_one_line
from onlive_provider.report.cells import cut
from onlive_provider.seasons.date_ranges import Span, read_spans
from onlive_provider.seasons.local_days import first_instant, last_instant
from onlive_provider.seasons.restriction_days import included_days

if TYPE_CHECKING:
    from onlive_provider.models.changes import Change
    from onlive_provider.rollout.plan import ServicePlan
    from onlive_provider.seasons import Season
    from onlive_provider.seasons.target import Mode

MAX_ROWS = 60
MAX_BYTES = 28_000
"""Size of the whole text: a task's result holds it, and has to stay far below the 48 KB that an XCom may have."""

_MAX_PROBLEMS = 20
_MAX_RANGES = 3
_MAX_VALUE = 100
_WIDTHS = (36, 160, 160)
_HEADER = ("service", "before", "after", "days gained", "days lost")


def season_words(season: Season) -> str:
    """Return a season for a person: ``summer: 2027-06-15 to 2027-09-15, Europe/Madrid``."""
    return f"{on_one_line(season.name)}: {season.first_day} to {season.last_day}, {season.timezone}"


def plan_table(
    plans: Sequence[ServicePlan],
    problems: Mapping[str, str],
    *,
    seasons: Sequence[Season],
    mode: Mode,
    in_place: int = 0,
    whole: bool = False,
) -> str:
    """Return the seasons, the sums, what cannot be planned, and a row for each service that changes.

    Ranges are shown in local days of the plan's zone, with the time where one does not begin or end with a day.

    :param plans: of all services; those that do not differ are only counted.
    :param problems: service to why it cannot be planned.
    :param in_place: services besides that do not differ.
    :param whole: show every row, however many.
    """
    changing = [plan for plan in plans if plan.differs]
    gained, lost = sum(plan.gained_days for plan in changing), sum(plan.lost_days for plan in changing)
    lines = [f"{mode} {season_words(season)}" for season in seasons[:_MAX_PROBLEMS]]
    lines.append(
        f"{counted(len(plans) + in_place + len(problems), 'service')}: "
        f"{len(changing):,} to change ({counted(gained, 'day')} gained, {lost:,} lost), "
        f"{len(plans) + in_place - len(changing):,} unchanged, {len(problems):,} that cannot be planned"
    )
    lines += _problem_lines(problems)
    if changing:
        rows = [cells(plan) for plan in (changing if whole else changing[:MAX_ROWS])]
        room = None if whole else MAX_BYTES - _size(lines)
        lines += ["", *_table(_HEADER, rows, room, left_out=len(changing) - len(rows), numbers=2)]
    return "\n".join(lines)


def changes_table(head: str, changes: Sequence[Change], problems: Mapping[str, str], *, whole: bool = False) -> str:
    """Return a first line, what is left alone, and a row for each field that changes. Guests' values are not shown.

    :param problems: record to why it is left alone.
    :param whole: show every row, however many.
    """
    lines = [head, *_problem_lines(problems)]
    rows = [
        (change.id, name, *(cut(text, _MAX_VALUE) for text in sides))
        for change in (changes if whole else changes[:MAX_ROWS])
        for name, sides in change.sides().items()
    ]
    fields = sum(len(change.after) for change in changes)
    if rows:
        header = (changes[0].resource.name, "field", "before", "after")
        shown = rows if whole else rows[:MAX_ROWS]
        lines += ["", *_table(header, shown, None if whole else MAX_BYTES - _size(lines), left_out=fields - len(shown))]
    return "\n".join(lines)


def _problem_lines(problems: Mapping[str, str]) -> list[str]:
    lines = [
        f"cannot be planned: {cut(on_one_line(f'{name}: {why}'), 300)}"
        for name, why in list(problems.items())[:_MAX_PROBLEMS]
    ]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"... and {len(problems) - _MAX_PROBLEMS:,} more that cannot be planned")
    return lines


def _size(lines: Sequence[str]) -> int:
    return len("\n".join(lines).encode())


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], room: int | None, *, left_out: int, numbers: int = 0
) -> list[str]:
    """Return a header and as many rows as there is room for.

    :param room: bytes; ``None`` for every row.
    :param left_out: how many rows there are besides.
    :param numbers: how many of the last columns are numbers.
    """
    table = [header, *rows]
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(header))]
    texts = len(header) - numbers
    lines: list[str] = []
    for row in table:
        padded = [
            set_cell_size(cell, width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(padded).rstrip()
        if room is not None:
            room -= len(line.encode()) + 1
            if room < 0:
                break
        lines.append(line)
    left_out += len(table) - len(lines)
    return [*lines, f"... and {left_out:,} more"] if left_out else lines


def cells(plan: ServicePlan) -> tuple[str, str, str, str, str]:
    """Return a plan's row: the service, what it holds before and after, the days gained and the days lost."""
    shown = _ranges if plan.field == "dateRanges" else _days
    sides = _sides(shown(plan.before, plan.timezone), shown(plan.after, plan.timezone))
    texts = on_one_line(plan.name), *sides
    name, before, after = (cut(text, width) for text, width in zip(texts, _WIDTHS, strict=True))
    return name, before, after, f"{plan.gained_days:,}", f"{plan.lost_days:,}"


def _sides(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    """Return both sides of a row; of long ones, only what differs, so that it stands where a reader sees it."""
    if max(len(before), len(after)) <= _MAX_RANGES:
        return _listed(before), _listed(after)
    kept = [text for text in before if text in after]
    stay = [f"{len(kept)} that stay"] if kept else []
    own = ([text for text in side if text not in kept] for side in (before, after))
    sides = [
        [*stay, *side[:_MAX_RANGES], *([f"{len(side) - _MAX_RANGES} more"] * (len(side) > _MAX_RANGES))] for side in own
    ]
    return _listed(sides[0]), _listed(sides[1])


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts) or "(none)"


def _ranges(ranges: Any, timezone: str) -> list[str]:
    if ranges is None:
        return ["(null)"]
    zone = ZoneInfo(timezone)
    return [_span(span, zone) for span in sorted(read_spans(ranges), key=lambda span: span.start)]


def _days(calendars: Any, _: str) -> list[str]:
    return [f"{first} to {last}" for first, last in included_days(calendars)]


def _span(span: Span, zone: ZoneInfo) -> str:
    start, end = _local(span.start, zone), _local(span.end, zone)
    begins = span.start == first_instant(start.date(), zone)
    ends = timedelta(0) <= span.end - last_instant(end.date(), zone) < timedelta(seconds=1)
    return f"{start.date() if begins else _minute(start)} to {end.date() if ends else _minute(end)}"


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # the first or last day that a date can be
        return moment.astimezone(UTC)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
