"""Plans a rollout of seasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import SERVICE, Resource
from onlive_provider.rollout.arguments import read_seasons
from onlive_provider.rollout.markdown import seasons_markdown
from onlive_provider.rollout.plan import ServicePlan, plan_service
from onlive_provider.rollout.table import plan_table, season_words
from onlive_provider.seasons import Season
from onlive_provider.seasons.target import Mode, Target


@dataclass(frozen=True, slots=True)
class SeasonPlanner:
    """A :class:`~onlive_provider.rollout.planner.Planner` of services.

    :param seasons: at least one.
    """

    seasons: Sequence[Season]
    mode: Mode
    target: Target
    resource: ClassVar[Resource] = SERVICE

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeasonPlanner:
        """Return the planner of what :meth:`as_json` returned."""
        return cls(read_seasons(data["seasons"], "seasons"), data["mode"], data["target"])

    def as_json(self) -> dict[str, Any]:
        """Return the seasons and what is done with them."""
        return {"seasons": [each.as_json() for each in self.seasons], "mode": self.mode, "target": self.target}

    def plan(self, record: Mapping[str, Any]) -> ServicePlan:
        """Return what is to become of a service; see :func:`~onlive_provider.rollout.plan.plan_service`."""
        return plan_service(record, self.seasons, self.mode, self.target)

    def plan_again(self, record: Mapping[str, Any], earlier: Change) -> ServicePlan | None:
        """Return the plan that an earlier try made and carried out, if the service shows it."""
        try:
            plan = self.plan({**record, **earlier.before})
        except OnlivePayloadError:
            return None
        return plan if plan.differs and plan.is_shown_by(record) else None

    def table(self, plans: Sequence[ServicePlan], problems: Mapping[str, str], **options: Any) -> str:
        """Return all plans as a table of plain text.

        :param options: as of :func:`~onlive_provider.rollout.table.plan_table`.
        """
        return plan_table(plans, problems, seasons=self.seasons, mode=self.mode, **options)

    def markdown(
        self, plans: Sequence[ServicePlan], problems: Mapping[str, str], *, report: str | None, room: int
    ) -> str:
        """Return all plans as Markdown, for somebody who approves them."""
        changing = [each for each in plans if each.differs]
        reports = [report] if report else []
        return seasons_markdown(changing, problems, total=len(plans) + len(problems), reports=reports, room=room)

    def details(self) -> Mapping[str, str]:
        """Return what the report's page says of the rollout."""
        season = "; ".join(season_words(season) for season in self.seasons)
        return {"Mode": self.mode, "Target": self.target, "Season": season}

    def on_timeline(self) -> Sequence[Mapping[str, str]]:
        """Return the seasons as the report's time line takes them."""
        options = {"mode": self.mode, "target": self.target}
        return [
            {**each.as_json(), **each.date_range().model_dump(exclude_unset=True), **options} for each in self.seasons
        ]
