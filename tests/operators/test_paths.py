"""Every argument that is a path, as a template, an upstream task or a slip may leave it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.plan import ApplyPlanOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.operators.conftest import connection_to

ROWS = [{"id": record_id(0), "title": "new"}]
SEASON = {"name": "summer", "first_day": "2030-06-15", "last_day": "2030-09-15", "timezone": "Europe/Madrid"}
OPERATORS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "updates_path": (BulkUpdateAppointmentsOperator, {}),
    "report_path": (BulkUpdateAppointmentsOperator, {"updates": ROWS}),
    "rejects_path": (BulkUpdateAppointmentsOperator, {"updates": ROWS}),
    "snapshot_path": (BulkUpdateAppointmentsOperator, {"updates": ROWS}),
    "plan_path": (ApplyPlanOperator, {}),
    "report_path of a plan": (ApplyPlanOperator, {"plan_path": "p.jsonl"}),
    "report_path of a rollout": (RolloutDateRangesOperator, {"season": SEASON, "service_ids": [record_id(0)]}),
    "report_path of a revert": (RevertUpdatesOperator, {}),
}
NOTHING = ["", "  ", None, "None", " None ", "nan", "NaN", "NaT", "<NA>", math.nan]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(1) as records:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(records))
        yield records


def refusal(name: str, value: Any) -> list[str]:
    """Give an operator a path, and return what it says of that argument."""
    operator, others = OPERATORS[name]
    argument = name.split()[0]
    task = operator(task_id="t", **{argument: "{{ later }}"}, **others)
    setattr(task, argument, value)  # as native rendering and an upstream task's output do
    with pytest.raises(OnlivePayloadError) as caught:
        task.execute({"ti": task_instance()})
    return [error.message for error in caught.value.errors if error.field == argument]


@pytest.mark.parametrize("value", NOTHING, ids=repr)
@pytest.mark.parametrize("name", OPERATORS)
def test_a_path_that_rendered_to_nothing_is_refused_before_any_call(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(name, value) == ["was given and rendered to nothing; accepted: a value, or leave the argument out"]
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("folder/", "'folder/'"),
        ("https://store/rows/?signature=s3cr3t/", "'https://store/rows/'"),
        (7, "int"),
        (True, "bool"),
        (["a"], "list"),
        ({"a": 1}, "dict"),
        (b"a", "bytes"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", OPERATORS)
def test_what_is_no_path_of_a_file_is_refused_before_any_call(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(name, value) == [f"got {shown}; accepted: the path or URL of a file"]
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_paths_as_objects_are_paths_and_still_known_to_be_one_file(server: ManyRecords, tmp_path: Path) -> None:
    report = tmp_path / "r.jsonl"
    paths: dict[str, Any] = {"report_path": report, "rejects_path": report}
    with pytest.raises(OnlivePayloadError, match="rejects_path: "):
        BulkUpdateAppointmentsOperator(task_id="t", updates=ROWS, **paths).execute({"ti": task_instance()})
    assert server.requests == []
    rows = tmp_path / "rows.jsonl"
    rows.write_text("")
    inputs: dict[str, Any] = {"updates_path": rows, "report_path": rows}
    with pytest.raises(OnlivePayloadError, match="report_path: "):
        BulkUpdateAppointmentsOperator(task_id="t", **inputs).execute({"ti": task_instance()})
    result = BulkUpdateAppointmentsOperator(task_id="t", updates=ROWS, report_path=report).execute(  # type: ignore[arg-type]
        {"ti": task_instance()}  # type: ignore[typeddict-item]
    )
    assert result["report_path"] == str(report)
