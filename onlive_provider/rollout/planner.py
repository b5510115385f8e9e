"""What a rollout needs of a plan: for one record, and for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from onlive_provider.models.changes import Change
from onlive_provider.models.fields import Resource


class RecordPlan(Protocol):
    """What is to become of one record."""

    @property
    def resource(self) -> Resource:
        """The kind of record."""

    @property
    def id(self) -> str:
        """The record's id."""

    @property
    def updated_at(self) -> str | None:
        """The record's ``updatedAt`` when it was planned."""

    @property
    def differs(self) -> bool:
        """Whether anything has to be sent."""

    @property
    def sends_all(self) -> bool:
        """Whether fields are sent that hold their value already."""

    def patch(self) -> dict[str, Any]:
        """Return what is to be sent."""

    def former(self) -> dict[str, Any]:
        """Return what puts the record back."""

    def moved_fields(self, record: Mapping[str, Any]) -> list[str]:
        """Return the planned fields that no longer hold what they held when they were planned."""

    def is_shown_by(self, record: Mapping[str, Any]) -> bool:
        """Whether a record as read shows that it holds the plan's result."""

    def missing_fields(self, record: Mapping[str, Any]) -> list[str]:
        """Return the planned fields that do not hold the plan's result, as far as a record as read shows it."""


class Planner(Protocol):
    """Plans each record of a rollout, and says what all of it amounts to."""

    @property
    def resource(self) -> Resource:
        """The kind of the records."""

    def plan(self, record: Mapping[str, Any]) -> RecordPlan:
        """Return what is to become of a record.

        :param record: as it was read.
        :raises OnliveError: it cannot be planned.
        """

    def plan_again(self, record: Mapping[str, Any], earlier: Change) -> RecordPlan | None:
        """Return the plan that an earlier try made and carried out, if the record shows it.

        :param record: as it was read.
        :param earlier: the write that the earlier try announced or made.
        """

    def table(self, plans: Sequence[Any], problems: Mapping[str, str]) -> str:
        """Return all plans as a table of plain text.

        :param plans: of all records that could be planned, as :meth:`plan` returned them.
        :param problems: record to why it cannot be planned.
        """

    def markdown(self, plans: Sequence[Any], problems: Mapping[str, str], *, report: str | None, room: int) -> str:
        """Return all plans as Markdown, for somebody who approves them.

        :param report: where the whole report is.
        :param room: bytes that it may take.
        """

    def details(self) -> Mapping[str, str]:
        """Return what the report's page says of the rollout."""

    def on_timeline(self) -> Sequence[Mapping[str, str]]:
        """Return the seasons of the report's time line; see :func:`~onlive_provider.report.page.write_page`."""


def write_of(plan: RecordPlan, updated_at: str | None) -> Change:
    """Return a plan as a write that was made.

    :param updated_at: the record's ``updatedAt`` after the write.
    """
    return Change(plan.resource, plan.id, plan.former(), plan.patch(), updated_at)
