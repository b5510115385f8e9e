"""The environments that are tried, their table, and the workflows that try them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.environments import ENVIRONMENTS, ROOT, STEPS, Environment
from scripts.matrix import BETWEEN, faults, read_result, table

README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GREEN = {"imports": "yes", "unit": "9 passed", "e2e": "3 passed, 1 skipped"}
NEW, OLD = Environment("3.3.2", "3.13"), Environment("3.0.6", "3.11", best_effort=True, note="best effort")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_of_the_readme_names_exactly_the_environments_that_are_tried() -> None:
    (shown,) = BETWEEN.findall(README)
    head, _, *rows = map(cells, shown.splitlines())
    assert head == ["Airflow", "Python", *STEPS.values(), ""]
    assert [(row[0], row[1], row[-1]) for row in rows] == [(e.airflow, e.python, e.note) for e in ENVIRONMENTS]
    for row, environment in zip(rows, ENVIRONMENTS, strict=True):
        assert environment.best_effort or not re.search("failed", " ".join(row))


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: each.name)
def test_every_environment_is_pinned_to_its_airflow(environment: Environment) -> None:
    pins = (ROOT / environment.lock).read_text("utf-8").splitlines()
    assert f"apache-airflow=={environment.airflow}" in pins


def test_the_pins_are_made_for_every_airflow_by_make_lock() -> None:
    (recipe,) = re.findall(r"^lock:.*?\n(.*?)\n\n", MAKEFILE, re.MULTILINE | re.DOTALL)
    for environment in ENVIRONMENTS:
        assert re.search(rf"[=' ]{re.escape(environment.airflow)}[' ]", recipe), environment.name


def test_a_table_says_what_each_step_gave() -> None:
    assert cells(table({NEW: GREEN}, list(STEPS)).splitlines()[2]) == ["3.3.2", "3.13", *GREEN.values(), ""]
    assert faults({NEW: GREEN}, list(STEPS), without_missing=False) == []


def test_a_step_that_failed_and_one_that_was_not_reached_fail_the_command() -> None:
    found: dict[Environment, Any] = {NEW: {"imports": "yes", "unit": "failed: 2 of 9"}}
    assert "| failed: 2 of 9 | not run: an earlier step failed |" in table(found, list(STEPS))
    assert faults(found, list(STEPS), without_missing=True) == ["3.3.2-py3.13: unit, e2e failed"]


def test_best_effort_is_shown_and_fails_nothing() -> None:
    found: dict[Environment, Any] = {OLD: {"imports": "failed"}}
    assert cells(table(found, ["imports"]).splitlines()[2]) == ["3.0.6", "3.11", "failed", "best effort"]
    assert faults(found, ["imports"], without_missing=False) == []


def session(environment: Environment, result: str) -> dict[str, Any]:
    """A session as nox reports it."""
    return {"name": "matrix", "args": {"name": environment.name}, "result": result}


def test_a_python_that_is_missing_is_named_and_fails_unless_it_may_be_missing(tmp_path: Path) -> None:
    sessions = [session(NEW, "skipped"), session(OLD, "failed")]
    (tmp_path / "nox.json").write_text(json.dumps({"sessions": sessions}))
    assert read_result(NEW, tmp_path) is None
    assert read_result(OLD, tmp_path) == {}
    assert (
        table({NEW: None}, ["unit"]).splitlines()[2] == "| 3.3.2 | 3.13 | not run | this machine has no Python 3.13 |"
    )
    assert faults({NEW: None}, ["unit"], without_missing=False)[0].startswith(
        "3.3.2-py3.13: this machine has no Python"
    )
    assert faults({NEW: None}, ["unit"], without_missing=True) == []


def test_what_nox_found_is_read_from_its_session(tmp_path: Path) -> None:
    (tmp_path / "nox.json").write_text(json.dumps({"sessions": [session(NEW, "success")]}))
    (tmp_path / f"{NEW.name}.json").write_text(json.dumps(GREEN))
    assert read_result(NEW, tmp_path) == GREEN


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_commands_that_exist_with_no_more_rights_than_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    commands = [step["run"] for step in steps_of(workflow) if "run" in step]
    assert commands
    for command in commands:
        targets = re.findall(r"\bmake ([a-z-]+)", command)
        assert targets or ".ci/run" in command, command
        for target in targets:
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for step in steps_of(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+(\.\d+)*", step["uses"]), step["uses"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90


def test_the_workflow_tries_every_environment_with_its_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text("utf-8"))
    job = workflow["jobs"]["matrix"]
    assert job["strategy"]["matrix"]["include"] == [{"environment": e.name, "python": e.python} for e in ENVIRONMENTS]
    assert job["steps"][-1]["run"] == "make matrix ONLY=${{ matrix.environment }}"


def test_only_the_job_that_publishes_what_was_checked_may_identify_itself_to_pypi() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"]
    publish = jobs["publish"]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["steps"][-1]["with"] == {"attestations": True}
    assert not any("password" in step.get("with", {}) for step in publish["steps"])
    (checked,) = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert checked.startswith("make release-check AUDIT=--require-audit TAG=")
