"""Runs the documentation's commands in bash, as a reader types them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.documentation.blocks import ROOT

COMMANDS = Path(__file__).parent / "commands.py"
OTHERS = ("AIRFLOW_CONN_", "AIRFLOW__CORE__DAGS_FOLDER")
"""What other tests have set for themselves."""
# Functions, because they come before every program, also before those of an environment that a block activates.
PRELUDE = "set -eu\n" + "".join(
    f'{name}() {{ "$ONLIVE_TEST_PYTHON" -W ignore "$ONLIVE_TEST_COMMANDS" {name} "$@"; }}\n'
    for name in ("pip", "onlive", "airflow")
)


def environment(folder: Path, connection: str | None) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(OTHERS)},
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "ONLIVE_TEST_PYTHON": sys.executable,
        "ONLIVE_TEST_COMMANDS": str(COMMANDS),
        **({"ONLIVE_TEST_SANDBOX": connection} if connection else {}),
    }


class Ended:
    """What commands printed, and the variables that they left."""

    def __init__(self, output: str, variables: dict[str, str]) -> None:
        self.output, self.variables = output, variables


def run_commands(*blocks: str, folder: Path, connection: str | None = None) -> Ended:
    """Run blocks one after the other in one shell.

    :param folder: where they run; also the home of the shell.
    :param connection: of the sandbox that each Connection to Onlive leads to, as JSON.
    """
    script = PRELUDE + "\n".join(blocks) + f"\nenv -0 > '{folder}/.variables'\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment(folder, connection),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = (folder / ".variables").read_text().split("\0")
    return Ended(done.stdout, dict(pair.split("=", 1) for pair in pairs if pair))


@contextmanager
def started(block: str, folder: Path) -> Iterator[str]:
    """Run a block that ends with a server until the ``with`` is left; give what it printed at its start."""
    process = subprocess.Popen(
        ["bash", "-c", PRELUDE + block],
        cwd=folder,
        env=environment(folder, None),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        yield printed
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
