"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from onlive_provider.sandbox.server import Sandbox
from tests.e2e.conftest import dag_bag_class

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_dag_can_be_read_by_airflow(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "readme.py").write_text(code.replace("airflow.sdk", "airflow.providers.common.compat.sdk"))
    bag = dag_bag_class()(dag_folder=str(tmp_path))
    assert bag.import_errors == {}
    assert bag.dags["confirm_appointments"].task_ids == ["confirmed_in_crm", "confirm"]


def test_the_make_targets_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z-]+)`?", README)) - {"and"}
    assert {"demo", "test", "airflow"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_files_that_it_links_exist() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_check_that_it_shows_tries_the_connection(onlive_sandbox: Sandbox) -> None:
    assert "\nonlive check\n" in README
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import onlive_provider.cli as c; raise SystemExit(c.main(['check']))"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert onlive_sandbox.calls()[0]["path"].startswith("/api/v1/services")
