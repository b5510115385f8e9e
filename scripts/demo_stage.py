"""Runs a DAG of the demonstration and shows the result: its tasks, its errors, and the calls it made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from onlive_provider.models.wording import counted

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox

RunDag = Callable[[str, "dict[str, Any] | None"], Any]

_ERROR = re.compile(
    r"^\S+\.((?:Onlive\w+|AirflowFailException): .*"
    r"(?:\n(?:[\d,]+ of [\d,]+ records failed|Fields: |The report is |  |(?:row|line) \d|and [\d,]+ more).*)*)",
    re.MULTILINE,
)
_IN_WORDS = {"success": "succeeded", "upstream_failed": "not run after a failure"}


@dataclass(frozen=True)
class Played:
    """The result of a DAG run.

    :param state: of the run.
    :param tasks: how many tasks are in each state.
    :param errors: what failed tasks said.
    :param calls: of the API.
    :param notifications: how many the API sent.
    """

    state: str
    tasks: Counter[str]
    errors: list[str]
    calls: list[dict[str, Any]]
    notifications: int

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The calls that wrote, or were to write."""
        return [call for call in self.calls if call["method"] == "PUT"]

    def cost(self) -> str:
        """Return how many calls and notifications it took."""
        reads = sum(call["method"] == "GET" for call in self.calls)
        refused = Counter(call["status"] for call in self.writes if call["status"] != 200)
        why = {409: "slot taken", 400: "breaks a rule"}
        told = "; ".join(f"{count} refused: {why.get(status, status)}" for status, count in refused.items())
        return (
            f"{counted(reads, 'read')}, {counted(len(self.writes), 'write')}{f' ({told})' if told else ''}, "
            f"{counted(self.notifications, 'notification')}"
        )


@dataclass(frozen=True)
class Stage:
    """Where DAGs are played.

    :param log: the file that takes everything that Airflow logs.
    """

    console: Console
    sandbox: Sandbox
    run_dag: RunDag
    log: Path

    def run(self, dag_id: str, conf: dict[str, Any] | None) -> Played:
        """Run a DAG to its end, and show nothing."""
        calls, notified, logged = (
            len(self.sandbox.calls()),
            len(self.sandbox.notifications()),
            self.log.stat().st_size,
        )
        run = self.run_dag(dag_id, conf)
        with self.log.open(encoding="utf-8") as file:
            file.seek(logged)
            errors = list(dict.fromkeys(_ERROR.findall(file.read())))
        return Played(
            _word(run.state),
            Counter(_word(ti.state) for ti in run.get_task_instances()),
            errors,
            self.sandbox.calls()[calls:],
            len(self.sandbox.notifications()) - notified,
        )

    def begin(self, dag_id: str, story: str) -> None:
        """Show which DAG comes next, and what it is about."""
        self.console.print()
        self.console.rule(f"[bold]{dag_id}[/bold]", align="left")
        self.console.print(story)

    def tell(self, played: Played) -> None:
        """Show what failed, and what it cost."""
        for error in played.errors if played.tasks["failed"] else ():
            self.console.print(f"[red]A task failed, and Airflow does not retry it:[/red] {escape(error)}")
        tasks = ", ".join(f"{count} {_IN_WORDS.get(state, state)}" for state, count in sorted(played.tasks.items()))
        self.console.print(f"Tasks: {tasks}. Cost: {played.cost()}.")

    def tell_again(self, dag_id: str, played: Played, why: str) -> bool:
        """Show what a second run cost, and return whether it sent nothing and notified nobody.

        :param why: in words.
        """
        self.console.print(f"  {dag_id:<30} {played.cost()}: {why}")
        return not played.writes and not played.notifications


def _word(state: Any) -> str:
    return str(getattr(state, "value", state))
