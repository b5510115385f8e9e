"""The worklists of a rollout: plan every service, write a batch, check it. The revert has its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from onlive_provider.bulk.rows import BadRow, Row
from onlive_provider.bulk.worklist import Inspection, Worklist
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnliveNotHeldError, OnliveStaleRecordError
from onlive_provider.models.fields import SERVICE
from onlive_provider.models.instants import instant
from onlive_provider.report.outcomes import Outcome
from onlive_provider.rollout.plan import ServicePlan

_MAX_SHOWN = 300


class ServiceList(Worklist):
    """What the lists have in common: each row names a service."""

    stop_on_long_retry_after = False

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        return Outcome(row.index, None, id_of(row), "not_attempted", resource=SERVICE.name)


class PlanList(ServiceList):
    """Reads every service and works out its plan; sends nothing.

    :param plan: called with the id and the service as it was read; raises to refuse it.
    """

    def __init__(self, plan: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._plan = plan

    def prepare(self, row: Row | BadRow) -> Inspection:
        """Return the inspection of one service."""
        service_id = id_of(row)
        return Inspection(SERVICE, service_id, lambda current: self._plan(service_id, current))


class WriteList(ServiceList):
    """Sends what the plans say, where the service is still as it was when it was planned."""

    def __init__(self, plans: Mapping[str, ServicePlan]) -> None:
        self._plans = plans

    def prepare(self, row: Row | BadRow) -> Update:
        """Return the update that a plan asks for."""
        plan = self._plans[id_of(row)]

        def check(patch: Mapping[str, Any], current: Mapping[str, Any]) -> None:
            found = current.get("updatedAt")
            if patch and (instant(found) or found) != (instant(plan.updated_at) or plan.updated_at):
                raise OnliveStaleRecordError(_words(plan), f"{plan.updated_at}, when it was planned", found)

        return Update(resource=SERVICE, id=plan.id, payload=plan.patch(), check=check)


class CheckList(ServiceList):
    """Reads written services again and compares them with their plans; sends nothing.

    :param written_at: the ``updatedAt`` of each service after its write, where it is known.
    """

    def __init__(self, plans: Mapping[str, ServicePlan], written_at: Mapping[str, str | None]) -> None:
        self._plans = plans
        self._written_at = written_at

    def prepare(self, row: Row | BadRow) -> Inspection:
        """Return the inspection of one service."""
        plan = self._plans[id_of(row)]

        def compare(current: Mapping[str, Any]) -> None:
            if plan.is_shown_by(current):
                return
            since, found = self._written_at.get(plan.id), current.get("updatedAt")
            moved = found if since is not None and instant(found) != instant(since) else None
            raise OnliveNotHeldError(_not_held(plan, current.get(plan.field), moved))

        return Inspection(SERVICE, plan.id, compare)


def id_of(row: Row | BadRow) -> str:
    """Return the service's id that a row of a rollout names."""
    assert isinstance(row, Row)
    service_id: str = row.values["id"]
    return service_id


def _words(plan: ServicePlan) -> str:
    return f'service {plan.id} "{plan.name}"'


def _not_held(plan: ServicePlan, held: Any, changed_at: str | None) -> str:
    cause = f", changed by somebody else at {changed_at}" if changed_at else ""
    return f"{_words(plan)} does not hold what was sent{cause}: sent {_shown(plan.after)}, holds {_shown(held)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}... ({len(text)} characters)"
