"""What the documentation's commands do in a test: the same, against a sandbox of the test, and nothing is installed.

Run as ``python commands.py pip install ...``. ``ONLIVE_TEST_SANDBOX`` holds the Connection of the test's sandbox.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def main(command: str, *arguments: str) -> int:
    if command == "pip":
        return check_installation(*arguments)
    lead_to_sandbox()
    if command == "airflow":
        from airflow.__main__ import main as airflow

        sys.argv = ["airflow", *arguments]
        airflow()
        return 0
    from onlive_provider.cli import main as onlive

    return onlive([*arguments, "--port", "0"] if arguments[0] == "sandbox" else arguments)


def check_installation(action: str, *requirements: str) -> int:
    """Refuse a package or an extra that the project does not have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirement in map(Requirement, requirements):
        unknown = requirement.extras - project["optional-dependencies"].keys()
        if action != "install" or requirement.name != project["name"] or unknown:
            sys.exit(f"pip {action} {requirement}: there is no such package or extra: {unknown or requirement.name}")
    return 0


def lead_to_sandbox() -> None:
    """Let each Connection to Onlive lead to the test's sandbox; its extra stays."""
    if "ONLIVE_TEST_SANDBOX" not in os.environ:
        return
    sandbox = json.loads(os.environ["ONLIVE_TEST_SANDBOX"])
    for name, text in os.environ.items():
        if name.startswith("AIRFLOW_CONN_"):
            given = json.loads(text)
            place = {field: sandbox[field] for field in ("login", "password", "host")}
            os.environ[name] = json.dumps(given | place)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
