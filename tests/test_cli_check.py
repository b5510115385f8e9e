"""`onlive check` finds a Connection as Airflow on this machine does, and says in a line whether it works."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from onlive_provider.cli import main
from onlive_provider.sandbox.server import Sandbox


@pytest.fixture(autouse=True)
def process_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo, after each test, what the command says of its process."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")


def test_a_connection_that_works_exits_with_0(onlive_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]):
    assert main(["check"]) == 0
    key = onlive_sandbox.access_key_id[-4:]
    out = capsys.readouterr().out.splitlines()
    assert out[-2] == f"onlive_default: It works: {onlive_sandbox.url} accepts the access key ending in {key}"
    assert re.fullmatch(
        r"Budget: scope host, kept in /\S+/onlive-\d+/[0-9a-f]{32}\.reads; in the last minute 1 of 1,000 reads, "
        r"0 of 100 writes",
        out[-1],
    )


def test_another_connection_is_named_and_one_that_fails_exits_with_1(monkeypatch, capsys):
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_OTHER", "onlive://AKONLIVE:SECRET@/?timeuot=1")
    assert main(["check", "--conn-id", "onlive_other"]) == 1
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("onlive_other: The Connection cannot be used: extra.timeuot: ")


def test_a_missing_connection_exits_with_1(capsys):
    assert main(["check", "--conn-id", "onlive_nowhere"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("onlive_nowhere: ")


def test_a_uri_that_airflow_cannot_read_shows_its_secret_nowhere(monkeypatch, capfd, caplog):
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_BROKEN", "onlive://AKONLIVE:s3cr3t-key@http://127.0.0.1:1/")
    assert main(["check", "--conn-id", "onlive_broken"]) == 1
    shown = capfd.readouterr()
    assert "s3cr3t" not in shown.out + shown.err + caplog.text
    assert "percent-encoded" in shown.out.splitlines()[-1]
    assert logging.root.manager.disable == logging.NOTSET


def test_a_connection_in_airflows_own_database_is_found(tmp_path: Path):
    """As a user would: a fresh Airflow home, the database made, the Connection added, the command run."""
    home = os.environ | {"AIRFLOW_HOME": str(tmp_path)}
    home.pop("_AIRFLOW_PROCESS_CONTEXT")
    tools = Path(sys.executable).parent

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(tools / command[0]), *command[1:]], env=home, capture_output=True, text=True)

    assert run("airflow", "db", "migrate").returncode == 0
    with Sandbox() as sandbox:
        added = run("airflow", "connections", "add", "onlive_stored", "--conn-json", sandbox.connection_json())
        assert added.returncode == 0, added.stderr
        checked = run("onlive", "check", "--conn-id", "onlive_stored")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.splitlines()[-2].startswith(f"onlive_stored: It works: {sandbox.url} ")
