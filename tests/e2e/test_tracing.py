"""What a collector receives of tasks that a whole Airflow runs: the scheduler, its workers, their processes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from packaging.version import Version

from scripts.demo_data import prepare
from scripts.opening_runs import write_data
from tests.documentation.blocks import block
from tests.documentation.shell import run_commands
from tests.e2e.collector import Collector, ReceivedSpan, collecting
from tests.e2e.conftest import airflow_version, environment_given_back

pytestmark = pytest.mark.skipif(airflow_version < Version("3.2"), reason="no span of a task")
BULK, ROLLOUT = "onlive_bulk_languages", "onlive_season_rollout"
COUNTS = ("reads", "writes", "total", "updated", "unchanged", "skipped", "failed", "not_attempted", "planned")


@dataclass(frozen=True)
class Collected:
    """A collector after the runs.

    :param private: texts that nobody may read in a trace: ids, guests' data, names, secrets.
    """

    collector: Collector
    private: set[str]

    def parent(self, span: ReceivedSpan) -> ReceivedSpan:
        (found,) = [each for each in self.collector.spans if each.span_id == span.parent_id]
        return found

    def below(self, task: str, dag_run: str) -> list[tuple[str, dict[str, Any]]]:
        """Return name and numbers above 0 of our spans within the span of a task, the first that ended first."""
        found = []
        for span in self.collector.spans:
            if span.scope == "onlive_provider":
                parent = self.parent(span)
                if (parent.name, parent.attributes["airflow.dag_run.run_id"]) == (task, dag_run):
                    numbers = {key.removeprefix("onlive."): value for key, value in span.attributes.items() if value}
                    found.append((span.name, numbers))
        return found

    def number(self, name: str, dag_id: str, task_id: str) -> list[tuple[str, int]]:
        """Return kind and value of what came in for a metric of a task."""
        tags = {"dag_id": dag_id, "task_id": task_id}
        return [
            (each.kind, each.value) for each in self.collector.points if (each.name, each.attributes) == (name, tags)
        ]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """Set up Airflow as docs/tracing.md says, and make three runs: one that writes, one stopped, one put back."""
    from onlive_provider.sandbox.server import Sandbox
    from scripts.airflow_home import make_airflow_home
    from scripts.airflow_server import AirflowServer, free_port

    folder = tmp_path_factory.mktemp("traced")
    commands = block("docs/tracing.md", "Spans")
    with environment_given_back():
        make_airflow_home(folder / "airflow")
        fleet = write_data(folder, datetime.now(UTC))
        with collecting() as collector, Sandbox(data=fleet.data) as sandbox:
            told = run_commands(commands.replace("4318", str(collector.port)), folder=folder).variables
            os.environ |= {name: value for name, value in told.items() if "OTEL" in name}
            os.environ |= {"AIRFLOW__METRICS__OTEL_ON": "True"}
            data = prepare(folder, sandbox)
            records = [*sandbox.records("appointments"), *sandbox.records("services")]
            with AirflowServer(folder / "standalone.log", free_port(0)) as airflow:
                assert airflow.is_up()
                airflow.store(data.environment)
                airflow.wait_for_dags({BULK, ROLLOUT})
                airflow.start(ROLLOUT, "put_back", fleet.conf)
                for run_id, limit, state in (("stopped", "1", "failed"), ("written", "100%", "success")):
                    airflow.start(BULK, run_id, {"max_changes": limit})
                    assert airflow.end_of(BULK, run_id) == state
                assert airflow.end_of(ROLLOUT, "put_back") == "failed"
                # A task is at its end before its process is: what it sent last comes then.
                airflow.until(lambda: len(ended(collector)) == 5, "the spans of all tasks")
                airflow.until(lambda: len(counted(collector)) >= 4, "the counters of all tasks")
            private = {sandbox.secret_access_key, sandbox.access_key_id, *texts(records)}
        return Collected(collector, private)


def ended(collector: Collector) -> list[str]:
    """Return the spans of the tasks that have spans of ours."""
    names = ("worker.update_languages", "worker.roll_out", "worker.by_zone")
    return [each.name for each in collector.spans if each.name.startswith(names)]


def counted(collector: Collector) -> list[int]:
    return [each.value for each in collector.points if each.name == "airflow.onlive.reads"]


def texts(records: list[dict[str, Any]]) -> Iterator[str]:
    """Return what tells one record or guest from another."""
    for record in records:
        yield record["id"]
        yield from (guest["email"] for guest in record.get("guests") or ())
        yield from (record[name] for name in ("title", "name") if record.get(name))


def test_the_parts_of_a_task_are_within_airflows_span_of_it(collected: Collected) -> None:
    (_, planned), (_, written) = collected.below("worker.update_languages", "written")
    assert [name for name, _ in collected.below("worker.update_languages", "written")] == [
        "onlive.plan",
        "onlive.write",
    ]
    assert planned["planned"] == written["updated"] == written["writes"] > 1
    assert planned["total"] == planned["reads"] == planned["planned"] + planned["unchanged"]
    ours = [each for each in collected.collector.spans if each.scope == "onlive_provider"]
    assert all(collected.parent(each).trace_id == each.trace_id for each in ours)


def test_a_task_that_fails_delivers_its_spans(collected: Collected) -> None:
    ((name, numbers),) = collected.below("worker.update_languages", "stopped")
    assert (name, numbers["planned"] > 1, "writes" in numbers) == ("onlive.plan", True, False)
    rollouts = [collected.below(f"worker.roll_out[{index}]", "put_back") for index in (0, 1)]
    (put_back,) = [each for each in rollouts if each[-1][0] == "onlive.put_back"]
    (open_,) = [each for each in rollouts if each is not put_back]
    names = [name.removeprefix("onlive.") for name, _ in put_back]
    assert names == ["plan", "batch", "verify", "batch", "verify", "put_back"]
    assert put_back[-1][1]["updated"] == put_back[1][1]["updated"] + put_back[3][1]["updated"]
    assert [numbers.get("batch") for _, numbers in open_] == [None, 1, 1, 2, 2, 3, 3]


def test_nothing_arrives_twice_and_nothing_but_numbers(collected: Collected) -> None:
    assert {number for _, number in Counter(each.span_id for each in collected.collector.spans).items()} == {1}
    ours = [each for each in collected.collector.spans if each.scope == "onlive_provider"]
    for span in ours:
        assert {name.removeprefix("onlive.") for name in span.attributes} - {"batch"} == set(COUNTS)
        assert [value for value in span.attributes.values() if not isinstance(value, int)] == []
        assert [text for text in collected.private if text.encode() in span.bytes] == []


def test_the_counts_are_airflows_metrics_with_the_tasks_tags(collected: Collected) -> None:
    (_, planned), (_, written) = collected.below("worker.update_languages", "written")
    tasks = BULK, "update_languages"
    assert collected.number("airflow.onlive.bulk.updated", *tasks)[-1] == ("gauge", written["updated"])
    assert collected.number("airflow.onlive.bulk.total", *tasks)[-1] == ("gauge", planned["total"])
    assert collected.number("airflow.onlive.writes", *tasks)[-1] == ("sum", written["writes"])
    assert collected.number("airflow.onlive.reads", *tasks)[-1] == ("sum", planned["reads"] + written["reads"])
