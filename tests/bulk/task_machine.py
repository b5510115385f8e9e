"""What machines that run tasks at random have in common: a server, a Connection, a clock, a task and a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine

from onlive_provider.hooks.onlive import OnliveHook
from tests.bulk.server import ManyRecords
from tests.loopback import FakeClock
from tests.operators.conftest import connection_to


class TaskMachine(RuleBasedStateMachine):
    """Runs tasks of one DAG run against a server. :meth:`close` must be called at the end."""

    def __init__(self, server: ManyRecords) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.server = server
        self.server.__enter__()
        extra = {"reads_per_minute": 100_000, "writes_per_minute": 100_000, "max_attempts": 1, "max_elapsed": 0}
        os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"] = connection_to(self.server, **extra)
        self.clock = FakeClock(time.time())
        OnliveHook.clock = self.clock  # type: ignore[assignment]
        self.task = SimpleNamespace(
            dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0, try_number=1, xcom_push=lambda **_: None
        )
        self.rows: list[dict[str, Any]] | None = None

    def close(self) -> None:
        self.server.__exit__()
        OnliveHook.clock = None
        del os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"]
        shutil.rmtree(self.folder)


def thoroughly(*, examples: int, steps: int) -> settings:
    """Return settings with which a machine takes as long as it needs, and the same steps at every run."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
