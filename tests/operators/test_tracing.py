"""The spans and counters of a task over many records, as a collector receives them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from airflow.providers.common.compat.sdk import Stats
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onlive_provider.bulk.tracing import SpanName, traced
from onlive_provider.errors import OnliveRecordsFailedError, OnliveRolloutFailedError
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.report.outcomes import Counts
from tests.bulk.server import LONG_AGO, record_id
from tests.loopback import reply
from tests.operators.conftest import Execute, MakeFleet, impatient
from tests.operators.test_rollout import ORDER, rollout
from tests.rollout.fleet import service

many = pytest.fixture(impatient)
GUEST = "ana.lopez@example.com"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Collect spans as Airflow does with ``[traces] otel_on``: through the provider of this process."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    with trace.get_tracer("airflow").start_as_current_span("task_run"):
        yield exporter
    provider.shutdown()


def told(spans: InMemorySpanExporter) -> list[tuple[str, dict[str, Any]]]:
    """Return name and numbers above 0 of each span, the first that ended first."""
    return [
        (span.name, {name.removeprefix("onlive."): value for name, value in span.attributes.items() if value})
        for span in spans.get_finished_spans()
        if span.name.startswith("onlive.")  # The sandbox in this process has spans, too.
    ]


def test_a_bulk_task_is_one_span_within_the_tasks_own(many: Any, execute: Execute, spans: InMemorySpanExporter) -> None:
    rows = [{"id": record_id(number), "title": title} for number, title in enumerate(["new", "new", "as it was"])]
    execute(BulkUpdateAppointmentsOperator(task_id="t", updates=rows))
    assert told(spans) == [("onlive.write", {"reads": 3, "writes": 2, "total": 3, "updated": 2, "unchanged": 1})]
    (span,) = spans.get_finished_spans()
    assert span.parent.span_id == trace.get_current_span().get_span_context().span_id


def test_comparing_and_writing_are_two_spans_where_changes_are_limited(
    many: Any, execute: Execute, spans: InMemorySpanExporter
) -> None:
    rows = [{"id": record_id(number), "title": title} for number, title in enumerate(["new", "as it was"])]
    execute(BulkUpdateAppointmentsOperator(task_id="t", updates=rows, max_changes=1))
    assert told(spans) == [
        ("onlive.plan", {"reads": 2, "total": 2, "planned": 1, "unchanged": 1}),
        ("onlive.write", {"reads": 1, "writes": 1, "total": 1, "updated": 1}),
    ]


def test_planning_and_putting_back_have_names_of_their_own(
    many: Any, execute: Execute, spans: InMemorySpanExporter
) -> None:
    execute(BulkUpdateAppointmentsOperator(task_id="t", updates=[{"id": record_id(0), "title": "n"}], plan_only=True))
    sides = {"before": {"title": "as it was"}, "after": {"title": "new"}}
    many.changed[record_id(1)] = {"title": "new"}
    change = {"resource": "appointment", "id": record_id(1), **sides, "updatedAt": LONG_AGO}
    execute(RevertUpdatesOperator(task_id="revert", report=change))
    assert [name for name, _ in told(spans)] == ["onlive.plan", "onlive.put_back"]


def test_a_rollout_that_is_put_back_shows_each_of_its_parts(
    make_fleet: MakeFleet, execute: Execute, spans: InMemorySpanExporter
) -> None:
    fleet = make_fleet([service(number) for number in range(20)])
    refused = ORDER[5]
    fleet.before.append(
        lambda request: reply(422) if request.method == "PUT" and request.path.endswith(refused) else None
    )
    with pytest.raises(OnliveRolloutFailedError):
        execute(rollout(batches=(5, "100%")))
    names = [(name, numbers.get("batch")) for name, numbers in told(spans)]
    expected = [("onlive.plan", None), ("onlive.batch", 1), ("onlive.verify", 1), ("onlive.batch", 2)]
    assert names[:4] == expected
    assert names[-1] == ("onlive.put_back", None)
    assert told(spans)[0][1] == {"reads": 20, "total": 20, "planned": 20}
    assert told(spans)[1][1] == {"batch": 1, "reads": 5, "writes": 5, "total": 5, "updated": 5}


def test_no_value_of_a_record_is_in_a_trace(many: Any, execute: Execute, spans: InMemorySpanExporter) -> None:
    many.before = lambda seen: (422, {"errors": [{"field": "guests", "message": f"{GUEST} is blocked"}]})
    with pytest.raises(OnliveRecordsFailedError):
        execute(
            BulkUpdateAppointmentsOperator(
                task_id="t", updates=[{"id": record_id(0), "title": "for Ana", "guests": [{"email": GUEST}]}]
            )
        )
    (span,) = spans.get_finished_spans()
    written = span.to_json()
    assert GUEST not in written
    assert "Ana" not in written
    assert all(isinstance(value, int) for value in span.attributes.values())


def test_a_part_that_breaks_off_says_which_error_it_was_and_not_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(OSError, match="cannot be read"), traced("onlive.write", {}):
        raise OSError(f"{GUEST}.csv cannot be read")
    (span,) = spans.get_finished_spans()
    written = json.loads(span.to_json())
    assert written["status"] == {"status_code": "ERROR", "description": "OSError"}
    assert GUEST not in json.dumps(written)


def test_the_calls_are_counted_also_of_a_task_that_fails(
    many: Any, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: dict[str, Any] = {}
    monkeypatch.setattr(
        Stats, "incr", lambda name, count=1, rate=1, *, tags=None: counted.update({name: (count, tags)})
    )
    rows = [{"id": record_id(number), "title": "new"} for number in (0, 1, 99)]
    with pytest.raises(OnliveRecordsFailedError):
        execute(BulkUpdateAppointmentsOperator(task_id="t", updates=rows))
    tags = {"dag_id": "adhoc_airflow", "task_id": "t"}
    assert counted == {"onlive.reads": (3, tags), "onlive.writes": (2, tags)}


def test_the_page_names_every_span_and_number() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tracing.md").read_text("utf-8")
    names = [*get_args(SpanName), *(f"onlive.{name}" for name in ("reads", "writes", "batch", *Counts().as_json()))]
    assert [name for name in names if f"`{name}`" not in page] == []
