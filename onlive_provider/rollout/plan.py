"""What a rollout changes in one service, computed from the service as it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import holds, holds_all
from onlive_provider.models.fields import SERVICE, Resource
from onlive_provider.seasons import date_ranges, restriction_days
from onlive_provider.seasons.local_days import days_gained_and_lost
from onlive_provider.seasons.target import TARGET_FIELDS, Mode, Target

if TYPE_CHECKING:
    from onlive_provider.seasons import Season

_CLOSE = "to close a service, send `active: false` with UpdateServiceOperator"


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service before and after the rollout.

    :param name: for people; the id where the service has none.
    :param field: the field that is sent: ``dateRanges``, or ``calendars`` for the target ``restrictionDates``.
    :param timezone: name of the zone whose days are counted and shown: the first season's.
    :param before: the field's value as it was read.
    :param after: the field's value as it is to be sent, kept parts as the server gave them.
    :param updated_at: the service's ``updatedAt`` as it was read.
    :param gained_days: on how many local days time is opened.
    :param lost_days: on how many local days time is closed.
    """

    id: str
    name: str
    field: str
    timezone: str
    before: Any
    after: Any
    updated_at: str | None
    gained_days: int
    lost_days: int
    resource: ClassVar[Resource] = SERVICE
    sends_all: ClassVar[bool] = False

    @property
    def differs(self) -> bool:
        """Whether anything has to be sent."""
        return not holds(SERVICE, {self.field: self.before}, self.field, self.after, "replace")

    def patch(self) -> dict[str, Any]:
        """Return what is to be sent."""
        return {self.field: self.after}

    def former(self) -> dict[str, Any]:
        """Return what puts the service back."""
        return {self.field: self.before}

    def moved_fields(self, record: Mapping[str, Any]) -> list[str]:
        """Return the planned field, if it no longer holds what it held when it was planned."""
        return [] if holds_all(SERVICE, record, self.field, self.before, "replace") else [self.field]

    def is_shown_by(self, record: Mapping[str, Any]) -> bool:
        """Whether a service as read holds the plan's result.

        Only members that the API reference names are compared: a server may give ranges and calendars ids of its own,
        and others at every write.
        """
        return holds_all(SERVICE, record, self.field, self.after, "replace")

    def missing_fields(self, record: Mapping[str, Any]) -> list[str]:
        """Return the planned field, if it does not hold the plan's result."""
        return [] if self.is_shown_by(record) else [self.field]


def plan_service(record: Mapping[str, Any], seasons: Sequence[Season], mode: Mode, target: Target) -> ServicePlan:
    """Return what a rollout changes in a service.

    With ``restrictionDates`` the seasons' local days are added to, removed from or put in the place of the ``include``
    pairs of every active calendar; ``exclude`` stays as it is, so that a holiday within the season stays closed.

    :param record: the service as it was read.
    :param seasons: at least one.
    :raises OnlivePayloadError: the service cannot be planned: what it holds cannot be read, or the API reference does
        not say what it would mean.
    """
    compute = _ranges if target == "dateRanges" else _restrictions
    field = TARGET_FIELDS[target]
    if field not in record:
        raise OnlivePayloadError.of(
            field, "are not in what the server answered, so they can be neither kept nor put back"
        )
    after = compute(record[field], seasons, mode)
    return planned_service(record, field, record[field], after, seasons[0].timezone)


def planned_service(record: Mapping[str, Any], field: str, before: Any, after: Any, timezone: str) -> ServicePlan:
    """Return the plan of a service, with the days that it gains and loses.

    :param record: its ``id``, ``name`` and ``updatedAt``.
    """
    if field == "dateRanges":
        gained, lost = days_gained_and_lost(before or [], after or [], timezone)
    else:
        gained, lost = restriction_days.days_gained_and_lost(before, after)
    return ServicePlan(
        id=str(record["id"]),
        name=str(record.get("name") or record["id"]),
        field=field,
        timezone=timezone,
        before=before,
        after=after,
        updated_at=record.get("updatedAt"),
        gained_days=gained,
        lost_days=lost,
    )


def _ranges(before: Any, seasons: Sequence[Season], mode: Mode) -> Any:
    wanted = [season.date_range() for season in seasons]
    if before is None and mode != "replace":
        raise OnlivePayloadError.of(
            "dateRanges", 'are null, and the API reference does not say what that means; accepted: mode="replace"'
        )
    held = [] if before is None else before
    if not isinstance(held, list):
        raise OnlivePayloadError.of("dateRanges", f"are {type(held).__name__}; accepted: an array of date ranges")
    after = getattr(date_ranges, mode)(held, *wanted)
    if held and not after:
        unclear = "would be left empty, and the API reference does not say whether such a service is always open"
        raise OnlivePayloadError.of("dateRanges", f"{unclear}; {_CLOSE}")
    return after


def _restrictions(before: Any, seasons: Sequence[Season], mode: Mode) -> Any:
    return restriction_days.change_calendars(before, [(each.first_day, each.last_day) for each in seasons], mode)
