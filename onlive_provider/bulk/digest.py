"""A report in a few lines for a terminal: counts, failures by cause, and what a revert would do. It makes no call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onlive_provider.bulk.history import History, Source, outcomes_of, read_history
from onlive_provider.bulk.storage import ReadableStorage
from onlive_provider.models.wording import counted
from onlive_provider.privacy import printable, without_personal_data
from onlive_provider.report.causes import Causes, cause_of
from onlive_provider.report.outcomes import Outcome

_MAX_CAUSES = 10


def digest(storage: ReadableStorage, report_path: str) -> list[str]:
    """Return what a report says, in lines that show no guest's data and can do nothing to a terminal.

    :raises OnlivePayloadError: there is no such report, or it cannot be read.
    """
    history = read_history(storage, report_path)
    newest = history.sources[0]
    lines = [f"{newest.path}: {newest.counts_text()}"]
    lines += _failures(outcomes_of(storage, newest))
    lines += _revert(history)
    if history.others:
        lines += ["", "Written by other DAG runs, and left alone unless given by path:"]
        lines += [f"  {each.path}: {each.run}" for each in history.others]
    return [printable(line) for line in lines]


def _failures(outcomes: Iterable[Outcome]) -> list[str]:
    causes = Causes()
    for each in outcomes:
        if each.outcome == "failed":
            name = f"{each.place}, {without_personal_data(each.id)}" if each.id else each.place
            causes.add(cause_of(each), each.index, name, error=each.error or "")
    return ["", "Failed, by cause:", *_lines(causes)] if causes else []


def _lines(causes: Causes) -> Iterator[str]:
    """Yield two lines for each cause, the most frequent first."""
    found = causes.by_number()
    for each in found[:_MAX_CAUSES]:
        more = f" and {each.number - len(each.named):,} more" if each.number > len(each.named) else ""
        yield f"  {each.number:,} x {f'{each.error}: ' if each.error else ''}{each.message}"
        yield f"    {'; '.join(each.named)}{more}"
    if len(found) > _MAX_CAUSES:
        yield f"  and {counted(len(found) - _MAX_CAUSES, 'more cause')}"
    if causes.others:
        yield f"  and {causes.others:,} with still other causes"


def _revert(history: History) -> list[str]:
    lost, unsure, records = Causes(), 0, 0
    for place, chain in enumerate(history.chains):
        problem = chain.problem()
        if problem is not None:
            lost.add(str(problem), place, without_personal_data(chain.name))
            continue
        records += 1
        unsure += chain.writes[-1].may_be_made
    lines = ["", f"A revert would read {counted(records, 'record')} and put back those that nobody changed since"]
    if not history.chains:
        lines = ["", "A revert would find nothing to put back"]
    lines += [f"  {_writes(each)} in {each.path}" for each in history.sources if each.writes]
    if unsure:
        lines.append(f"  {counted(unsure, 'record')} would show first whether the last write was made")
    return [*lines, "", "It could not put back:", *_lines(lost)] if lost else lines


def _writes(source: Source) -> str:
    return counted(source.writes, "write")
