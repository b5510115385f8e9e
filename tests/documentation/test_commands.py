"""The commands that the documentation shows do what it says."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook, Connection
from airflow.secrets.local_filesystem import LocalFilesystemBackend
from sqlalchemy import text

from onlive_provider.client.settings import Settings
from onlive_provider.connection.settings import read_settings
from onlive_provider.sandbox.server import Sandbox
from tests.documentation.blocks import block
from tests.documentation.shell import Ended, run_commands, started
from tests.e2e.conftest import airflow_database

__all__ = ["airflow_database"]

FOUND = "3. Let the key find its profile"


def settings_of(connection: Connection) -> Settings:
    def no_other(conn_id: str) -> Any:
        raise AssertionError(conn_id)

    return read_settings(connection, no_other)


def found_in(ended: Ended, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Return the Connection that Airflow finds in the variables that commands left."""
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    monkeypatch.setenv(name, ended.variables[name])
    return BaseHook.get_connection(conn_id)


def test_the_readmes_connection_works(onlive_sandbox: Sandbox, tmp_path: Path) -> None:
    ended = run_commands(
        block("README.md", "The Connection"), folder=tmp_path, connection=onlive_sandbox.connection_json()
    )
    assert ended.output.startswith("onlive_default: It works: ")


def test_the_first_connection_works(onlive_sandbox: Sandbox, tmp_path: Path) -> None:
    connection = block("docs/connect.md", "1. The Connection")
    ended = run_commands(
        connection,
        block("docs/connect.md", "2. Does it work?"),
        folder=tmp_path,
        connection=onlive_sandbox.connection_json(),
    )
    assert ended.output.startswith("onlive_default: It works: ")


def test_a_connection_is_stored_in_airflows_database(airflow_database: None, tmp_path: Path) -> None:
    from airflow.utils.session import create_session

    run_commands(block("docs/connect.md", "1. The Connection", 2), folder=tmp_path)
    mine = " WHERE conn_id = 'onlive_default'"
    with create_session() as session:
        assert [tuple(row) for row in session.execute(text("SELECT conn_type, login FROM connection" + mine))] == [
            ("onlive", "YOUR-ACCESS-KEY-ID")
        ]
        session.execute(text("DELETE FROM connection" + mine))


@pytest.fixture
def another_profile() -> Iterator[Sandbox]:
    """A sandbox that checks signatures by the profile that docs/connect.md finds."""
    found = re.search(r"'(\{.*\})'", block("docs/connect.md", FOUND, 3), re.DOTALL)
    assert found is not None
    with Sandbox(extra=json.loads(found[1])["extra"]) as sandbox:
        yield sandbox


def test_the_profile_that_is_found_is_the_one_that_is_pasted(another_profile: Sandbox, tmp_path: Path) -> None:
    connection = block("docs/connect.md", "1. The Connection")
    found = run_commands(
        connection, block("docs/connect.md", FOUND), folder=tmp_path, connection=another_profile.connection_json()
    )
    shown = block("docs/connect.md", FOUND, 2)
    profile = shown[shown.index("{") : shown.rindex("}") + 1]
    assert profile in found.output
    assert shown.splitlines()[0].partition("accepts")[2] in found.output, found.output
    pasted = run_commands(
        block("docs/connect.md", FOUND, 3),
        "onlive check",
        folder=tmp_path,
        connection=another_profile.connection_json(),
    )
    assert pasted.output.startswith("onlive_default: It works: ")


def test_a_connection_as_json_holds_its_setting(
    onlive_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run_commands(
        block("docs/connection.md", "Ways to write it"),
        "onlive check",
        folder=tmp_path,
        connection=onlive_sandbox.connection_json(),
    )
    assert ended.output.startswith("onlive_default: It works: ")
    assert settings_of(found_in(ended, "onlive_default", monkeypatch)).timeout == 10


def test_a_connection_as_a_uri_holds_what_is_percent_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = []
    for line in block("docs/connection.md", "Ways to write it", 2).splitlines():
        settings = settings_of(found_in(run_commands(line, folder=tmp_path), "onlive_default", monkeypatch))
        assert settings.credentials.secret_access_key == "YOUR/SECRET"
        urls.append(settings.base_url)
    assert urls == ["https://openapi.onlive.site", "http://127.0.0.1:8765"]


def test_a_connection_comes_from_a_secrets_backend(tmp_path: Path) -> None:
    (tmp_path / "connections.json").write_text(block("docs/connection.md", "Ways to write it", 3))
    backend = LocalFilesystemBackend(connections_file_path=str(tmp_path / "connections.json"))
    assert settings_of(backend.get_connection("onlive_default")).writes_per_minute == 50


def test_each_check_ends_well(onlive_sandbox: Sandbox, tmp_path: Path) -> None:
    path, date, secret = "/api/v1/services", "20250526T143022Z", "geheim"
    signed = f"PUT\n{path}\n\nx-onlive-site-date:{date}\n{hashlib.sha256(b'{}').hexdigest()}"
    vector = {
        "method": "PUT",
        "url": f"https://openapi.onlive.site{path}",
        "date": date,
        "body": "{}",
        "access_key_id": "AKID",
        "secret_access_key": secret,
        "signature": hmac.new(secret.encode(), signed.encode(), "sha256").hexdigest(),
    }
    (tmp_path / "vectors.json").write_text(json.dumps(vector))
    ended = run_commands(
        """export AIRFLOW_CONN_ONLIVE_DEFAULT='{"conn_type": "onlive"}'""",
        "export AIRFLOW_CONN_ONLIVE_MADRID=$AIRFLOW_CONN_ONLIVE_DEFAULT",
        block("docs/connection.md", "Does it work?"),
        folder=tmp_path,
        connection=onlive_sandbox.connection_json(),
    )
    for line in (
        r"onlive_default: It works: ",
        r"onlive_madrid: It works: ",
        r"Found: ",
        r"vector 1: the signature is the same",
    ):
        assert re.search(f"^{line}", ended.output, re.MULTILINE), ended.output


def test_the_clusters_connection_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run_commands(block("docs/budget.md", "The cluster's window"), folder=tmp_path)
    redis = found_in(ended, "redis_default", monkeypatch)
    assert (redis.conn_type, redis.host, redis.port, redis.password) == ("redis", "redis.internal", 6379, "PASSWORD")


def test_the_sandbox_starts_and_shows_its_page(tmp_path: Path) -> None:
    with started(block("docs/sandbox.md", "The sandbox: a local Onlive API"), tmp_path) as printed:
        assert "export AIRFLOW_CONN_ONLIVE_DEFAULT=" in printed
        (address,) = re.findall(r"Look at it: (\S+)", printed)
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200


def test_the_sandbox_starts_at_the_time_of_the_references_examples(tmp_path: Path) -> None:
    with started(block("docs/sandbox.md", "The reference's examples"), tmp_path) as printed:
        assert "Its time is 2025-03-01T00:00:" in printed


def test_a_package_or_an_extra_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    for wrong in ("pip install airflow-provider-onlife", "pip install 'airflow-provider-onlive[sandboxes]'"):
        with pytest.raises(AssertionError, match="there is no such package or extra"):
            run_commands(wrong, folder=tmp_path)
