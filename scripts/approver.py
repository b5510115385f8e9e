"""Somebody who answers what a DAG run waits for, through Airflow's own REST API, in the process that runs the DAG."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Any

_PATIENCE = 60
"""Seconds after which a run that asks nothing is given up: it is ended, for nobody would answer it later."""
_PAUSE = 1.0
"""Seconds between two looks. A question is answered when it is seen twice: ``DAG.test`` writes the state of a task once
more just after the task began to wait, so an answer that comes before that is lost, and the run waits forever."""


class Approver:
    """Answers the first question of a run of one DAG; to be entered before the run, and left after it.

    Needs Airflow 3.3 or newer and ``[core] simple_auth_manager_all_admins``.

    :param dag_id: whose question is answered.
    :param answer: one of its options, such as ``Approve``.
    :param meanwhile: called before the answer is given.
    """

    def __init__(self, dag_id: str, answer: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.subject = ""
        self.body = ""
        self.answered = False
        self._dag_id = dag_id
        self._answer = answer
        self._meanwhile = meanwhile
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="approver", daemon=True)

    def __enter__(self) -> Approver:
        _api()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            question = self._wait()
            if question is not None:
                asking = question["task_instance"]
                path = f"/dagRuns/{asking['dag_run_id']}/taskInstances/{asking['task_id']}/-1/hitlDetails"
                self._meanwhile()
                self._call("PATCH", path, json={"chosen_options": [self._answer], "params_input": {}})
                self.subject, self.body, self.answered = question["subject"], question["body"], True
        finally:
            if not self.answered and not self._over.is_set():
                for run in self._call("GET", "/dagRuns", params={"state": "running"})["dag_runs"]:
                    self._call("PATCH", f"/dagRuns/{run['dag_run_id']}", json={"state": "failed"})

    def _wait(self) -> dict[str, Any] | None:
        seen: list[str] = []
        deadline = time.monotonic() + _PATIENCE
        while not self._over.wait(_PAUSE) and time.monotonic() < deadline:
            waiting = {"response_received": False, "state": "awaiting_input"}
            questions = self._call("GET", "/dagRuns/~/hitlDetails", params=waiting)["hitl_details"]
            for question in questions:
                if question["task_instance"]["id"] in seen:
                    return dict(question)
            seen = [question["task_instance"]["id"] for question in questions]
        return None

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        answer = _api().request(method, f"/api/v2/dags/{self._dag_id}{path}", **kwargs)
        answer.raise_for_status()
        return dict(answer.json())


@cache
def _api() -> Any:
    from airflow.api_fastapi.app import create_app
    from starlette.testclient import TestClient

    return TestClient(create_app(apps="core"))
