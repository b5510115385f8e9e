"""A whole Airflow, web interface and scheduler included, started and ended by a program, and its REST API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

PATIENCE = 600.0
"""Seconds within which Airflow must be up, and within which a run must end."""
_PAUSE = 0.5
_PAUSES = (0.5, 1, 2, 4, 8)
_ANSWER = 60.0
"""Seconds that one answer may take: while an Airflow starts, and tasks run, a small machine is busy."""
_CONNECTION, _VARIABLE = "AIRFLOW_CONN_", "AIRFLOW_VAR_"


class AirflowServer:
    """``airflow standalone`` from ``__enter__`` to ``__exit__``. Needs Airflow 3.

    The environment says what it works with, see :func:`~scripts.airflow_home.make_airflow_home`.

    :param log: the file that takes what it prints.
    :param port: of its web interface and REST API, on 127.0.0.1.
    """

    def __init__(self, log: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._port = port
        self._api = httpx.Client(base_url=f"{self.url}/api/v2", trust_env=False, timeout=_ANSWER)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AirflowServer:
        settings = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port(8793)),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port(8794)),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # Nobody edits the copies of the examples.
        }
        # What is stored, and can be looked at and edited in the web interface, must not be outdone by the environment.
        inherited = {n: v for n, v in os.environ.items() if not n.startswith((_CONNECTION, _VARIABLE))}
        with self._log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow", "standalone"],
                env=inherited | settings,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.close()
        if self._process is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, how)
                self._process.wait(timeout=10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def wait(self) -> None:
        """Wait until it ends by itself."""
        if self._process is not None:
            self._process.wait()

    def is_up(self) -> bool:
        """Wait until it answers and all its parts are well; return whether that came to be."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                health = self._api.get("/monitor/health").json()
            except (httpx.HTTPError, ValueError):
                health = {}
            if all(health.get(part, {}).get("status") == "healthy" for part in ("scheduler", "dag_processor")):
                self._sign_in()
                return True
            time.sleep(_PAUSE)
        return False

    def _sign_in(self) -> None:
        """Take the token that anybody is given here. Airflow 3.1 answers no call without one."""
        answer = self._api.get(f"{self.url}/auth/token").raise_for_status()
        self._api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """Make one call of the REST API and return its answer.

        Airflow answers 500, or not at all, while its SQLite is locked. Such a call is made again: none of them has an
        effect twice, and a 409 then says that the first one had it.

        :param path: below ``/api/v2``.
        :raises httpx.HTTPStatusError: it was refused.
        """
        for pause in _PAUSES:
            try:
                answer = self._api.request(method, path, json=body, params=query)
            except httpx.TimeoutException:
                pass
            else:
                if answer.status_code == httpx.codes.CONFLICT and pause != _PAUSES[0]:
                    return {}
                if answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
                    break
            time.sleep(pause)
        else:
            answer = self._api.request(method, path, json=body, params=query)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def store(self, environment: Mapping[str, str]) -> None:
        """Store what environment variables say: Connections as JSON, and Variables.

        :param environment: ``AIRFLOW_CONN_...`` and ``AIRFLOW_VAR_...``.
        """
        for name, value in environment.items():
            if name.startswith(_CONNECTION):
                given = {"connection_id": name.removeprefix(_CONNECTION).lower(), **json.loads(value)}
                if "extra" in given:
                    given["extra"] = json.dumps(given["extra"])
                self.call("POST", "/connections", given)
            elif name.startswith(_VARIABLE):
                self.call("POST", "/variables", {"key": name.removeprefix(_VARIABLE).lower(), "value": value})

    def wait_for_dags(self, dag_ids: set[str]) -> None:
        """Wait until these DAGs were parsed."""
        self.until(lambda: dag_ids <= {each["dag_id"] for each in self.call("GET", "/dags")["dags"]}, "the DAGs")

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def start(self, dag_id: str, run_id: str, conf: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Start a run, and let its DAG run if it is paused."""
        self.unpause(dag_id)
        run = {"dag_run_id": run_id, "logical_date": None, "conf": conf or {}, "note": note or None}
        self.call("POST", f"/dags/{dag_id}/dagRuns", run)

    def end_of(self, dag_id: str, run_id: str) -> str:
        """Wait until a run has ended, and return its state.

        :raises TimeoutError: it has not.
        """
        state = ""

        def has_ended() -> bool:
            nonlocal state
            state = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"]
            return state in ("success", "failed")

        self.until(has_ended, f"the end of {dag_id}, {run_id}")
        return state

    def wait_for_question(self, dag_id: str, run_id: str) -> None:
        """Wait until a run waits for a person.

        :raises TimeoutError: it does not.
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/hitlDetails"
        self.until(lambda: bool(self.call("GET", path)["hitl_details"]), f"a question of {dag_id}, {run_id}")

    def answer(self, dag_id: str, run_id: str, option: str) -> dict[str, Any]:
        """Answer what a run waits for, as a person does, and return what it asked and when it was answered.

        No person answers within a second, and Airflow would fail the task: its scheduler has not yet taken note that
        the process that asked has ended. So two of the scheduler's heartbeats are waited for.

        :param option: one of those that it offers, such as ``Approve``.
        """
        for _ in range(2):
            self._wait_for_heartbeat()
        run = f"/dags/{dag_id}/dagRuns/{run_id}"
        (question,) = self.call("GET", f"{run}/hitlDetails")["hitl_details"]
        path = f"{run}/taskInstances/{question['task_instance']['task_id']}/-1/hitlDetails"
        self.call("PATCH", path, {"chosen_options": [option], "params_input": {}})
        return dict(self.call("GET", path))

    def _wait_for_heartbeat(self) -> None:
        """Wait until the scheduler has gone through its loop again."""

        def last() -> Any:
            return self.call("GET", "/monitor/health")["scheduler"]["latest_scheduler_heartbeat"]

        before = last()
        self.until(lambda: last() != before, "the scheduler")

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self.call("GET", path, limit=100)["task_instances"])

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so.

        :param what: in words.
        :raises TimeoutError: it does not come to be.
        """
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
            time.sleep(_PAUSE)


def free_port(preferred: int) -> int:
    """Return the preferred port of 127.0.0.1, or a free one where it is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
