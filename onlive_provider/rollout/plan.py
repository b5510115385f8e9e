"""What a rollout changes in one service, computed from the service as it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change, holds, holds_all
from onlive_provider.models.fields import SERVICE
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

    def change(self, updated_at: str | None) -> Change:
        """Return the plan as a write that was made.

        :param updated_at: the service's ``updatedAt`` after the write.
        """
        return Change(SERVICE, self.id, self.former(), self.patch(), updated_at)

    def is_shown_by(self, record: Mapping[str, Any]) -> bool:
        """Whether a service as read holds the plan's result.

        Only members that the API reference names are compared: a server may give ranges and calendars ids of its own,
        and others at every write.
        """
        return holds_all(SERVICE, record, self.field, self.after, "replace")


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
    before = record[field]
    after, gained, lost = compute(before, seasons, mode)
    return ServicePlan(
        id=str(record["id"]),
        name=str(record.get("name") or record["id"]),
        field=field,
        timezone=seasons[0].timezone,
        before=before,
        after=after,
        updated_at=record.get("updatedAt"),
        gained_days=gained,
        lost_days=lost,
    )


def plan_again(
    record: Mapping[str, Any], before: Mapping[str, Any], seasons: Sequence[Season], mode: Mode, target: Target
) -> ServicePlan | None:
    """Return the plan that an earlier try of the same rollout made and carried out, if the service shows it.

    :param record: the service as it was read.
    :param before: the sent field as the earlier try had read it.
    """
    try:
        plan = plan_service({**record, **before}, seasons, mode, target)
    except OnlivePayloadError:
        return None
    return plan if plan.differs and plan.is_shown_by(record) else None


def _ranges(before: Any, seasons: Sequence[Season], mode: Mode) -> tuple[Any, int, int]:
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
    gained, lost = days_gained_and_lost(held, after, seasons[0].timezone)
    return after, gained, lost


def _restrictions(before: Any, seasons: Sequence[Season], mode: Mode) -> tuple[Any, int, int]:
    days = [(season.first_day, season.last_day) for season in seasons]
    after = restriction_days.change_calendars(before, days, mode)
    gained, lost = restriction_days.days_gained_and_lost(before, after)
    return after, gained, lost
