"""The DAG that docs/report.md shows, run to its end, and the links in its table."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.links import report_link
from tests.bulk.server import ManyRecords, record_id
from tests.documentation.blocks import block
from tests.e2e.conftest import DAGS_FOLDER, ROOT, DagRunResult
from tests.operators.conftest import connection_to

PAGE = (ROOT / "docs" / "report.md").read_text("utf-8")
DAG = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG

ROWS = {rows}

with DAG("report_page", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
"""


def test_a_failed_tasks_counts_are_told_and_what_it_wrote_is_put_back(
    run_dag: Callable[..., DagRunResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = textwrap.indent(block("docs/report.md", "What a failed task leaves"), "    ")
    rows = [{"id": record_id(0), "title": "new"}, {"id": "no id", "title": "x"}]
    (DAGS_FOLDER / "report_page.py").write_text(DAG.format(rows=json.dumps(rows)) + shown)
    monkeypatch.setenv("AIRFLOW_VAR_ONLIVE_REPORTS", str(tmp_path))
    with ManyRecords(1) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        result = run_dag("report_page")
        assert server.writes == {record_id(0): 2}
        assert server.record(0)["title"] == "as it was"
    assert result.task_state("update") == "failed"
    (report,) = (path for path in tmp_path.glob("*.jsonl") if "reverted" not in path.name)
    assert result.xcom("tell") == f"1 updated, 1 failed: {report}"
    assert result.xcom("put_back")["updated"] == 1


LINKS = re.findall(r"^\| `(https://\S+)` \| `(\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE)


def test_the_page_shows_links_to_stores_and_to_a_disk() -> None:
    assert len(LINKS) == 3


@pytest.mark.parametrize(("base_url", "path", "link"), LINKS)
def test_the_links_that_it_shows_are_those_that_are_made(base_url: str, path: str, link: str) -> None:
    settings = Settings(Credentials("AKID", "geheim"), report_base_url=base_url)
    assert report_link(SimpleNamespace(), path, settings.report_base_url) == link
