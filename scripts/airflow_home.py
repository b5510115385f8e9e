"""A temporary Airflow: its own home and database, the example DAGs, and nothing of the machine's own Airflow."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

_POLICY = """
try:
    from airflow.sdk.definitions.timetables.simple import NullTimetable
except ImportError:  # Airflow 3.0 and 3.1
    from airflow.timetables.simple import NullTimetable


def dag_policy(dag):
    # Runs are made by people, or follow from what they changed; none by the hour.
    if isinstance(dag.schedule, str):
        dag.timetable = NullTimetable()
"""


def make_airflow_home(home: Path) -> None:
    """Point this process and its children to an Airflow in a folder; call it before anything imports Airflow.

    Its scheduler starts no DAG by the hour.
    """
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    shutil.copytree(ROOT / "dags_examples", home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "config").mkdir()
    (home / "config" / "airflow_local_settings.py").write_text(_POLICY)
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONWARNINGS": "ignore",
    }
