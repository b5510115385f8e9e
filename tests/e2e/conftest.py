"""A real Airflow with a database of its own, which runs DAGs to their end in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.conftest import AIRFLOW_HOME

DAGS_FOLDER = Path(AIRFLOW_HOME) / "dags"
ROOT = Path(__file__).parents[2]
airflow_version = Version(version("apache-airflow"))
DAG_TEST_WAITS = airflow_version >= Version("3.3")
"""Whether ``DAG.test`` goes on after a person's answer. Older ones do not know what the waiting task asks them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    DAGS_FOLDER.mkdir(exist_ok=True)
    for folder in (ROOT / "dags_examples", Path(__file__).parent / "dags"):
        for file in folder.glob("*.py"):
            shutil.copy(file, DAGS_FOLDER / file.name)
    from airflow.utils.db import initdb

    initdb()
    if Version("3.0") <= airflow_version < Version("3.3"):
        # These start an execution API for each task and keep its threads: after some forty tasks, DAG.test hangs.
        # Airflow 3.3 keeps one, too.
        from airflow.sdk.execution_time import supervisor

        supervisor.in_process_api_server = lru_cache(maxsize=1)(supervisor.in_process_api_server)


class DagRunResult:
    """What became of a DAG run."""

    def __init__(self, run: Any) -> None:
        self.state = str(getattr(run.state, "value", run.state))
        self._task_instances = {(ti.task_id, ti.map_index): ti for ti in run.get_task_instances()}

    def task_state(self, task_id: str, map_index: int = -1) -> str:
        return str(getattr(state := self._task_instances[task_id, map_index].state, "value", state))

    def task_states(self, task_id: str) -> list[str]:
        return [self.task_state(*key) for key in sorted(self._task_instances) if key[0] == task_id]

    def task_instance(self, task_id: str, map_index: int = -1) -> Any:
        return self._task_instances[task_id, map_index]

    def tries(self, task_id: str, map_index: int = -1) -> int:
        return int(self._task_instances[task_id, map_index].try_number)

    def names(self, task_id: str) -> list[str | None]:
        """Return what the web interface calls the mapped tasks."""
        return [
            self._task_instances[key].rendered_map_index for key in sorted(self._task_instances) if key[0] == task_id
        ]

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        ti = self._task_instances[task_id, map_index]
        return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=map_index)

    def rendered(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """Return what the Rendered Template view shows of a task."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session

        ti = self._task_instances[task_id, map_index]
        with create_session() as session:
            found = (
                session.query(RenderedTaskInstanceFields)
                .filter_by(dag_id=ti.dag_id, task_id=task_id, run_id=ti.run_id, map_index=map_index)
                .one()
            )
            return dict(found.rendered_fields)


@contextmanager
def environment_given_back() -> Iterator[None]:
    """Leave this process the environment that it had, whatever an Airflow of a test's own is told by it."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def dag_bag_class() -> Any:
    try:
        return import_module("airflow.dag_processing.dagbag").DagBag
    except ImportError:  # Airflow 2.11
        return import_module("airflow.models.dagbag").DagBag


def store_again(file: str) -> None:
    """Bring a file's DAGs into the database, whose assets are others than when ``DAG.test`` first stored them.

    Airflow 2.11 leaves that to its scheduler, 3.0 to 3.2 do it once for each DAG, 3.3 at every run.
    """
    if airflow_version >= Version("3.3"):
        return
    bag = dag_bag_class()(dag_folder=str(DAGS_FOLDER / file))
    if airflow_version < Version("3.0"):
        bag.sync_to_db()
        return
    import_module("airflow.dag_processing.bundles.manager").DagBundlesManager().sync_bundles_to_db()
    if airflow_version < Version("3.1"):
        bag.sync_to_db("dags-folder", None)
    else:
        module = "airflow.models.dagbag" if airflow_version < Version("3.2") else "airflow.dag_processing.dagbag"
        import_module(module).sync_bag_to_db(bag, "dags-folder", None)


@pytest.fixture
def run_dag(airflow_database: None) -> Callable[..., DagRunResult]:
    def run(dag_id: str, conf: dict[str, Any] | None = None) -> DagRunResult:
        bag = dag_bag_class()(dag_folder=str(DAGS_FOLDER))
        assert not bag.import_errors
        dag = bag.dags[dag_id]
        return DagRunResult(dag.test(run_conf=conf))

    return run


os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(DAGS_FOLDER)
os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] = "True"
os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = "secret of a test " * 4
