"""Applies a saved plan: exactly what it says, to records that still are what it saw."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from onlive_provider.bulk.plan_file import PlanFile
from onlive_provider.bulk.storage import ReadableStorage
from onlive_provider.errors import OnlivePayloadError, OnliveStaleRecordError
from onlive_provider.models.changes import Change, holds, holds_all, holds_in_other_spelling, is_known
from onlive_provider.models.comparison import ObjectUpdates
from onlive_provider.models.fields import Resource
from onlive_provider.models.wording import counted
from onlive_provider.privacy import printable
from onlive_provider.report.markdown import changes_markdown
from onlive_provider.report.outcomes import Outcome
from onlive_provider.rollout.markdown import seasons_markdown
from onlive_provider.rollout.plan import ServicePlan, planned_service
from onlive_provider.rollout.record import RolloutRecord
from onlive_provider.rollout.season_planner import SeasonPlanner
from onlive_provider.rollout.table import changes_table
from onlive_provider.rollout.worklists import refuse_if_moved
from onlive_provider.seasons.target import TARGET_FIELDS


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A :class:`~onlive_provider.rollout.planner.RecordPlan` of a record that a saved plan changes. It shows no values.

    :param line: of the plan.
    :param is_in_place: whether the record holds everything already.
    """

    resource: Resource
    id: str
    updated_at: str | None
    line: bytes = field(repr=False)
    object_updates: ObjectUpdates
    is_in_place: bool = False

    @classmethod
    def of(cls, outcome: Outcome, line: bytes, resource: Resource, object_updates: ObjectUpdates) -> PlannedRecord:
        """Return the plan of a record as its line has it."""
        return cls(resource, str(outcome.id), outcome.updated_at, line, object_updates)

    @property
    def differs(self) -> bool:
        """Whether anything has to be sent."""
        return not self.is_in_place

    @property
    def sends_all(self) -> bool:
        """Whether the task that planned was to send also what is in place."""
        before = self.former()
        return any(
            holds(self.resource, before, name, value, self.object_updates) for name, value in self.patch().items()
        )

    def patch(self) -> dict[str, Any]:
        """Return what is to be sent."""
        return dict(self._outcome().after)

    def former(self) -> dict[str, Any]:
        """Return what puts the record back."""
        return {} if self.is_in_place else dict(self._outcome().before)

    def moved_fields(self, record: Mapping[str, Any]) -> list[str]:
        """Return the planned fields that no longer hold what they held when they were planned."""
        return [
            name
            for name, value in self.former().items()
            if not holds_all(self.resource, record, name, value, self.object_updates)
        ]

    def missing_fields(self, record: Mapping[str, Any]) -> list[str]:
        """Return the planned fields that do not hold what was planned. What a GET does not answer is left out."""
        return [
            name
            for name, value in self.patch().items()
            if is_known(self.resource, record, name) and not self._holds(record, name, value)
        ]

    def is_shown_by(self, record: Mapping[str, Any]) -> bool:
        """Whether a record that was not as it was planned holds what was planned, as far as a read shows it."""
        known = [name for name in self.patch() if is_known(self.resource, record, name)]
        return bool(known) and not self.missing_fields(record)

    def change(self) -> Change:
        """Return the planned change."""
        return self._outcome().change()

    def as_service_plan(self, planner: SeasonPlanner) -> ServicePlan:
        """Return the plan of a rollout's service, with the days that it gains and loses."""
        name, planned = TARGET_FIELDS[planner.target], self._outcome()
        about = {"id": self.id, "name": planned.name, "updatedAt": self.updated_at}
        before = planned.after if self.is_in_place else planned.before
        return planned_service(about, name, before[name], planned.after[name], planner.seasons[0].timezone)

    def _holds(self, record: Mapping[str, Any], name: str, value: Any) -> bool:
        where = self.resource, record, name, value, self.object_updates
        return holds_in_other_spelling(*where) or holds_all(*where)

    def _outcome(self) -> Outcome:
        return Outcome.from_json(json.loads(self.line))


class SavedPlan:
    """A :class:`~onlive_provider.rollout.planner.Planner` whose plans were made, and approved, before.

    ``records`` are those that the plan changes.

    :param path: of the plan, for people.
    :param object_updates: of the Connection.
    """

    def __init__(self, plan: PlanFile, path: str, object_updates: ObjectUpdates) -> None:
        self.resource = plan.head.resource
        self.records: list[RolloutRecord] = []
        self._plan = plan
        self._path = path
        self._seasons = SeasonPlanner.from_json(plan.head.season) if plan.head.season else None
        self._planned: dict[str, tuple[RolloutRecord, PlannedRecord]] = {}
        for line in plan.planned:
            outcome = Outcome.from_json(json.loads(line))
            planned = PlannedRecord.of(outcome, line, self.resource, object_updates)
            record = RolloutRecord(self.resource, planned.id, outcome.index, outcome.line, name=outcome.name)
            self.records.append(record)
            self._planned[planned.id] = record, planned

    @property
    def total(self) -> int:
        """How many rows the plan has."""
        return self._plan.counts.total

    def others(self) -> Iterator[Outcome]:
        """Yield the outcomes of the rows that the plan does not change: no call is made for them."""
        for each in self._plan.outcomes():
            if each.outcome == "planned":
                continue
            bare = replace(each, error=None, field_errors=(), retryable=False, attempts=0)
            if each.outcome == "unchanged":
                yield replace(bare, message="in place when it was planned")
            else:
                why = f": {each.message}" if each.message else ""
                yield replace(bare, outcome="skipped", message=f"{each.outcome} when it was planned{why}")

    def plan(self, record: Mapping[str, Any]) -> PlannedRecord:
        """Return what was planned for a record.

        :raises OnliveStaleRecordError: it no longer is what the plan saw, nor what the plan makes of it.
        """
        about, planned = self._planned[record["id"]]
        try:
            refuse_if_moved(about, planned, record)
        except OnliveStaleRecordError:
            if planned.is_shown_by(record):
                return replace(planned, is_in_place=True)
            raise
        return planned

    def plan_again(self, record: Mapping[str, Any], earlier: Change) -> PlannedRecord | None:
        """Return what was planned for a record, if an earlier try carried it out and the record shows it."""
        about, planned = self._planned[earlier.id]
        try:
            refuse_if_moved(about, planned, record)
        except OnliveStaleRecordError:
            return planned if planned.is_shown_by(record) else None
        return None

    def table(self, plans: Sequence[PlannedRecord], problems: Mapping[str, str]) -> str:
        """Return what is applied as a table of plain text."""
        changes = [each.change() for each in plans if each.differs]
        begin = f"The plan {self._path}, made at {self._plan.head.made_at}{self._by()}"
        if self._seasons is not None:
            in_place = self._plan.counts.unchanged
            return f"{begin}\n{self._seasons.table(self._service_plans(plans), problems, in_place=in_place)}"
        return changes_table(f"{begin}\n{self._counted(len(changes), problems)}", changes, problems)

    def markdown(
        self, plans: Sequence[PlannedRecord], problems: Mapping[str, str], *, report: str | None, room: int
    ) -> str:
        """Return what is applied as Markdown."""
        where: dict[str, Any] = {"total": self.total, "reports": [report] if report else [], "room": room}
        if self._seasons is not None:
            changing = [each for each in self._service_plans(plans) if each.differs]
            return seasons_markdown(changing, problems, **where)
        changes = [each.change() for each in plans if each.differs]
        return changes_markdown(changes, problems, noun=self.resource.name, **where)

    def lines(self) -> list[str]:
        """Return the plan for a terminal: what it is, what it holds, and a row for each change."""
        head = self._plan.head
        lines = [f"{self._path}: a plan of {counted(self.total, self.resource.name)}, made by a {head.kind} task"]
        lines.append(f"Made at {head.made_at} for {head.address}{self._by()}; whole, and as it was made")
        if self._plan.lost:
            lines.append(f"Cannot be applied, because guests' data were left out: {', '.join(self._plan.lost)}")
        lines.append("")
        services = self.service_plans()
        if services is None or self._seasons is None:
            counts = self._counted(len(self.records), self.problems())
            table = changes_table(counts, self.changes(), self.problems(), whole=True)
        else:
            in_place = self._plan.counts.unchanged
            table = self._seasons.table(services, self.problems(), in_place=in_place, whole=True)
        return [*lines, *table.splitlines()]

    def service_plans(self) -> list[ServicePlan] | None:
        """Return the plans of a rollout's services as they were planned; ``None`` where no rollout planned."""
        return (
            None if self._seasons is None else self._service_plans([planned for _, planned in self._planned.values()])
        )

    def changes(self) -> list[Change]:
        """Return the planned changes."""
        return [planned.change() for _, planned in self._planned.values()]

    def problems(self) -> dict[str, str]:
        """Return record to why it could not be planned."""
        return {
            str(each.id or f"row {each.index}"): each.message or each.outcome
            for each in self._plan.outcomes()
            if each.outcome == "failed"
        }

    def details(self) -> Mapping[str, str]:
        """Return what the report's page says of the plan."""
        season = self._seasons.details() if self._seasons is not None else {}
        return {"Plan": f"{self._path}, made at {self._plan.head.made_at}", **season}

    def on_timeline(self) -> Sequence[Mapping[str, str]]:
        """Return the seasons as the report's time line takes them."""
        return self._seasons.on_timeline() if self._seasons is not None else ()

    def _by(self) -> str:
        """Return which task planned, as far as it is known."""
        task = ", ".join(f"{name} {value}" for name, value in self._plan.head.task.items() if value not in (None, -1))
        return f" by {task}" if task else ""

    def _counted(self, changing: int, problems: Mapping[str, str]) -> str:
        total = counted(self.total, self.resource.name)
        unchanged = self.total - changing - len(problems)
        return f"{total}: {changing:,} to change, {unchanged:,} unchanged, {len(problems):,} that cannot be planned"

    def _service_plans(self, plans: Sequence[PlannedRecord]) -> list[ServicePlan]:
        assert self._seasons is not None
        return [each.as_service_plan(self._seasons) for each in plans]


def plans_markdown(plans: Mapping[str, PlanFile]) -> str:
    """Return one text for whoever approves several plans.

    :param plans: path to plan.
    :raises OnlivePayloadError: there is none, or they are of two kinds of records, or of rollouts and bulk updates.
    """
    if not plans:
        raise OnlivePayloadError.of("plan_paths", "got no plan; accepted: the path of at least one")
    saved = [SavedPlan(plan, path, "merge") for path, plan in plans.items()]
    kinds = {(plan.head.resource.name, bool(plan.head.season)) for plan in plans.values()}
    if len(kinds) != 1:
        raise OnlivePayloadError.of("plan_paths", "are of several kinds; accepted: one kind of task and record")
    where: dict[str, Any] = {"total": sum(each.total for each in saved), "reports": list(plans)}
    problems = {name: why for each in saved for name, why in each.problems().items()}
    services = [each.service_plans() for each in saved]
    if None not in services:
        changing = [plan for each in services for plan in each or ()]
        return seasons_markdown(changing, problems, **where)
    changes = [change for each in saved for change in each.changes()]
    return changes_markdown(changes, problems, noun=saved[0].resource.name, **where)


def plan_lines(storage: ReadableStorage, path: str) -> list[str]:
    """Return a saved plan for a terminal.

    :raises OnlivePayloadError: it is not a plan, was cut short or edited.
    :raises OSError: it cannot be read.
    """
    with storage.open(path, "rb") as file:
        return [printable(line) for line in SavedPlan(PlanFile(file, path), path, "merge").lines()]
