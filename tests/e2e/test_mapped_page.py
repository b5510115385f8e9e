"""The page on updates: a mapped task with the name that its template asks for."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable

from onlive_provider.sandbox.server import Sandbox
from tests.e2e.conftest import DAGS_FOLDER, ROOT, DagRunResult

_DAG = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG

SERVICES = {services}

with DAG("mapped_page", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
"""


def test_the_mapped_update_that_the_page_shows_is_named_by_the_service_and_its_outcome(
    onlive_sandbox: Sandbox, run_dag: Callable[..., DagRunResult]
) -> None:
    section = (ROOT / "docs" / "updates.md").read_text().partition("## The names of mapped tasks")[2]
    block = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    services = [each for each in onlive_sandbox.records("services") if each["incrementTime"] <= 40 != each["duration"]][
        :2
    ]
    ids = [each["id"] for each in services]
    (DAGS_FOLDER / "mapped_page.py").write_text(_DAG.format(services=json.dumps(ids)) + textwrap.indent(block, "    "))
    result = run_dag("mapped_page")
    assert result.state == "success"
    assert result.names("switch") == [f"{each['name']}: updated" for each in services]
