"""The parts of the cluster as processes on loopback: each is started and ended with all that it started."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

ROOT = Path(__file__).parents[1]
PATIENCE = 240.0
"""Seconds within which a part must be up."""
IMPORTED_ONCE = [
    "airflow.sdk.execution_time.task_runner",
    "onlive_provider.client.sync",
    "onlive_provider.operators.appointment",
    "onlive_provider.operators.bulk",
    "onlive_provider.operators.rollout",
    "onlive_provider.models.appointment",
]
_PR_SET_CHILD_SUBREAPER = 36


class ClusterError(Exception):
    """A part did not come up, or ended; the message says which and where its log is."""


def wait_until(is_so: Callable[[], Any], what: str, patience: float = PATIENCE, pause: float = 0.5) -> None:
    """Wait for something that a part does.

    :raises ClusterError: it was not done in time.
    """
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {patience:.0f} s")
        time.sleep(pause)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Parts:
    """The processes, all ended when the block is left.

    :param folder: for everything that they write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.password = f"r3dis/{secrets.token_urlsafe(12)}+"
        self.redis_port, self.postgres_port, self.api_port = free_port(), free_port(), free_port()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        # A process whose parent has died becomes this one's child, so that none is lost sight of.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name, process in self._running.items():
            process.send_signal(_politely(name))
        psutil.wait_procs(psutil.Process().children(), timeout=10)
        _kill(psutil.Process().children(recursive=True))
        for process in self._running.values():
            process.wait()

    def start(self, name: str, command: list[str], **environment: str) -> None:
        """Start a part; its log is ``NAME.log``."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """End a part and all that it started: politely at first."""
        process = self._running.pop(name)
        family = _family(process.pid)
        process.send_signal(_politely(name))
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        _kill(family)
        process.wait()

    def kill(self, name: str) -> None:
        """End a part and all that it started at once, as a power cut does."""
        process = self._running.pop(name)
        _kill(_family(process.pid))
        process.wait()

    def check(self) -> None:
        """See that every part runs.

        :raises ClusterError: one has ended.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ClusterError(f"{name} has ended with {process.returncode}; see {self.logs}/{name}.log")

    def start_postgres(self) -> None:
        """Start PostgreSQL, as the user that Debian makes for it where this is root, with a database for Airflow."""
        programs = _postgres_programs()
        data = self.folder / "postgres"
        data.mkdir()
        as_user = []
        if os.geteuid() == 0:
            self.folder.chmod(0o711)
            shutil.chown(data, "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]
        made = [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "airflow", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*made, "--no-sync"], check=True, capture_output=True, cwd="/")
        options = {"port": self.postgres_port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options |= {"fsync": "off", "max_connections": 300}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.start("postgres", [*as_user, str(programs / "postgres"), "-D", str(data), *words])
        address = ["-h", "127.0.0.1", "-p", str(self.postgres_port), "-U", "airflow"]
        ready = [str(programs / "pg_isready"), "-q", *address]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL is up")
        subprocess.run([str(programs / "createdb"), *address, "airflow"], check=True)

    def database_dump(self) -> bytes:
        """Return all that Airflow keeps in its database, as SQL."""
        address = ["-h", "127.0.0.1", "-p", str(self.postgres_port), "-U", "airflow"]
        command = [str(_postgres_programs() / "pg_dump"), *address, "airflow"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def start_redis(self) -> None:
        """Start Redis with a password, which is in a file and not on its command line."""
        settings = self.folder / "redis.conf"
        lines = [f"port {self.redis_port}", "bind 127.0.0.1", f"requirepass {self.password}", 'save ""']
        settings.write_text("\n".join([*lines, f"dir {self.folder}"]))
        settings.chmod(0o600)
        self.start("redis", ["redis-server", str(settings)])
        wait_until(lambda: _listens(self.redis_port), "Redis is up")

    def airflow_environment(self, dags: Path) -> dict[str, str]:
        """Return what every part of Airflow is told."""
        database = f"airflow@127.0.0.1:{self.postgres_port}/airflow"
        password = quote(self.password, safe="")
        redis = {"conn_type": "redis", "host": "127.0.0.1", "port": self.redis_port, "password": self.password}
        settings = {
            "CORE__DAGS_FOLDER": str(dags),
            "CORE__EXECUTOR": "CeleryExecutor",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "16",
            "CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
            "CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CORE__HOSTNAME_CALLABLE": "scripts.cluster_machine.name",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.api_port}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "CELERY__BROKER_URL": f"redis://:{password}@127.0.0.1:{self.redis_port}/1",
            "CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
            "CELERY__WORKER_CONCURRENCY": "6",
            "CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            # What every task needs is imported once, before the worker forks.
            "CELERY__EXTRA_CELERY_CONFIG": json.dumps({"imports": IMPORTED_ONCE}),
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.api_port),
            "API__WORKERS": "1",
            "API__SECRET_KEY": secrets.token_hex(),
            "API_AUTH__JWT_SECRET": secrets.token_hex(),
            "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # A machine that is gone is found after these seconds, and a task that it had taken and not begun.
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "SCHEDULER__TASK_QUEUED_TIMEOUT": "150",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        return {
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            "AIRFLOW_CONN_REDIS_DEFAULT": json.dumps(redis),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }

    def start_airflow(self, name: str, *words: str, **more: str) -> None:
        """Start a part of Airflow, with a home and a folder for temporary files of its own."""
        home = self.folder / name
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        own = {"AIRFLOW_HOME": str(home), "TMPDIR": str(home / "tmp"), "CLUSTER_MACHINE": name, **more}
        self.start(name, [sys.executable, "-m", "airflow", *words], **own)

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask Airflow's API, which takes everybody for an administrator here."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        base = f"http://127.0.0.1:{self.api_port}"
        with opener.open(f"{base}/auth/token", timeout=30) as answer:
            token = json.load(answer)["access_token"]
        request = urllib.request.Request(
            f"{base}/api/v2/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)


def _postgres_programs() -> Path:
    """Return the folder of the newest PostgreSQL that Debian has installed."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and all that it and its children started."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _politely(name: str) -> signal.Signals:
    """Return the signal that ends a part; PostgreSQL's own SIGTERM waits for everybody to go."""
    return signal.SIGINT if name == "postgres" else signal.SIGTERM


def _kill(family: list[psutil.Process]) -> None:
    for process in family:
        with suppress(psutil.Error):
            process.kill()
