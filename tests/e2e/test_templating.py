"""Payloads come from upstream tasks in every way that Airflow users write them, rendered as text or natively."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from onlive_provider.sandbox.server import Sandbox
from tests.e2e.conftest import DagRunResult

EMAIL = "ana.lopez@example.com"
TASKS = {
    "taskflow": 0,
    "keys": 1,
    "jinja": 2,
    "one_string": 3,
    "classic_output": 4,
    "expand": 5,
    "expand_kwargs": 6,
    "pulled": 7,
}


@pytest.fixture(params=["templating_text", "templating_native"])
def run(request: pytest.FixtureRequest, onlive_sandbox: Sandbox, run_dag: Callable[..., DagRunResult]) -> DagRunResult:
    ids = [a["id"] for a in onlive_sandbox.records("appointments") if a["start"] > onlive_sandbox.now()]
    service_id = onlive_sandbox.records("services")[0]["id"]
    run = run_dag(request.param, conf={"ids": ids[:8], "service_id": service_id, "email": EMAIL})
    run.ids, run.service_id = ids, service_id  # type: ignore[attr-defined]
    return run


def test_payloads_arrive_whichever_way_they_are_templated(run: DagRunResult, onlive_sandbox: Sandbox) -> None:
    assert run.state == "success"
    records = {name: onlive_sandbox.record("appointments", run.ids[number]) for name, number in TASKS.items()}
    whole = ("whole output", [{"time": 5, "unit": "m"}])
    assert (records["taskflow"]["title"], records["taskflow"]["reminders"]) == whole
    assert (records["pulled"]["title"], records["pulled"]["reminders"]) == whole
    assert records["keys"]["title"] == "a key of the output"
    assert records["keys"]["reminders"] == [{"time": 15, "unit": "m"}]
    assert records["keys"]["extraFields"]["nested"] == {"deep": ["a key of the output"]}
    assert records["jinja"]["title"] == "from params"
    assert records["jinja"]["reminders"] == [{"time": 20, "unit": "m"}]
    assert records["jinja"]["guests"] == [{"email": EMAIL, "extraFields": {"firstName": "Ana"}}]
    assert (records["one_string"]["title"], records["one_string"]["reminders"]) == (
        "from params",
        [{"time": 20, "unit": "m"}],
    )
    assert records["classic_output"]["title"] == "classic output"
    assert (records["expand"]["title"], records["expand"]["description"]) == ("expanded", "expanded too")
    assert records["expand_kwargs"]["title"] == "expand_kwargs"
    service = onlive_sandbox.record("services", run.service_id)
    assert (service["maxTimeToSchedule"], service["active"]) == (20, True)
    assert run.xcom("service", key="outcome") == "updated"


def test_the_rendered_templates_show_no_guest(run: DagRunResult) -> None:
    shown = run.rendered("jinja")
    assert EMAIL not in str(shown)
    assert "from params" in str(shown)
    mapped = run.rendered("expand", map_index=0)
    assert "mapped.guest" not in str(mapped)
    assert "34600111999" not in str(mapped)
    assert "expanded" in str(mapped)
