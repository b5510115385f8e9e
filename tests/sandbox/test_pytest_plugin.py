"""The fixture ``onlive_sandbox`` as a user's tests meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from onlive_provider.sandbox.server import Sandbox


def test_the_fixture_gives_a_running_sandbox_and_its_connection(onlive_sandbox):
    assert isinstance(onlive_sandbox, Sandbox)
    assert json.loads(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"])["host"] == onlive_sandbox.url


def test_the_connection_is_gone_after_a_test():
    assert "AIRFLOW_CONN_ONLIVE_DEFAULT" not in os.environ


@pytest.mark.onlive_sandbox(now="2025-03-01T00:00:00Z", normalize=True)
class TestMarker:
    def test_its_options_make_the_sandbox(self, onlive_sandbox):
        assert onlive_sandbox.now()[:10] == "2025-03-01"
        assert "id" in onlive_sandbox.records("services")[0]["dateRanges"][0]

    @pytest.mark.onlive_sandbox(normalize=False, extra={"signature_hash": "sha512"})
    def test_a_nearer_marker_adds_to_it_and_changes_it(self, onlive_sandbox):
        assert onlive_sandbox.now()[:10] == "2025-03-01"
        assert "id" not in onlive_sandbox.records("services")[0]["dateRanges"][0]
        assert json.loads(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"])["extra"] == {"signature_hash": "sha512"}

    @pytest.mark.onlive_sandbox(faults=[{"date": "yesterday"}])
    def test_it_takes_faults(self, onlive_sandbox):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{onlive_sandbox.url}/api/v1/services", timeout=10)
        refused.value.close()
        assert refused.value.headers["Date"] == "yesterday"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("'2025-03-01T00:00:00Z'", "takes named options only"),
        ("normalise=True", "unexpected keyword argument 'normalise'"),
        ("now='tomorrow'", "now: 'tomorrow' is not accepted"),
    ],
)
def test_options_that_cannot_be_used_are_named(run_pytest, options, complaint):
    done = run_pytest(
        f"import pytest\n@pytest.mark.onlive_sandbox({options})\ndef test_it(onlive_sandbox):\n    pass\n"
    )
    assert done.returncode == 1
    assert complaint in done.stdout


@pytest.fixture
def run_pytest(tmp_path):
    """Run a file of tests in a pytest of its own, as in a project that knows nothing of this one."""

    def run(content):
        (tmp_path / "test_nothing.py").write_text(content)
        return subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis"),
                *("--strict-markers", "-W", "error::pytest.PytestUnknownMarkWarning", str(tmp_path)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )

    return run


def test_a_pytest_run_that_does_not_use_it_imports_no_server(run_pytest):
    done = run_pytest(
        "import sys\n"
        "def test_nothing(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('onlive_sandbox')\n"
        "    assert not {'fastapi', 'uvicorn', 'airflow', 'requests'} & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stdout
