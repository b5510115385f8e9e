"""A record of a rollout, in every state that it can be in."""

from __future__ import annotations

from itertools import product

import pytest

from onlive_provider.bulk.memory import Announcement
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import SERVICE
from onlive_provider.report.outcomes import Outcome
from onlive_provider.rollout.plan import planned_service
from onlive_provider.rollout.record import RolloutRecord
from tests.rollout.fleet import service_id

OPEN = {"startDate": "2027-06-15T00:00:00.000Z", "endDate": "2027-09-15T21:59:59.000Z"}
ABOUT = {"id": service_id(0), "name": "Test drive", "updatedAt": "2026-01-01T00:00:00.000Z"}
PLANS = [None, *(planned_service(ABOUT, "dateRanges", [], wanted, "Europe/Madrid") for wanted in ([], [OPEN]))]
WRITTEN = Change(SERVICE, service_id(0), {"dateRanges": []}, {"dateRanges": [OPEN]}, None)
FAILURE = Outcome(0, None, service_id(0), "failed", resource="service", error="OnliveServerError", message="503")
REVERTED = [
    None,
    *(Outcome(0, None, service_id(0), name) for name in ("updated", "unchanged", "failed", "not_attempted")),
]


@pytest.mark.parametrize("plan_only", [True, False])
def test_its_outcome_in_a_word_is_that_of_its_outcome(plan_only: bool) -> None:
    seen = set()
    states = product(PLANS, [None, WRITTEN], [None, FAILURE], REVERTED, [False, True], [None, WRITTEN])
    for plan, written, failure, reverted, settled, earlier in states:
        if reverted is not None and written is None:
            continue  # Only what was written is put back.
        record = RolloutRecord(SERVICE, service_id(0), 0, batch=1, plan=plan, written=written, failure=failure)
        record.reverted, record.settled, record.earlier = reverted, settled, earlier
        record.announced = Announcement(WRITTEN, 1.0) if written or earlier else None
        name = record.outcome_name(plan_only=plan_only)
        assert record.outcome(plan_only=plan_only).outcome == name
        seen.add(name)
    others = {"planned"} if plan_only else set()
    assert seen == {"updated", "unchanged", "skipped", "failed", "not_attempted", *others}
