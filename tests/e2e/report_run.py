"""A DAG run with reports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.bulk.server import ManyRecords
from tests.e2e.api_server import Answer, ApiServer
from tests.e2e.conftest import DAGS_FOLDER, DagRunResult, dag_bag_class
from tests.operators.conftest import connection_to

DAG_ID = "reports"


@dataclass
class ReportRun:
    """A run of the DAG ``reports``.

    :param served: the records as the booking API holds them after it.
    :param server: Airflow's API server, where there is one.
    """

    result: DagRunResult
    run_id: str
    folder: Path
    served: ManyRecords
    server: ApiServer | None = None

    def path(self, task_id: str, file_name: str, map_index: object = -1, dag_id: str = DAG_ID) -> str:
        parts = [dag_id, self.run_id, task_id, map_index, file_name]
        return "/onlive/report/" + "/".join(quote(str(part), safe="") for part in parts)

    def get(self, path: str, user: str | None = "viewer", headers: Mapping[str, str] | None = None) -> Answer:
        assert self.server
        return self.server.ask("GET", path, user, headers)

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


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]
