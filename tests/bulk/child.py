"""Runs a bulk operator in a process of its own, so that a test can kill it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onlive_provider.bulk.background
import onlive_provider.bulk.journal
import onlive_provider.models.appointment  # noqa: F401 (what the operator imports when it runs, imported once for all)
from onlive_provider.bulk import earlier_write, lease
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.bulk_task import BulkTaskOperator
from tests.bulk.shelf import Shelf

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.bulk.child"])


def task_instance(**changes: Any) -> SimpleNamespace:
    names = {"dag_id": "nightly", "run_id": "run", "task_id": "update", "map_index": -1, "max_tries": 1, **changes}
    xcoms: dict[str, Any] = {}
    return SimpleNamespace(**names, xcoms=xcoms, xcom_push=lambda key, value: xcoms.update({key: value}))


class Terminated(BaseException):
    """What Airflow 2.11 raises in a task's main thread at SIGTERM."""


def start(
    connection: str,
    arguments: Mapping[str, Any],
    way: str = "flag",
    *,
    operator: type[BulkTaskOperator] = BulkUpdateAppointmentsOperator,
    shelf: Path | None = None,
    room: int | None = None,
    **changes: Any,
) -> BaseProcess:
    """Start a task; its exit code is 0 when it is green, 1 when it is red.

    :param way: how it hears of SIGTERM: by a ``flag`` that ``on_kill`` sets, or also by an ``exception``.
    :param operator: its class.
    :param shelf: the folder of the objects at ``shelf://`` URLs.
    :param room: bytes that a file may have, as on a full disk.
    :param changes: in the task instance.
    """
    process = _context.Process(
        target=_main, args=(connection, arguments, way, operator, shelf, room, changes), daemon=True
    )
    process.start()
    return process


def _main(
    connection: str,
    arguments: Mapping[str, Any],
    way: str,
    kind: type[BulkTaskOperator],
    shelf: Path | None,
    room: int | None,
    changes: Mapping[str, Any],
) -> None:
    if room is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"] = connection
    lease.PATIENCE = lease.VALID = 2.0
    earlier_write.SETTLED_AFTER = 0.0
    operator = kind(task_id="update", **arguments)
    if shelf is not None:
        operator.storage = Shelf(shelf)

    def on_signal(*_: object) -> None:
        operator.on_kill()
        if way == "exception":
            raise Terminated

    signal.signal(signal.SIGTERM, on_signal)
    try:
        operator.execute({"ti": task_instance(**changes)})  # type: ignore[typeddict-item]
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os._exit(1)
    os._exit(0)
