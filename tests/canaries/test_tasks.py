"""No canary gets out of a task but in the bytes that the server receives, however the task ends."""

from __future__ import annotations

import json
import logging
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.cli import main
from onlive_provider.operators import bulk_task
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.plan import ApplyPlanOperator, plan_markdown
from onlive_provider.operators.revert import RevertUpdatesOperator
from tests.bulk.child import start
from tests.bulk.server import ManyRecords, record_id
from tests.canaries.nest import (
    PAYLOAD,
    STORED,
    connection_to,
    lose_first_answer,
    refuse_writes,
    traces,
    traces_in,
)


def locals_of(error: BaseException) -> str:
    """Return what a tracker of errors shows of the provider's frames."""
    told, each = [], traceback.TracebackException.from_exception(error, capture_locals=True)
    while each is not None:
        told += [f"{frame.name} {frame.locals}" for frame in each.stack if "onlive_provider" in frame.filename]
        each = each.__cause__ or each.__context__
    return "\n".join(told)


ENDS = {
    "a success": lambda server: None,
    "a refusal that repeats the guest": lambda server: refuse_writes(server, 422),
    "a conflict": lambda server: refuse_writes(server, 409),
    "a server error": lambda server: refuse_writes(server, 503),
    "a lost answer": lose_first_answer,
}


class TaskInstance:
    dag_id, run_id, task_id, map_index, max_tries = "canaries", "run", "task", -1, 1

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


class Metrics:
    """Airflow's ``Stats``, which keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def gauge(self, *arguments: Any, **more: Any) -> None:
        self.told.append(f"{arguments} {more}")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(3, **STORED) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        yield server


def single(folder: Path) -> Any:
    return UpdateAppointmentOperator(task_id="task", appointment_id=record_id(1), payload=PAYLOAD)


def bulk(folder: Path) -> Any:
    rows = [{"id": record_id(number), **PAYLOAD} for number in range(3)]
    return BulkUpdateAppointmentsOperator(task_id="task", updates=rows)


def bulk_with_report(folder: Path) -> Any:
    rows = [{"id": record_id(number), **PAYLOAD} for number in range(3)] + [{"id": PAYLOAD["description"]}, PAYLOAD]
    path = str(folder / "report.jsonl")
    return BulkUpdateAppointmentsOperator(task_id="task", updates=rows, report_path=path, allowed_failures=2)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("make", [single, bulk, bulk_with_report])
def test_no_canary_gets_out_of_a_task(
    make: Any,
    end: str,
    server: ManyRecords,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    metrics = Metrics()
    monkeypatch.setattr(bulk_task, "Stats", metrics)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "asyncio")
    ENDS[end](server)
    ti, told = TaskInstance(), []
    operator = make(tmp_path)
    try:
        told.append(json.dumps(operator.execute({"ti": ti})))
    except Exception as error:
        told += [str(error), repr(error), repr(error.__dict__), "".join(traceback.format_exception(error))]
        told.append(locals_of(error))
    assert any(seen.patch.get("agentComment") for seen in server.requests)
    told += [json.dumps(ti.xcoms), repr(operator), *metrics.told]
    told += [f"{record.name} {record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    told += [*capfd.readouterr()]
    assert "onlive_provider" in " ".join(told)
    assert [(text, traces(text)) for text in told if traces(text)] == []
    assert traces_in([tmp_path, Path(tempfile.gettempdir())]) == {}
    assert (tmp_path / "report.html").exists() is (make is bulk_with_report)


@pytest.mark.parametrize("end", ENDS)
def test_no_canary_gets_out_of_a_plan_that_is_applied(
    end: str,
    server: ManyRecords,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "asyncio")
    secret, left = tmp_path / "secret", tmp_path / "left"
    rows = [{"id": record_id(number), **PAYLOAD} for number in range(3)]
    plan = str(secret / "plan.jsonl")
    ti, told = TaskInstance(), []
    planning = BulkUpdateAppointmentsOperator(
        task_id="plan", updates=rows, plan_only=True, report_path=plan, report_personal_data=True
    )
    told.append(json.dumps(planning.execute({"ti": ti})))
    told.append(plan_markdown(plan))
    ENDS[end](server)
    operator = ApplyPlanOperator(
        task_id="apply", plan_path=plan, report_path=str(left / "report.jsonl"), revert_on_failure=True
    )
    try:
        told.append(json.dumps(operator.execute({"ti": ti})))
    except Exception as error:
        told += [str(error), repr(error), "".join(traceback.format_exception(error)), locals_of(error)]
    assert any(seen.patch.get("agentComment") for seen in server.requests)
    assert main(["plan", "show", plan]) == 0
    told += [json.dumps(ti.xcoms), repr(operator), *capfd.readouterr()]
    told += [f"{record.name} {record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    assert [(text, traces(text)) for text in told if traces(text)] == []
    assert traces_in([left]) == {}
    assert (left / "report.html").exists()


def test_no_canary_gets_out_of_a_revert(
    server: ManyRecords, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    ti = TaskInstance()
    single(tmp_path).execute({"ti": ti})
    given = {"resource": "appointment", **ti.xcoms["change"], "before": STORED, "after": PAYLOAD}
    told = []
    for change in (ti.xcoms["change"], {**given, "id": PAYLOAD["description"]}, given):
        try:
            told.append(json.dumps(RevertUpdatesOperator(task_id="revert", report=change).execute({"ti": ti})))
        except Exception as error:
            told += [str(error), "".join(traceback.format_exception(error))]
    told += [record.getMessage() for record in caplog.records] + [*capfd.readouterr()]
    assert [(text, traces(text)) for text in told if traces(text)] == []
    assert traces_in([tmp_path, Path(tempfile.gettempdir())]) == {}


def test_no_canary_is_in_what_a_killed_task_leaves(server: ManyRecords, tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    rows.mkdir()
    (rows / "rows.jsonl").write_text("".join(json.dumps({"id": record_id(n), **PAYLOAD}) + "\n" for n in range(3)))
    left = tmp_path / "left"
    left.mkdir()
    arguments = {"updates_path": str(rows / "rows.jsonl"), "report_path": str(left / "report.jsonl"), "concurrency": 1}
    process = None

    def kill(seen: Any) -> Any:
        if seen.method == "PUT" and seen.id == record_id(1):
            process.kill()
            return ManyRecords.SILENT
        return None

    server.after = kill
    process = start(connection_to(server), arguments)
    process.join(60)
    assert server.writes == {record_id(0): 1, record_id(1): 1}
    working = [file for file in left.iterdir() if file.stat().st_size]
    assert b"writing" in working[0].read_bytes()
    assert traces_in([left, Path(tempfile.gettempdir())]) == {}
