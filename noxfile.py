"""The wheel in every environment: `make matrix` runs these sessions and prints the table of what they found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from scripts.environments import ENVIRONMENTS, STEPS  # noqa: E402

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"

NO_MATTER_OF_A_VERSION = (
    "tests/canaries",
    "tests/documentation",
    "tests/e2e",
    "tests/faults",
    "tests/sandbox",
    "tests/bulk/test_crash.py",
    "tests/bulk/test_durable.py",
    "tests/bulk/test_snapshot_properties.py",
    "tests/bulk/test_undo_properties.py",
    "tests/client/budget/test_crowd.py",
    "tests/models/test_plan_property.py",
    "tests/models/test_properties.py",
    "tests/test_benchmarks.py",
    "tests/test_documentation.py",
    "tests/test_endurance.py",
    "tests/test_matrix.py",
    "tests/test_package.py",
    "tests/test_readme.py",
    "tests/test_sampling.py",
    "tests/test_tables.py",
)
"""Left out of the unit tests: what kills processes or runs for minutes, and what looks at this repository.

`make test` and `make test-oldest` run all of it on the newest and the oldest Airflow.
"""
NO_PROGRAMS = "not browser and not redis"
SECONDS_OF_A_STEP = 1800
"""A DAG that an Airflow never ends is not waited for; a busy machine may take many minutes."""


def steps_wanted(session: nox.Session) -> list[str]:
    """Return the steps named behind ``--``, or all."""
    wanted = session.posargs or list(STEPS)
    if unknown := set(wanted) - STEPS.keys():
        session.error(f"There is no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    return [step for step in STEPS if step in wanted]


def copy_without_the_package(tree: Path) -> None:
    """Copy what git knows, but not the package: the tests then import the wheel's."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith("onlive_provider/") and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def the_wheel(session: nox.Session) -> Path:
    found = list((ROOT / "dist").glob("*.whl"))
    if len(found) != 1:
        session.error("dist/ must hold exactly one wheel: make build")
    return found[0]


def tested(session: nox.Session, tree: Path, tests: list[str]) -> str:
    """Run tests; return how many passed and were skipped, or which failed."""
    results = tree / "results.xml"
    results.unlink(missing_ok=True)
    command = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", f"--junitxml={results}"]
    with session.chdir(tree):
        run = session.run(
            *("timeout", "--kill-after=5", str(SECONDS_OF_A_STEP), *command, *tests),
            external=True,
            success_codes=range(256),
            env={"PYTHONPATH": None},
        )
    assert run
    if not results.exists():
        return "failed: the tests did not come to their end"
    (suite,) = ElementTree.parse(results).getroot()
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    if broken := counts["failures"] + counts["errors"]:
        return f"failed: {broken} of {counts['tests']}"
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{counts['tests'] - counts['skipped']:,} passed{skipped}"


def do(session: nox.Session, step: str, tree: Path) -> str:
    if step == "imports":
        with session.chdir(tree):
            session.run("python", "-m", "scripts.import_all", env={"AIRFLOW_HOME": str(tree / "airflow")})
        return "yes"
    if step == "unit":
        ignored = [f"--ignore={path}" for path in NO_MATTER_OF_A_VERSION]
        return tested(session, tree, ["tests", "-m", NO_PROGRAMS, *ignored])
    return tested(session, tree, ["tests/e2e", "-m", NO_PROGRAMS])


@nox.session(reuse_venv=True)
@nox.parametrize(
    "name,python",
    [nox.param(each.name, each.python, id=each.name) for each in ENVIRONMENTS],
)
def matrix(session: nox.Session, name: str) -> None:
    """Install the wheel with pinned packages, import all of it, run unit tests and DAGs."""
    (environment,) = (each for each in ENVIRONMENTS if each.name == name)
    results = ROOT / ".nox" / "results" / f"{environment.name}.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, str] = {}
    tree = Path(tempfile.mkdtemp(prefix="onlive-matrix-"))  # nox's own folder is too deep for the names of sockets
    try:
        session.install("--quiet", "-r", environment.lock)
        session.install(
            "--quiet", "--no-deps", "--reinstall-package", "airflow-provider-onlive", str(the_wheel(session))
        )
        copy_without_the_package(tree)
        for step in steps_wanted(session):
            began = time.monotonic()
            found[step] = "failed"
            found[step] = do(session, step, tree)
            session.log(f"{step}: {found[step]}, in {time.monotonic() - began:.0f} s")
    finally:
        shutil.rmtree(tree)
        results.write_text(json.dumps(found), "utf-8")
    if any(said.startswith("failed") for said in found.values()) and not environment.best_effort:
        session.error(f"{environment.name}: {found}")
