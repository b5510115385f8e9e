"""`onlive check` finds a Connection as Airflow on this machine does, and says in a line whether it works."""

from __future__ import annotations

import json
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
    """As a user would: a fresh Airflow home, the database made, the Connection added, the command run.

    One process makes the database and adds the Connection, for each start of Airflow takes seconds.
    """
    home = os.environ | {"AIRFLOW_HOME": str(tmp_path)}
    home.pop("_AIRFLOW_PROCESS_CONTEXT")
    tools = Path(sys.executable).parent

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(tools / command[0]), *command[1:]], env=home, capture_output=True, text=True)

    check = ("onlive", "check", "--conn-id", "onlive_stored")
    profile = {"string_to_sign": r"{method}\n{path}\n{query}\n{date}\n{body_sha256}", "signature_encoding": "base64"}
    with Sandbox(extra=profile) as sandbox:
        connection = json.loads(sandbox.connection_json()) | {"extra": {"timeout": 7, "signature_hash": "sha1"}}
        making = "from airflow.utils.db import initdb; initdb(); from airflow.__main__ import main; main()"
        adding = ("connections", "add", "onlive_stored", "--conn-json", json.dumps(connection))
        added = run("python", "-c", making, *adding)
        assert added.returncode == 0, added.stderr
        refused = run(*check)
        found = run(*check, "--find-signature", "--write-probe", "--save")
        works = run(*check)
        calls = sandbox.calls()
    assert refused.returncode == 1
    assert "onlive check --find-signature" in refused.stdout
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Saved in the Connection onlive_stored." in found.stdout
    assert works.returncode == 0, works.stdout + works.stderr
    assert works.stdout.splitlines()[-2].startswith(f"onlive_stored: It works: {sandbox.url} ")
    assert {call["status"] for call in calls if call["method"] == "PUT"} == {404}
    assert run("airflow", "connections", "export", str(tmp_path / "stored.json")).returncode == 0
    stored = json.loads((tmp_path / "stored.json").read_text())["onlive_stored"]
    assert json.loads(stored["extra"]) == {"timeout": 7, **profile}
    assert sandbox.secret_access_key not in found.stdout + found.stderr + refused.stdout + works.stdout


def test_the_finder_refuses_to_save_where_airflow_cannot_write(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    profile = {"string_to_sign": r"{date}\n{method}\n{path_query}\n{body_sha256}"}
    with Sandbox(extra=profile) as sandbox:
        connection = json.loads(sandbox.connection_json()) | {"extra": {}}
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_ENV", json.dumps(connection))
        assert main(["check", "--conn-id", "onlive_env", "--find-signature", "--save"]) == 0
    shown = capsys.readouterr()
    assert json.dumps(profile, indent=2) in shown.out
    refusal = "Not saved: onlive_env comes from EnvironmentVariablesBackend, which Airflow cannot write to."
    assert shown.out.splitlines()[-1].startswith(refusal)
    assert "Trying signing profile 1 of " in shown.err


def test_the_finder_needs_a_connection_that_can_be_read(monkeypatch, capsys):
    assert main(["check", "--conn-id", "onlive_nowhere", "--find-signature"]) == 2
    assert capsys.readouterr().err.startswith("onlive: onlive_nowhere: ")
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_OTHER", "onlive://AKONLIVE:SECRET@/?timeuot=1")
    assert main(["check", "--conn-id", "onlive_other", "--find-signature"]) == 2
    assert "extra.timeuot" in capsys.readouterr().err
