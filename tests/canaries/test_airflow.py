"""No canary is in what a run in a real Airflow leaves: its database, its logs, what it prints, and its files."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.server import ManyRecords, record_id
from tests.canaries.nest import EMAIL, PAYLOAD, STORED, connection_to, echo, traces, traces_in
from tests.conftest import AIRFLOW_HOME
from tests.e2e.conftest import DAGS_FOLDER, DagRunResult, airflow_database, run_dag  # noqa: F401 (fixtures)

pytestmark = pytest.mark.e2e


@pytest.fixture
def dag_file(airflow_database: None) -> Iterator[None]:  # noqa: F811
    copied = shutil.copy(Path(__file__).parent / "dags" / "canaries.py", DAGS_FOLDER / "canaries.py")
    yield
    Path(copied).unlink()


@pytest.fixture
def no_handler_is_left() -> Iterator[None]:
    """Airflow 2.11 lets a task log to what is the standard output now, and goes on to when it is closed."""
    log = logging.getLogger("airflow.task")
    handlers = [*log.handlers]
    yield
    log.handlers[:] = handlers


def test_no_canary_is_in_what_a_run_of_a_dag_leaves(
    dag_file: None,
    no_handler_is_left: None,
    run_dag: Callable[..., DagRunResult],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "payload.json").write_text(json.dumps(PAYLOAD))
    with ManyRecords(8, **STORED) as server:
        refused = record_id(7)
        server.before = lambda seen: echo(422, seen) if (seen.method, seen.id) == ("PUT", refused) else None
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        caplog.set_level(logging.DEBUG)
        run = run_dag("canaries", conf={"folder": str(tmp_path), "ids": [record_id(each) for each in range(8)]})
        sent = [seen for seen in server.requests if seen.patch]
    assert {seen.id for seen in sent} == {record_id(each) for each in range(8)}
    assert all(seen.patch["guests"][0]["email"] == EMAIL for seen in sent)
    for task in ("one", "mapped", "bulk", "bulk_mapped"):
        assert set(run.task_states(task)) == {"success"}
    assert {run.task_state(task) for task in ("refused", "broken", "revert")} == {"failed"}
    shown: dict[str, Any] = {
        task: run.rendered(task, map_index=index)
        for task, index in [
            ("one", -1),
            ("mapped", 0),
            ("mapped", 1),
            ("bulk", -1),
            ("bulk_mapped", 0),
            ("refused", -1),
        ]
    }
    assert all("Visit" in str(fields) and "<hidden>" in str(fields) for fields in shown.values())
    assert run.xcom("one")["guests"] == [{"email": "<hidden>", "extraFields": {"phone": "<hidden>"}}]
    printed = capfd.readouterr()
    log = "\n".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records)
    told = [str(shown), printed.out, printed.err, log]
    assert [(traces(text), text) for text in told if traces(text)] == []
    database = list(Path(AIRFLOW_HOME).glob("*.db*"))
    assert b"canaries" in database[0].read_bytes()
    assert traces_in([tmp_path / "left", Path(AIRFLOW_HOME)]) == {}
