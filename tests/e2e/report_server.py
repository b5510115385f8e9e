"""A DAG run with reports, and Airflow's own API server in front of it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.bulk.server import ManyRecords
from tests.e2e.conftest import DAGS_FOLDER, DagRunResult, dag_bag_class
from tests.operators.conftest import connection_to

DAG_ID = "reports"
ROLES = {"viewer": "VIEWER", "admin": "ADMIN", "nobody": None, "other-team": "ADMIN", "no-xcom": "ADMIN"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ReportRun:
    """A run of the DAG ``reports``.

    :param served: the records as the booking API holds them after it.
    :param port: of Airflow's API server, where there is one.
    """

    result: DagRunResult
    run_id: str
    folder: Path
    served: ManyRecords
    port: int = 0
    tokens: dict[str, str] = field(default_factory=dict)

    def path(self, task_id: str, file_name: str, map_index: object = -1, dag_id: str = DAG_ID) -> str:
        parts = [dag_id, self.run_id, task_id, map_index, file_name]
        return "/onlive/report/" + "/".join(quote(str(part), safe="") for part in parts)

    def get(self, path: str, user: str | None = "viewer", headers: Mapping[str, str] | None = None) -> Answer:
        """Send a path as it is written, with a user's cookie, as a browser does that follows a link."""
        cookie = {} if user is None else {"Cookie": f"_token={self.tokens[user]}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={**cookie, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def push(self, value: Any, task_id: str = "without") -> None:
        """Let a task push this as the place of its report, as anybody can who writes its DAG."""
        from airflow.utils.session import create_session

        try:
            from airflow.models.xcom import XComModel as Model
        except ImportError:  # Airflow 2.11
            from airflow.models.xcom import XCom as Model
        with create_session() as session:
            names = {"dag_id": DAG_ID, "run_id": self.run_id, "task_id": task_id, "map_index": -1}
            Model.set(key="report_path", value=value, **names, session=session)


@contextmanager
def report_run(folder: Path) -> Iterator[ReportRun]:
    """Run the DAG once."""
    with ManyRecords(10) as records, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(records, budget_scope="process"))
        web = {"budget_scope": "process", "report_base_url": "https://reports.example.com/onlive/"}
        patch.setenv("AIRFLOW_CONN_ONLIVE_WITH_WEB_SERVER", connection_to(records, **web))
        bag = dag_bag_class()(dag_folder=str(DAGS_FOLDER / "reports.py"))
        assert not bag.import_errors
        run = bag.dags[DAG_ID].test(run_conf={"folder": str(folder)})
        yield ReportRun(DagRunResult(run), run.run_id, folder, records)


@contextmanager
def api_server(run: ReportRun) -> Iterator[ReportRun]:
    """Start Airflow's API server, with an auth manager that does not show everything to everybody."""
    import uvicorn
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False")
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "tests.e2e.doorkeeper.Doorkeeper")
        airflow_app.purge_cached_app()
        server = uvicorn.Server(
            uvicorn.Config(airflow_app.create_app(apps="core"), host="127.0.0.1", port=0, log_level="warning")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        run.port = server.servers[0].sockets[0].getsockname()[1]
        manager = airflow_app.get_auth_manager()
        run.tokens = {
            name: manager.generate_jwt(SimpleAuthManagerUser(username=name, role=role)) for name, role in ROLES.items()
        }
        yield run
        server.should_exit = True
        thread.join()
    airflow_app.purge_cached_app()
    airflow_app.init_auth_manager()  # Other tests' applications go on with the one of their own settings.


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]
