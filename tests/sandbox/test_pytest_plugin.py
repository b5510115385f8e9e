"""The fixture ``onlive_sandbox`` as a user's tests meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from onlive_provider.sandbox.server import Sandbox


def test_the_fixture_gives_a_running_sandbox_and_its_connection(onlive_sandbox):
    assert isinstance(onlive_sandbox, Sandbox)
    assert json.loads(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"])["host"] == onlive_sandbox.url


def test_the_connection_is_gone_after_a_test():
    assert "AIRFLOW_CONN_ONLIVE_DEFAULT" not in os.environ


def test_a_pytest_run_that_does_not_use_it_imports_no_server(tmp_path):
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_nothing(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('onlive_sandbox')\n"
        "    assert not {'fastapi', 'uvicorn', 'airflow', 'requests'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout
