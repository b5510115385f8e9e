"""`make demo`: run the example DAGs twice in a real Airflow against a local Onlive API; show changes and calls."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from scripts.airflow_home import make_airflow_home
from scripts.demo_data import DemoData, broken_languages, prepare, write_seed
from scripts.demo_fleet import write_fleet
from scripts.demo_rollouts import Rollouts
from scripts.demo_stage import RunDag, Stage

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox

Records = dict[tuple[str, str], dict[str, Any]]
KINDS = {
    "appointments": ("start", "end", "state", "lang", "reminders", "agentComment"),
    "services": ("dateRanges", "incrementTime", "maxTimeToSchedule", "active"),
}
MAX_ROWS = 14


@dataclass(frozen=True)
class Act:
    """One DAG of the demonstration.

    :param again: why the second run sends nothing; empty for an act that is not played again.
    :param failing: how many of its tasks must fail.
    :param surroundings: what its run takes place in.
    :param is_stopped: whether it must write nothing and notify nobody.
    """

    dag_id: str
    story: str
    again: str
    failing: int = 0
    conf: dict[str, Any] | None = None
    surroundings: Callable[[], AbstractContextManager[None]] = nullcontext
    is_stopped: bool = False


def acts(data: DemoData) -> list[Act]:
    """Return the DAGs besides the rollouts, and what each is about."""
    return [
        Act(
            "onlive_evening_confirmations",
            "Scheduled: appointments that were confirmed by phone, according to a CRM table, get their new state, a\n"
            "reminder and a comment. One guest did not answer the phone: that appointment is left alone.",
            again="the CRM has no row left",
        ),
        Act(
            "onlive_crm_sync",
            "Data-driven: a CSV file moves four appointments, a SQL query sets the rules of three services. One slot\n"
            "is taken, so that appointment goes to its fallback slot. One appointment and one service are right\n"
            "already, so nothing is sent. One row ends before it starts: it must fail alone, before any call.",
            again="everything is as wanted (the bad row fails again)",
            failing=1,
        ),
        Act(
            "onlive_summer_season",
            f"Seasonal: a service that is closed from {data.season['first_day']} to {data.season['last_day']} "
            f"({data.season['timezone']}) opens for\n"
            "the summer. First comes the plan, which sends nothing, then the rollout of that one service.",
            again="the summer is open already",
            conf=data.season,
        ),
        Act(
            "onlive_bulk_languages",
            "Bulk: one task takes 2,000 rows from a SQL query. Somebody broke the query, and every language is empty.\n"
            "The task compares all rows before it writes any. Far more would change than the 10 % that it allows, so\n"
            "it stops: no write, and no guest hears of it.",
            again="",
            failing=1,
            surroundings=lambda: broken_languages(data.crm),
            is_stopped=True,
        ),
        Act(
            "onlive_bulk_languages",
            "The same with the query put right: 5 % of the rows differ, which is allowed.",
            again="every row is as wanted",
        ),
    ]


def main() -> int:
    """Run the demonstration and return the exit status: 0 if everything went as described."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="onlive-demo-"))
    log = folder / "airflow.log"
    console = console_beside(log)
    console.print("[bold]The Onlive provider for Airflow[/bold]: the example DAGs against a local booking API\n")
    console.print("Starting the local Onlive API and an Airflow with its own database ...")
    make_airflow_home(folder / "airflow")
    from onlive_provider.sandbox.server import Sandbox

    now = datetime.now(UTC)
    fleet = write_fleet(folder, now)
    with Sandbox(seed_file=write_seed(folder, now)) as sandbox, Sandbox(data=fleet.data) as fleet_sandbox:
        data = prepare(folder, sandbox)
        os.environ |= data.environment
        version, run_dag = start_airflow()
        console.print(
            f"Airflow {version} is ready, {elapsed(started)}. Its input is in {folder}: crm.sqlite and moves.csv"
        )
        stage = Stage(console, sandbox, run_dag, log)
        rollouts = Rollouts(replace(stage, sandbox=fleet_sandbox), fleet)
        fine = [play(stage, act) for act in acts(data)]
        fine += rollouts.play()
        console.rule("[bold]The same again[/bold]", align="left")
        console.print("A re-run, a cleared task or a backfill must never notify a guest a second time.\n")
        fine += [replay(stage, act) for act in acts(data) if act.again]
        fine += rollouts.play_again()
    console.print(
        f"\n[bold]{'Everything went as described' if all(fine) else 'Something did not go as described'}[/bold], "
        f"{elapsed(started)}.\n"
    )
    console.print("What to look at next")
    pages = sorted((folder / "reports").rglob("*.html"))
    for what, why in (
        (str(pages[0]), f"one of {len(pages)} report pages there"),
        ("make airflow", "the same DAGs in Airflow's web interface, next to the sandbox's live page"),
        ("dags_examples/", "the DAGs, ready to copy"),
        ("README.md, docs/", "the Connection, the operators, and what they promise"),
        (str(log), "everything that Airflow logged"),
    ):
        console.print(f"  {what:<40} {why}")
    return 0 if all(fine) else 1


def console_beside(log: Path) -> Console:
    """Return a console on the real standard output, and send all other output of this process to a file."""
    console = Console(file=os.fdopen(os.dup(1), "w", encoding="utf-8"), width=118, highlight=False, soft_wrap=False)
    sink = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    return console


def start_airflow() -> tuple[str, RunDag]:
    """Make Airflow's database; return its version and a function that runs a DAG to its end."""
    import airflow
    from airflow.utils.db import initdb

    initdb()
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    return airflow.__version__, lambda dag_id, conf: bag.dags[dag_id].test(run_conf=conf)


def play(stage: Stage, act: Act) -> bool:
    """Run a DAG; show what changed, what failed and what it cost; return whether it went as described."""
    stage.begin(act.dag_id, act.story)
    before = snapshot(stage.sandbox)
    with act.surroundings():
        played = stage.run(act.dag_id, act.conf)
    stage.console.print(changes(before, snapshot(stage.sandbox)))
    stage.tell(played)
    was_silent = not played.writes and not played.notifications
    return played.tasks["failed"] == act.failing and (was_silent if act.is_stopped else played.notifications > 0)


def replay(stage: Stage, act: Act) -> bool:
    """Run a DAG again and return whether nothing was sent."""
    return stage.tell_again(act.dag_id, stage.run(act.dag_id, act.conf), act.again)


def snapshot(sandbox: Sandbox) -> Records:
    """Return every record that the sandbox holds."""
    return {(kind, record["id"]): record for kind in KINDS for record in sandbox.records(kind)}


def changes(before: Records, after: Records) -> Table | str:
    """Return a table of the fields that differ."""
    rows = []
    for (kind, record_id), record in after.items():
        name = record.get("title") or record.get("name")
        for field in KINDS[kind]:
            was = before[kind, record_id].get(field)
            if was != record.get(field):
                rows.append((name, field, shown(was), shown(record.get(field))))
                name = ""
    if not rows:
        return "Every record is as it was before the run."
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("record", "field", "before", "after"):
        table.add_column(heading, overflow="fold")
    for row in rows[:MAX_ROWS]:
        table.add_row(*row)
    if len(rows) > MAX_ROWS:
        table.add_row(f"... and {len(rows) - MAX_ROWS} more")
    return table


def shown(value: Any) -> str:
    """Return a value in a form that a person can read."""
    if isinstance(value, list):
        return "\n".join(shown(item) for item in value) or "none"
    if isinstance(value, dict) and "startDate" in value:
        return f"{value['startDate'][:16]}Z to {value['endDate'][:16]}Z"
    if isinstance(value, dict) and "unit" in value:
        return f"{value['time']} {value['unit']}"
    return "-" if value is None else str(value)


def elapsed(started: float) -> str:
    """Return the time since the start."""
    return f"{time.monotonic() - started:.0f} s after the start"


if __name__ == "__main__":
    sys.exit(main())
