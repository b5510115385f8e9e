"""`make cluster`: one access key on two Celery workers, one of which is killed; then on one machine.

PostgreSQL, Redis, Airflow's api-server, scheduler, dag-processor, triggerer and workers run on loopback, each with a
folder of its own, against a local Onlive API that refuses what is over its limit. Exit status 1: a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from scripts.cluster_data import SERVICES, Play
from scripts.cluster_parts import ROOT, ClusterError, Parts, wait_until

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox

CLUSTER = Play("one_key_cluster", "Celery, two workers", "cluster", 300, 2000, 800, is_killed=True)
HOST = Play("one_key_host", "LocalExecutor", "host", 60, 500, 400, is_killed=False)
MACHINES = ("machine-1", "machine-2")
KILL_AFTER = 400
"""Writes of the bulk task after which its machine is killed."""
PLAY_PATIENCE = 600.0
DONE = {"success", "failed"}
console = Console(width=110, highlight=False)


@dataclass(frozen=True)
class Played:
    """What came of a DAG run.

    :param calls: of the API, with their status.
    :param outcomes: of the tasks in words, by part.
    :param broken: the promises that were broken.
    """

    calls: list[dict[str, Any]]
    outcomes: dict[str, str]
    broken: list[str]
    seconds: float


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__.partition(".")[0])
    parser.add_argument("--only", choices=("cluster", "host"), help="one of the two parts")
    only = parser.parse_args().only
    plays = [play for play in (CLUSTER, HOST) if only in (None, play.scope)]
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="onlive-cluster-"))
    began = time.monotonic()
    try:
        with Parts(folder) as parts:
            played = [carry_out(play, parts) for play in set_up(parts, plays)]
            broken = leaks(parts)
    except (ClusterError, subprocess.CalledProcessError, urllib.error.URLError) as error:
        console.print(f"[bold]{error}[/bold]\nIts logs are in {folder}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    console.print(table(plays, played))
    broken += [f"{play.dag_id}: {each}" for play, one in zip(plays, played, strict=True) for each in one.broken]
    console.print(f"{time.monotonic() - began:.0f} s in all.")
    for each in broken:
        console.print(f"[bold]BROKEN[/bold] {each}")
    if broken:
        console.print(f"The logs are in {folder}")
        return 1
    console.print("Every promise was kept.")
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def set_up(parts: Parts, plays: list[Play]) -> list[tuple[Play, Sandbox]]:
    """Start everything but what runs the tasks, and make each DAG known."""
    console.print("Starting PostgreSQL, Redis and Airflow ...")
    parts.start_postgres()
    parts.start_redis()
    bucket = parts.folder / "bucket"
    bucket.mkdir()
    sandboxes = [play.sandbox(parts.folder) for play in plays]
    for sandbox in sandboxes:
        sandbox.start()
    os.environ |= parts.airflow_environment(ROOT / "scripts" / "cluster_dags")
    os.environ |= {
        f"AIRFLOW_CONN_{play.dag_id.upper()}": play.connection(sandbox)
        for play, sandbox in zip(plays, sandboxes, strict=True)
    }
    os.environ["ONE_KEY_JOBS"] = json.dumps({play.dag_id: play.job(bucket) for play in plays})
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    home = {"AIRFLOW_HOME": str(parts.folder / "migration"), "CLUSTER_MACHINE": "migration"}
    subprocess.run(migrate, check=True, capture_output=True, env={**os.environ, **home})
    for name in ("api-server", "dag-processor", "triggerer"):
        words = [name, "--skip-serve-logs"] if name == "triggerer" else [name]
        parts.start_airflow(name, *words)
    wait_until(lambda: all(_is_known(parts, play.dag_id) for play in plays), "Airflow has read the DAGs")
    return list(zip(plays, sandboxes, strict=True))


def _is_known(parts: Parts, dag_id: str) -> bool:
    parts.check()
    try:
        return bool(parts.api("GET", f"dags/{dag_id}")["dag_id"] == dag_id)
    except OSError:
        return False


def carry_out(played: tuple[Play, Sandbox], parts: Parts) -> Played:
    """Run a DAG to its end, with a machine killed in the middle where that belongs to it."""
    play, sandbox = played
    console.print(
        f"\n[bold]{play.executor}[/bold]: {play.singles} mapped updates, a bulk task of {play.rows:,} rows and"
    )
    console.print(f"a rollout of {SERVICES} services on one key, {play.writes_per_minute} writes a minute.")
    if play.scope == "cluster":
        parts.start_airflow("scheduler", "scheduler", "--skip-serve-logs")
        for machine in MACHINES:
            quiet = ("--without-mingle", "--without-gossip", "--skip-serve-logs")
            parts.start_airflow(machine, "celery", "worker", "--celery-hostname", f"{machine}@localhost", *quiet)
    else:
        executor = {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "AIRFLOW__CORE__PARALLELISM": "8"}
        parts.start_airflow("local-scheduler", "scheduler", "--skip-serve-logs", **executor)
    parts.api("POST", f"dags/{play.dag_id}/dagRuns", {"dag_run_id": "run", "logical_date": None})
    killed = kill_in_the_middle(play, sandbox, parts) if play.is_killed else None
    run = f"dags/{play.dag_id}/dagRuns/run"

    def is_over() -> bool:
        parts.check()
        return parts.api("GET", run)["state"] in DONE

    wait_until(is_over, f"{play.dag_id} has ended", PLAY_PATIENCE, pause=1.0)
    result = judge(play, sandbox, parts, killed)
    for name in ("scheduler", *MACHINES) if play.scope == "cluster" else ("local-scheduler",):
        if name != killed:
            parts.stop(name)
    sandbox.stop()
    return result


def kill_in_the_middle(play: Play, sandbox: Sandbox, parts: Parts) -> str:
    """Wait until the bulk task has written some rows, kill its machine, and return which that was."""
    bulk = set(play.ids("bulk"))

    def written() -> int:
        parts.check()
        return sum(call["method"] == "PUT" and call["path"].rpartition("/")[2] in bulk for call in sandbox.calls())

    wait_until(lambda: written() >= KILL_AFTER, "the bulk task is in its middle")
    machine: str = parts.api("GET", f"dags/{play.dag_id}/dagRuns/run/taskInstances/bulk")["hostname"]
    parts.kill(machine)
    console.print(f"{written():,} rows were written: {machine}, which ran the bulk task, was killed.")
    return machine


def judge(play: Play, sandbox: Sandbox, parts: Parts, killed: str | None) -> Played:
    """Say what came of a DAG run, and which promises were broken."""
    run = f"dags/{play.dag_id}/dagRuns/run/taskInstances"
    instances = [
        each
        for offset in range(0, play.singles + 2, 100)
        for each in parts.api("GET", f"{run}?limit=100&offset={offset}")["task_instances"]
    ]
    states = {
        task: Counter(each["state"] for each in instances if each["task_id"] == task)
        for task in ("single", "bulk", "rollout")
    }
    results = {task: _result(parts, run, task) for task in ("bulk", "rollout")}
    outcomes = {
        "single": ", ".join(f"{number} {state}" for state, number in states["single"].items()),
        **{task: _counts(result) for task, result in results.items()},
    }
    calls = sandbox.calls()
    broken = []
    if states != {"single": {"success": play.singles}, "bulk": {"success": 1}, "rollout": {"success": 1}}:
        broken.append(f"not every task is green: {states}")
    wrong = [each["id"] for each in sandbox.records("appointments") if each["lang"] != "es"]
    closed = [each["id"] for each in sandbox.records("services") if each["id"] in play.services() and _is_closed(each)]
    if wrong or closed:
        broken.append(f"{len(wrong)} appointments and {len(closed)} services are not as wanted")
    if results["bulk"].get("total") != play.rows or results["bulk"].get("failed"):
        broken.append(f"the bulk task did not give every row its outcome: {results['bulk']}")
    if refused := sum(call["status"] == 429 for call in calls):
        broken.append(f"the server refused {refused} calls")
    if twice := written_twice(calls):
        broken.append(f"{twice} records were written twice")
    if killed is not None:
        last = next(each for each in instances if each["task_id"] == "bulk")
        if last["hostname"] == killed or last["try_number"] < 2:
            broken.append("the bulk task's retry did not run on the other machine")
    return Played(calls, outcomes, broken, _seconds(calls))


def _result(parts: Parts, run: str, task: str) -> dict[str, Any]:
    try:
        value = parts.api("GET", f"{run}/{task}/xcomEntries/return_value?deserialize=true")["value"]
    except urllib.error.HTTPError:
        return {}
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def _counts(result: dict[str, Any]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in result.items() if isinstance(number, int) and number)


def _is_closed(service: dict[str, Any]) -> bool:
    return not any(each["endDate"] > f"{time.gmtime().tm_year + 1}-09-15" for each in service["dateRanges"])


def _seconds(calls: list[dict[str, Any]]) -> float:
    from datetime import datetime

    moments = [datetime.fromisoformat(call["at"]) for call in calls if call["method"] == "PUT"]
    return (max(moments) - min(moments)).total_seconds() if moments else 0.0


def written_twice(calls: list[dict[str, Any]]) -> int:
    """Return how many records the server wrote more than once."""
    written = Counter(call["path"] for call in calls if call["method"] == "PUT" and call["status"] == 200)
    return sum(number > 1 for number in written.values())


def leaks(parts: Parts) -> list[str]:
    """Return where the password of Redis stands in a log or in Airflow's database, the XComs among it."""
    secret = parts.password.encode()
    logs = [path for path in parts.folder.rglob("*.log") if secret in path.read_bytes()]
    found = [f"the password of Redis stands in {path}" for path in logs]
    if secret in parts.database_dump():
        found.append("the password of Redis stands in Airflow's database")
    return found


def table(plays: list[Play], played: list[Played]) -> Table:
    """Return what was called, refused and written twice, the outcomes, and the seconds against the ideal."""
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    shown.add_column("")
    for play in plays:
        shown.add_column(f"{play.executor}, scope {play.scope}")
    methods = [Counter(call["method"] for call in one.calls) for one in played]
    refused = [sum(call["status"] == 429 for call in one.calls) for one in played]
    rows: list[tuple[str, list[str]]] = [
        ("calls", [f"{each['GET']:,} reads, {each['PUT']:,} writes" for each in methods]),
        ("refused with 429", [str(number) for number in refused]),
        ("written twice", [str(written_twice(one.calls)) for one in played]),
        *((f"{task} tasks", [one.outcomes[task] for one in played]) for task in ("single", "bulk", "rollout")),
        ("seconds, first write to last", [f"{one.seconds:.0f}" for one in played]),
        ("the budget's ideal", [f"{play.ideal:.0f}" for play in plays]),
    ]
    for name, cells in rows:
        shown.add_row(name, *cells)
    return shown


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
