"""What a rollout does with a service: write its plan, and verify that it holds what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.worklist import Inspection, Worklist
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveNotHeldError, OnliveStaleRecordError
from onlive_provider.models.changes import shown
from onlive_provider.models.fields import SERVICE
from onlive_provider.models.instants import instant
from onlive_provider.report.outcomes import Outcome
from onlive_provider.rollout.plan import ServicePlan
from onlive_provider.rollout.service import RolloutService


class ServiceList(Worklist):
    """Services, in the order in which they are worked on.

    :param work: returns what is to be done with a service.
    """

    stop_on_long_retry_after = False

    def __init__(
        self, services: Sequence[RolloutService], work: Callable[[RolloutService], Update | Inspection]
    ) -> None:
        self._services = services
        self._work = work

    def prepare(self, row: Row | BadRow) -> Update | Inspection:
        """Return what is to be done with a row's service."""
        return self._work(self._services[row.index])

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        return Outcome(row.index, None, self._services[row.index].id, "not_attempted", resource=SERVICE.name)


def write(plan: ServicePlan) -> Update:
    """Return the update that a plan asks for, refused where the service was changed since it was planned."""

    def check(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
        found = current.get("updatedAt")
        if patch and (instant(found) or found) != (instant(plan.updated_at) or plan.updated_at):
            raise OnliveStaleRecordError(_words(plan), f"{plan.updated_at}, when it was planned", found)

    return Update(resource=SERVICE, id=plan.id, payload=plan.patch(), check=check)


def verify(plan: ServicePlan, written_at: str | None) -> Inspection:
    """Return the check that a written service holds what its plan says.

    :param written_at: the service's ``updatedAt`` after its write, where it is known.
    """

    def compare(current: Mapping[str, Any]) -> None:
        if plan.is_shown_by(current):
            return
        found = current.get("updatedAt")
        moved = found if written_at is not None and instant(found) != instant(written_at) else None
        raise OnliveNotHeldError(_not_held(plan, current.get(plan.field), moved))

    return Inspection(SERVICE, plan.id, compare)


def _words(plan: ServicePlan) -> str:
    return f'service {plan.id} "{plan.name}"'


def _not_held(plan: ServicePlan, held: Any, changed_at: str | None) -> str:
    cause = f", changed by somebody else at {changed_at}" if changed_at else ""
    row = SERVICE.field(plan.field)
    return f"{_words(plan)} does not hold what was sent{cause}: sent {shown(plan.after, row)}, holds {shown(held, row)}"
