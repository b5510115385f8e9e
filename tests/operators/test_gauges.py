"""The gauges of a task over many records, while it runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Stats

from onlive_provider.bulk import task_run
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.report.outcomes import Counts
from tests.bulk.server import Seen, record_id
from tests.operators.conftest import Execute, MakeFleet, impatient
from tests.operators.test_rollout import ORDER, rollout
from tests.rollout.fleet import service

many = pytest.fixture(impatient)


class Gauges:
    """What Airflow's metrics were told, as one set of counts after another."""

    def __init__(self) -> None:
        self.seen: list[Counts] = []
        self._next: dict[str, int] = {}
        self._came = threading.Condition()

    def take(self, name: str, value: int, *, tags: dict[str, str]) -> None:
        self._next[name.removeprefix("onlive.bulk.")] = value
        if len(self._next) == len(Counts().as_json()):
            with self._came:
                self.seen.append(Counts(**self._next))
                self._next = {}
                self._came.notify_all()

    def wait_for(self, counts: Counts) -> None:
        """Wait until these were sent. Where they never are, the test that waits fails by what it asserts."""
        with self._came:
            self._came.wait_for(lambda: counts in self.seen, timeout=20)


@pytest.fixture
def gauges(monkeypatch: pytest.MonkeyPatch) -> Gauges:
    """Send the gauges all the time, not every ten seconds."""
    for name in ("PROGRESS_EVERY", "_LOOK_EVERY"):
        monkeypatch.setattr(task_run, name, 0.0)
    found = Gauges()
    monkeypatch.setattr(Stats, "gauge", found.take)
    return found


def test_a_record_that_waits_to_be_written_is_planned_until_it_is(many: Any, execute: Execute, gauges: Gauges) -> None:
    rows = [{"id": record_id(number), "title": title} for number, title in enumerate(["new", "new", "as it was"])]
    planned, halfway = Counts(total=3, unchanged=1, planned=2), Counts(total=3, updated=1, unchanged=1, planned=1)

    def wait(seen: Seen) -> None:
        if seen.method == "PUT":
            gauges.wait_for(planned if seen.id == record_id(0) else halfway)

    many.before = wait
    execute(BulkUpdateAppointmentsOperator(task_id="t", updates=rows, max_changes=2, concurrency=1))
    assert [planned in gauges.seen, halfway in gauges.seen] == [True, True]
    assert gauges.seen[-1] == Counts(total=3, updated=2, unchanged=1)


def test_what_a_rollout_wrote_stays_in_the_gauges_while_it_reads_it_again(
    make_fleet: MakeFleet, execute: Execute, gauges: Gauges
) -> None:
    fleet = make_fleet([service(number) for number in range(20)])
    planned, written = Counts(total=20, planned=20), Counts(total=20, updated=5, planned=15)
    calls: list[str] = []

    def wait(request: Any) -> None:
        if request.method == "PUT" and not calls:
            gauges.wait_for(planned)
        elif request.method == "GET" and calls[-1:] == ["PUT"] and calls.count("PUT") == 5:
            gauges.wait_for(written)
        if request.method == "PUT" or calls:
            calls.append(request.method)

    fleet.before.append(wait)
    execute(rollout(service_ids=ORDER, batches=(5, "100%")))
    assert [planned in gauges.seen, written in gauges.seen] == [True, True]
    assert gauges.seen[-1] == Counts(total=20, updated=20)
    updated = [each.updated for each in gauges.seen]
    assert updated == sorted(updated)
