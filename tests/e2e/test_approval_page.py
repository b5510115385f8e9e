"""The DAG that docs/approval.md shows, run to its end."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.sandbox.server import Sandbox
from scripts.approver import Approver
from tests.documentation.blocks import block
from tests.e2e.conftest import DAG_TEST_WAITS, DAGS_FOLDER, DagRunResult

_DAG = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG

ROWS = {rows}

with DAG("approval_page", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
"""


@pytest.mark.skipif(not DAG_TEST_WAITS, reason="DAG.test knows no answers before Airflow 3.3")
@pytest.mark.parametrize("answer", ["Approve", "Reject"])
def test_what_the_page_shows_applies_the_plan_only_once_it_is_approved(
    onlive_sandbox: Sandbox,
    run_dag: Callable[..., DagRunResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_ONLIVE_REPORTS", str(tmp_path))
    code = block("docs/approval.md", "Approve a change before it is made")
    now = onlive_sandbox.now()
    ids = [each["id"] for each in onlive_sandbox.records("appointments") if each["start"] > now][:5]
    rows = [{"id": record_id, "lang": "gl"} for record_id in ids]
    source = _DAG.format(rows=json.dumps(rows)) + textwrap.indent(code, "    ")
    (DAGS_FOLDER / "approval_page.py").write_text(source)
    with Approver("approval_page", answer) as approver:
        result = run_dag("approval_page")
    assert result.state == "success"
    assert approver.body.startswith("**5 of 5 appointments change: lang 5.**")
    langs: list[Any] = [onlive_sandbox.record("appointments", record_id)["lang"] for record_id in ids]
    writes = [call for call in onlive_sandbox.calls() if call["method"] == "PUT"]
    if answer == "Approve":
        assert langs == ["gl"] * 5
        assert len(writes) == 5
        assert result.xcom("apply")["updated"] == 5
    else:
        assert writes == []
        assert result.task_state("apply") == "skipped"
