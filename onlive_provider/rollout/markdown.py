"""The plan of a rollout as Markdown, for somebody who approves it: days gained and lost, the losses on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onlive_provider.models.wording import counted
from onlive_provider.report.markdown import MAX_MARKDOWN, PlanPage, escaped, how_many
from onlive_provider.rollout.plan import ServicePlan
from onlive_provider.rollout.table import cells


def seasons_markdown(
    changing: Sequence[ServicePlan],
    problems: Mapping[str, str],
    *,
    total: int,
    reports: Sequence[str],
    room: int = MAX_MARKDOWN,
) -> str:
    """Return the plan of a rollout: days gained and lost in total and for each service that changes.

    :param changing: the services that change, of one rollout or of several.
    :param problems: service to why it cannot be planned.
    :param total: how many services were planned, or could not be.
    :param reports: where the whole reports are.
    :param room: bytes that the text may take as ASCII JSON.
    """
    ordered = sorted(changing, key=lambda plan: (-plan.lost_days, -plan.gained_days, plan.name, plan.id))
    gained, lost = sum(plan.gained_days for plan in ordered), sum(plan.lost_days for plan in ordered)
    return PlanPage(
        total=f"{how_many(len(ordered), total, 'service')}, {counted(gained, 'day')} gained, {lost:,} lost",
        problems=problems,
        header=("Service", "Before", "After", "Gained", "Lost"),
        records=([[escaped(text) for text in cells(plan)]] for plan in ordered),
        number=len(ordered),
        noun="service",
        reports=reports,
        numbers=2,
    ).text(room)
