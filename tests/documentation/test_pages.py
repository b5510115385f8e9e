"""The Python code that the documentation's pages show, run against a sandbox or in a copy of the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.sandbox.server import Sandbox
from tests.documentation.blocks import ROOT, block
from tests.documentation.shell import run_commands
from tests.documentation.tasks import operators_of, run

SEASONS = "docs/seasons.md"
before_the_summer = pytest.mark.onlive_sandbox(now="2025-03-01T00:00:00Z")
"""The brand's services are open about a year ahead of the sandbox's time: too short for the summer of 2027."""


def writes(sandbox: Sandbox) -> int:
    return [call["method"] for call in sandbox.calls()].count("PUT")


def test_the_bulk_task_writes_the_columns_that_it_names(onlive_sandbox: Sandbox, tmp_path: Path) -> None:
    record = next(each for each in onlive_sandbox.records("appointments") if each["start"] > onlive_sandbox.now())
    source = tmp_path / "2030-03-10" / "appointments.csv"
    source.parent.mkdir()
    source.write_text(f"APPOINTMENT_ID,TITLE,STARTS,ENDS,CITY,NOTES\n{record['id']},A new title,,,Lugo,not sent\n")
    (task,) = operators_of(block("docs/bulk.md", "Many updates in one task"), tmp_path).values()
    assert run(task)["updated"] == 1
    written = onlive_sandbox.record("appointments", record["id"])
    assert (written["title"], written["extraFields"]["city"]) == ("A new title", "Lugo")
    assert (tmp_path / "run" / "appointments.jsonl").is_file()


@before_the_summer
def test_the_summer_is_planned_then_opened_and_then_closed_again(onlive_sandbox: Sandbox, tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(block(SEASONS, "1. Define the season"), names)
    code = "\n".join([block(SEASONS, "2. Look at the plan"), block(SEASONS, "4. Apply it in batches")])
    tasks = operators_of("\n".join([code, block(SEASONS, "5. Revert")]), tmp_path, **names)
    before = {each["id"]: each["dateRanges"] for each in onlive_sandbox.records("services")}
    plan = run(tasks["plan"])
    assert plan["planned"] > 3
    assert writes(onlive_sandbox) == 0
    assert run(tasks["rollout"])["updated"] == plan["planned"]
    opened = [each for each in onlive_sandbox.records("services") if each["dateRanges"] != before[each["id"]]]
    assert len(opened) == plan["planned"]
    assert any("2027-09-15T21:59:59.000Z" in json.dumps(each["dateRanges"]) for each in opened)
    assert run(tasks["revert"])["updated"] == plan["planned"]
    assert {each["id"]: each["dateRanges"] for each in onlive_sandbox.records("services")} == before


@before_the_summer
def test_several_plans_become_one_text(
    onlive_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = block(SEASONS, "1. Define the season") + block(SEASONS, "2. Look at the plan")
    for city in ("madrid", "lisbon"):
        (task,) = operators_of(code.replace("s3://my-bucket/summer/plan", f"plans/{city}"), tmp_path).values()
        planned = run(task)["planned"]
    names: dict[str, Any] = {}
    exec(block("docs/approval.md", "What the approver sees"), names)
    assert f"**{2 * planned} of {2 * planned} services change" in names["text"]


@before_the_summer
def test_what_was_written_is_put_back_and_the_report_shown(onlive_sandbox: Sandbox, tmp_path: Path) -> None:
    code = block(SEASONS, "1. Define the season") + block(SEASONS, "4. Apply it in batches").replace(
        "summer/rollout", "summer/report"
    )
    imports = "from onlive_provider.operators.rollout import RolloutDateRangesOperator\n"
    (rollout,) = operators_of(imports + code, tmp_path).values()
    written = run(rollout)["updated"]
    shown = run_commands(block("docs/undo.md", "Look at a report"), folder=tmp_path)
    assert f"A revert would read {written} records and put back those that nobody changed since" in shown.output
    report = str(tmp_path / "summer" / "report.jsonl")
    (put_back,) = operators_of(block("docs/undo.md", "Put back what was written"), tmp_path, REPORT=report).values()
    assert run(put_back)["updated"] == written


OWN_TESTS = """
import pytest
from onlive_provider.hooks.onlive import OnliveHook


def run_my_dag(appointment_id):
    OnliveHook().update_appointment(appointment_id, {"state": "confirmed"})


"""


def test_the_tests_of_a_reader_run_in_a_project_of_their_own(tmp_path: Path) -> None:
    code = [block("docs/sandbox.md", "In tests"), block("docs/sandbox.md", "In tests", 2)]
    (tmp_path / "test_mine.py").write_text(OWN_TESTS + "\n\n".join(code))
    assert run_pytest(tmp_path, "test_mine.py").startswith("2 passed")


def test_a_new_field_takes_the_lines_that_the_guide_names(tmp_path: Path) -> None:
    """In a copy of the project: the table, the model and the test of the guide, and nothing else."""
    for name in ("onlive_provider", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    test = tmp_path / "tests" / "operators" / "test_color.py"
    test.write_text(
        "from onlive_provider.operators.service import UpdateServiceOperator\n"
        "from tests.loopback import ID\n"
        "from tests.operators.conftest import Execute, RecordServer\n\n\n"
        + block("CONTRIBUTING.md", "Worked example: a new field", 2)
    )
    assert "color" in run_pytest(tmp_path, str(test), code=1)
    row = block("CONTRIBUTING.md", "Worked example: a new field").strip()
    add_after(tmp_path / "onlive_provider/models/fields.py", '("name", "text", _UPDATE_SERVICE)', row)
    line = 'color: Text | None = Field(None, description="Color.")'
    add_after(
        tmp_path / "onlive_provider/models/service.py", 'name: Text | None = Field(None, description="Name.")', line
    )
    assert run_pytest(tmp_path, str(test)).startswith("1 passed")


def add_after(path: Path, place: str, addition: str) -> None:
    """Add a line after the one that holds a text, in the same form."""
    text = path.read_text()
    (line,) = (each for each in text.splitlines() if place in each)
    indent = line[: len(line) - len(line.lstrip())]
    comma = "," if line.endswith(",") else ""
    path.write_text(text.replace(line, f"{line}\n{indent}{addition}{comma}"))


def run_pytest(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run pytest in a folder, with what lies there before what is installed; return what it says at its end."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT)))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1] if code == 0 else done.stdout
