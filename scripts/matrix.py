"""`make matrix`: try the built wheel in every environment, and say in a table what was found.

The sessions are those of ``noxfile.py``. A Python that this machine does not have is named in the table, and makes the
command fail unless ``--without-missing`` says that it may be missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.environments import ENVIRONMENTS, ROOT, STEPS, Environment

RESULTS = ROOT / ".nox" / "results"
README = ROOT / "README.md"
BETWEEN = re.compile(r"(?<=<!-- matrix -->\n).*?(?=\n<!-- end -->)", re.DOTALL)
MISSING = "this machine has no Python {}"


def read_result(environment: Environment, folder: Path = RESULTS) -> dict[str, str] | None:
    """Return what a session found by step, or None if nox skipped it: its Python is missing."""
    for session in json.loads((folder / "nox.json").read_text("utf-8"))["sessions"]:
        if session["args"] == {"name": environment.name} and session["result"] == "skipped":
            return None
    path = folder / f"{environment.name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def table(found: dict[Environment, dict[str, str] | None], steps: list[str]) -> str:
    """Return the results as a Markdown table, a row for each environment."""
    heads = ["Airflow", "Python", *(STEPS[step] for step in steps), ""]
    rows = [heads, ["---"] * len(heads)]
    for environment, result in found.items():
        if result is None:
            cells = ["not run"] * len(steps)
            note = MISSING.format(environment.python)
        else:
            cells = [result.get(step, "not run: an earlier step failed") for step in steps]
            note = environment.note
        rows.append([environment.airflow, environment.python, *cells, note])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def faults(found: dict[Environment, dict[str, str] | None], steps: list[str], without_missing: bool) -> list[str]:
    """Return why the command fails, a line for each environment."""
    lines = []
    for environment, result in found.items():
        if result is None:
            if not without_missing:
                lines.append(
                    f"{environment.name}: {MISSING.format(environment.python)} (--without-missing lets it pass)"
                )
        elif environment.best_effort:
            continue
        elif broken := [step for step in steps if result.get(step, "failed").startswith("failed")]:
            lines.append(f"{environment.name}: {', '.join(broken)} failed")
    return lines


def environment_of_nox() -> dict[str, str]:
    """Return the environment in which pyenv's commands find each of its versions, and not the global one alone."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    wanted = {each.python for each in ENVIRONMENTS}
    installed = sorted(path.name for path in versions.glob("3.*") if ".".join(path.name.split(".")[:2]) in wanted)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Compiled once: each start of Airflow would compile all of it, where PYTHONDONTWRITEBYTECODE is set.
    compiled = {"UV_COMPILE_BYTECODE": "1"}
    return {**os.environ, **compiled, "PATH": path, **({"PYENV_VERSION": ":".join(installed)} if installed else {})}


def arguments() -> argparse.Namespace:
    reading = argparse.ArgumentParser(prog="scripts.matrix", description=__doc__)
    names = ", ".join(each.name for each in ENVIRONMENTS)
    reading.add_argument("--only", default="", metavar="NAMES", help=f"of {names}; separated by commas")
    reading.add_argument("--steps", default=",".join(STEPS), help="which steps, separated by commas")
    reading.add_argument("--without-missing", action="store_true", help="pass although a Python is missing")
    reading.add_argument("--write", action="store_true", help="write the table of a whole, green run into README.md")
    given = reading.parse_args()
    for what, known in (("only", [each.name for each in ENVIRONMENTS]), ("steps", list(STEPS))):
        if unknown := set(filter(None, getattr(given, what).split(","))) - set(known):
            reading.error(f"--{what}: {', '.join(sorted(unknown))} is none of {', '.join(known)}")
    return given


def main() -> int:
    given = arguments()
    only = set(filter(None, given.only.split(",")))
    chosen = [each for each in ENVIRONMENTS if not only or each.name in only]
    steps = [step for step in STEPS if step in given.steps.split(",")]
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    sessions = [f"matrix({each.name})" for each in chosen]
    options = ["--no-error-on-missing-interpreters", "--report", str(RESULTS / "nox.json")]
    nox = [sys.executable, "-m", "nox", *options, "--sessions", *sessions, "--", *steps]
    subprocess.run(nox, cwd=ROOT, env=environment_of_nox(), check=False)
    found = {each: read_result(each) for each in chosen}
    shown = table(found, steps)
    print(f"\n{shown}\n", flush=True)
    for line in (lines := faults(found, steps, given.without_missing)):
        print(line, file=sys.stderr)
    if given.write and not lines:
        if only or len(steps) < len(STEPS) or None in found.values():
            print("Only what all environments and steps gave is written into README.md.", file=sys.stderr)
            return 1
        README.write_text(BETWEEN.sub(lambda _: shown, README.read_text("utf-8")), "utf-8")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
