"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from onlive_provider.sandbox.server import Sandbox
from tests.documentation.blocks import block
from tests.e2e.conftest import DAGS_FOLDER, DagRunResult, airflow_database, dag_bag_class, run_dag

__all__ = ["airflow_database", "run_dag"]

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_dag_runs_as_it_stands_and_a_second_run_sends_nothing(
    onlive_sandbox: Sandbox, run_dag: Callable[..., DagRunResult]
) -> None:
    code = block("README.md", "A DAG in ten lines")
    (DAGS_FOLDER / "readme.py").write_text(code)
    (record_id,) = re.findall(r'return \["(.*?)"\]', code)
    assert onlive_sandbox.record("appointments", record_id)["state"] == "pending"
    for outcome in ("updated", "unchanged"):
        result = run_dag("confirm_appointments")
        assert result.state == "success"
        assert result.xcom("confirm", "outcome", map_index=0) == outcome
    assert onlive_sandbox.record("appointments", record_id)["state"] == "confirmed"
    assert [call["method"] for call in onlive_sandbox.calls()].count("PUT") == 1
    dag = dag_bag_class()(dag_folder=str(DAGS_FOLDER)).dags["confirm_appointments"]
    assert dag.start_date < datetime.now(UTC), "unpausing it would do nothing"
    assert dag.catchup is False


def test_the_make_targets_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z-]+)`?", README)) - {"and"}
    assert {"demo", "test", "airflow"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_commands_that_it_begins_with_can_be_made() -> None:
    for line in block("README.md", "airflow-provider-onlive").splitlines():
        command = line.partition("#")[0].split()
        assert command[0] == "make"
        done = subprocess.run([*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_files_that_it_links_exist() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
