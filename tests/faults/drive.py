"""Runs a fault through one of the four flows, as Airflow would, and gathers what is seen."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from onlive_provider import errors
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from onlive_provider.seasons import Season
from tests.faults.certificates import authority
from tests.faults.clock import FaultClock
from tests.faults.records import APPOINTMENT, APPOINTMENT_UPDATE, IDS, SERVICE, SPRING, SUMMER, TARGET, Records
from tests.faults.server import FaultServer
from tests.faults.table import Case

SECRET = "s3cr3t/Key+never=shown"
WRITTEN_AT = "2025-03-05T10:00:00.000Z"
READS = {"single": 1, "bulk": 1, "rollout": 2, "revert": 1}
"""Reads of a record before its first write, when all is well."""
SEASON = Season("summer", "2027-06-15", "2027-09-15", "Europe/Madrid")
_PLENTY = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "budget_scope": "process"}
keys = itertools.count(1)

Record = dict[str, Any]


@dataclass
class Result:
    """What became of a record."""

    outcome: str
    error: str = ""
    message: str = ""
    retryable: bool = False
    before: Record | None = None


@dataclass
class Run:
    """A flow's run: what became of each record, and what the server saw.

    :param sent: what was to be written.
    :param returned: the id of the record that a single update returned.
    :param log: what was logged, where somebody listened.
    """

    case: Case
    server: FaultServer
    results: dict[str, Result] = field(default_factory=dict)
    raised: BaseException | None = None
    before: dict[str, Record] = field(default_factory=dict)
    sent: Record = field(default_factory=dict)
    returned: str | None = None
    log: str = ""
    left: bytes = b""
    """What stands in the files that the run left."""
    xcom: str = ""

    @property
    def seconds(self) -> float:
        """Clock seconds that the run took."""
        return self.server.clock.monotonic()


def carry_out(case: Case, folder: Path, flow: Callable[[Run, Path], None] | None = None) -> Run:
    """Run a fault through its flow, or through another one in its place."""
    clock = FaultClock()
    kind = SERVICE if case.flow == "rollout" else APPOINTMENT
    update = {**APPOINTMENT_UPDATE, **case.update.get("payload", {})}
    held = {name: dict(kind) for name in IDS[1:2] if case.flow == "single"} or {name: dict(kind) for name in IDS}
    if case.flow == "revert":
        held = {name: {**record, **update, "updatedAt": WRITTEN_AT} for name, record in held.items()}
    held[TARGET] |= deepcopy(case.server.get("holds", {}))
    records = Records(
        held,
        clock,
        does=frozenset(case.server.get("does", ())),
        leaves_out=frozenset(case.server.get("leaves_out", ())),
    )
    server = FaultServer(
        records=records,
        clock=clock,
        faults=[dict(each) for each in case.faults],
        key=f"FAULT{next(keys)}",
        secret="another" if case.server.get("wrong_secret") else SECRET,
        via=case.via,
        skew=case.server.get("skew", 0),
        date=case.server.get("date", "right"),
        reads_first=READS[case.flow],
        someone=_someone(case.flow, update),
    )
    run = Run(case, server, sent=update)
    with server:
        run.before = {name: records.shown(name) for name in held}
        with surroundings(server, case.client), machine_clock(clock):
            (flow or _FLOWS[case.flow])(run, folder)
    run.left = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
    return run


@contextlib.contextmanager
def machine_clock(clock: Any) -> Iterator[None]:
    """Put the run's clock where the operators take theirs from."""
    with patch.object(OnliveHook, "clock", clock):
        yield


@contextlib.contextmanager
def surroundings(server: FaultServer, client: Any) -> Iterator[None]:
    extra = {**_PLENTY, "timeout": 5.0, "allow_http": server.via == "proxy", **client}
    connection = {"conn_type": "onlive", "login": server.key, "password": SECRET, "host": server.url, "extra": extra}
    variables = {
        "AIRFLOW_CONN_ONLIVE_DEFAULT": json.dumps(connection),
        "REQUESTS_CA_BUNDLE": authority(),
        **server.environment,
    }
    with patch.dict(os.environ, variables):
        yield


class _TaskInstance(SimpleNamespace):
    def xcom_push(self, key: str, value: Any) -> None:
        json.dumps(value)
        self.xcoms[key] = value


def execute(operator: Any) -> tuple[Any, dict[str, Any]]:
    """Execute an operator; return its result and its XComs."""
    ti = _TaskInstance(dag_id="faults", run_id="run", task_id="task", map_index=-1, max_tries=1, xcoms={})
    return operator.execute({"ti": ti}), ti.xcoms


def _execute(run: Run, operator: Any) -> tuple[Any, dict[str, Any]]:
    """Execute an operator, and keep what it raises."""
    run.server.on_break = operator.on_kill
    try:
        return execute(operator)
    except Exception as error:
        run.raised = error
        return None, {}


def _single(run: Run, folder: Path) -> None:
    options = {name: value for name, value in run.case.update.items() if name != "payload"}
    options = {"appointment_id": TARGET, "payload": run.sent, "xcom_personal_data": True, **options}
    operator = UpdateAppointmentOperator(task_id="task", **options)
    result, xcoms = _execute(run, operator)
    error = run.raised
    if error is None:
        run.returned = str(result.get("id"))
        run.results[TARGET] = Result(xcoms["outcome"], before=xcoms["change"]["before"])
    else:
        run.results[TARGET] = Result("failed", kind_of(error), str(error), bool(getattr(error, "retryable", False)))


def _bulk(run: Run, folder: Path, *, personal_data: bool = True) -> None:
    options = {name: value for name, value in run.case.update.items() if name != "payload"}
    options = {name: value for name, value in options.items() if name in ("only_changed",)}
    report = folder / "report.jsonl"
    rows = [{"id": name, **run.sent} for name in IDS]
    operator = BulkUpdateAppointmentsOperator(
        task_id="task",
        updates=rows,
        concurrency=1,
        allowed_failures=3,
        report_path=str(report),
        report_personal_data=personal_data,
        **options,
    )
    run.xcom = json.dumps(_execute(run, operator))
    _read_report(run, report)


def private_bulk(run: Run, folder: Path) -> None:
    """Run a bulk task whose author asked for no guests' data in the report."""
    _bulk(run, folder, personal_data=False)


def _rollout(run: Run, folder: Path) -> None:
    run.sent = {"dateRanges": [SPRING, SUMMER]}
    report = folder / "report.jsonl"
    operator = RolloutDateRangesOperator(
        task_id="task",
        service_ids=list(IDS),
        season=SEASON,
        concurrency=1,
        allowed_failures=2,
        report_path=str(report),
    )
    _execute(run, operator)
    _read_report(run, report)


def _revert(run: Run, folder: Path) -> None:
    source = folder / "report.jsonl"
    former = {name: APPOINTMENT[name] for name in run.sent}
    lines = [
        {
            "index": index,
            "id": name,
            "outcome": "updated",
            "resource": "appointment",
            "before": former,
            "after": run.sent,
            "updatedAt": WRITTEN_AT,
        }
        for index, name in enumerate(IDS[::-1])
    ]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    run.sent = former
    operator = RevertUpdatesOperator(
        task_id="task", report_path=str(source), report_personal_data=True, concurrency=1, allowed_failures=3
    )
    _execute(run, operator)
    _read_report(run, folder / "report.reverted.jsonl")


_FLOWS = {"single": _single, "bulk": _bulk, "rollout": _rollout, "revert": _revert}


def kind_of(error: BaseException) -> str:
    """Return the name of an error's own class: a task's error is also an Airflow error."""
    return next(
        (kind.__name__ for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind),
        type(error).__name__,
    )


def _read_report(run: Run, path: Path) -> None:
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        told = json.loads(line)
        assert told["id"] not in run.results, f"two outcomes of {told['id']}"
        run.results[told["id"]] = Result(
            told["outcome"],
            told.get("error", ""),
            told.get("message", ""),
            told.get("retryable", False),
            told.get("before"),
        )


def _someone(flow: str, update: Record) -> dict[str, Any]:
    """Return what somebody else may do to the target while a write of it is under way."""
    if flow == "rollout":
        same_field: Record = {"dateRanges": [SUMMER]}
        other_field: Record = {"name": "Renamed by a colleague"}
        same_value: Record = {"dateRanges": [SPRING, SUMMER]}
    else:
        same_field = {"title": "Renamed by a colleague"}
        other_field = {"description": "Rewritten by a colleague"}
        same_value = {name: APPOINTMENT[name] for name in update} if flow == "revert" else update
    return {
        "edits the same field": lambda records: records.edit(TARGET, same_field),
        "edits another field": lambda records: records.edit(TARGET, other_field),
        "writes the same value": lambda records: records.edit(TARGET, same_value),
        "deletes it": lambda records: records.delete(TARGET),
    }
