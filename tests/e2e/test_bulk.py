"""Bulk updates in a real Airflow: fed by a task, by a file, mapped, and retried."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import airflow
import pytest

from onlive_provider.sandbox.server import Sandbox
from tests.bulk.server import ManyRecords, record_id
from tests.e2e.conftest import DagRunResult
from tests.operators.conftest import connection_to

RunDag = Callable[..., DagRunResult]


@pytest.fixture
def ids(onlive_sandbox: Sandbox) -> list[str]:
    return [a["id"] for a in onlive_sandbox.records("appointments") if a["start"] > onlive_sandbox.now()]


def run(run_dag: RunDag, ids: list[str], folder: Path) -> DagRunResult:
    rows = [f"{ids[3]},from a file,x", f"{ids[4]},,x", "no id,y,x"]
    (folder / "rows.csv").write_text("\n".join(["id,NAME,OTHER", *rows]))
    return run_dag("bulk", conf={"ids": ids, "folder": str(folder)})


def test_a_task_a_file_and_a_mapped_task_are_carried_out(
    run_dag: RunDag, ids: list[str], onlive_sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run(run_dag, ids, tmp_path)
    assert done.state == "success"
    titles = [onlive_sandbox.record("appointments", record_id)["title"] for record_id in ids[:8]]
    assert titles[:4] == ["from a task"] * 3 + ["from a file"]
    assert titles[6:] == ["mapped"] * 2
    assert done.xcom("fed_by_a_task")["updated"] == 3
    result = done.xcom("fed_by_a_file")
    assert (result["updated"], result["unchanged"], result["failed"]) == (1, 1, 1)
    assert (result["failures"][0]["line"], result["failures"][0]["error"]) == (4, "OnlivePayloadError")
    assert [done.xcom("mapped", map_index=index)["updated"] for index in range(2)] == [1, 1]
    for task in ("fed_by_a_task", "fed_by_a_file"):
        assert [json.loads(line)["index"] for line in (tmp_path / f"{task}.jsonl").open()] == [0, 1, 2]
        assert task in (tmp_path / f"{task}.html").read_text()


def test_no_guest_is_shown(
    run_dag: RunDag,
    ids: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    done = run(run_dag, ids, tmp_path)
    fed = done.rendered("fed_by_a_task")
    mapped = [done.rendered("mapped", map_index=index) for index in range(2)]
    assert "from a task" in str(fed)
    assert "mapped" in str(mapped)
    output = capfd.readouterr()
    lines = f"{caplog.text}\n{output.out}\n{output.err}".splitlines()
    # Airflow logs what the tasks upstream return, which is the user's own to switch off; 3.0's DAG.test also as XCom.
    upstream = ("Returned value was", "task_id='rows'", "task_id='shares'")
    log = "\n".join(line for line in lines if not any(each in line for each in upstream))
    assert "Outcomes: 3 total, 3 updated" in log
    shown = f"{log}{fed}{mapped}{(tmp_path / 'fed_by_a_task.jsonl').read_text()}"
    assert "ana.lopez" not in shown
    assert "34600111222" not in shown


@pytest.mark.parametrize("kind", ["with_report", "without_report"])
def test_airflows_retry_does_only_what_is_left(
    kind: str, run_dag: RunDag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "without_report" and airflow.__version__ < "3.3":
        pytest.skip("there is no task state store before 3.3")
    refused: list[Any] = []

    def refuse_one_once(seen: Any) -> Any:
        if seen.id == record_id(1) and not refused:
            refused.append(seen)
            return 503, {"message": "later"}
        return None

    with ManyRecords(3) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, max_attempts=1))
        server.before = refuse_one_once
        run = run_dag(f"bulk_retried_{kind}", conf={"folder": str(tmp_path)})
        assert run.state == "success"
        assert run.tries("update") == 2
        assert server.writes == {record_id(number): 1 for number in range(3)}
        assert server.reads == {record_id(0): 1, record_id(1): 2, record_id(2): 1}
    assert run.xcom("update")["updated"] == 3


@pytest.mark.parametrize(("limit", "written", "state"), [("50%", 0, "failed"), ("3", 3, "success"), ("", 0, "failed")])
def test_a_task_that_would_change_too_much_is_not_retried(
    limit: str, written: int, state: str, run_dag: RunDag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ManyRecords(3) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        run = run_dag("bulk_with_a_limit", conf={"folder": str(tmp_path), "max_changes": limit})
        assert (run.state, run.tries("update"), server.writes.total()) == (state, 1, written)
        assert (server.reads.total() == 0) is (limit == "")
    if limit:
        outcome = "updated" if written else "planned"
        assert [json.loads(line)["outcome"] for line in (tmp_path / "r.jsonl").open()] == [outcome] * 3
