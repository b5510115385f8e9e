"""`make airflow`: Airflow's web interface with the example DAGs, beside a local Onlive API, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.airflow_home import make_airflow_home
from scripts.airflow_server import AirflowServer, free_port
from scripts.demo_data import DemoData, prepare
from scripts.opening_runs import OpeningRun, make_runs, opening_runs, write_data

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox

SANDBOX_PORT = 8765
AIRFLOW_PORT = 8080
FOLLOWER = "onlive_follow_services"
"""The example that runs by itself, whenever another one has changed a service."""


class NotAsDescribedError(Exception):
    """Airflow did not start, or a run did not end as it should."""


@dataclass(frozen=True)
class Opened:
    """An Airflow with its runs made, and the sandbox beside it."""

    airflow: AirflowServer
    sandbox: Sandbox
    data: DemoData
    runs: list[OpeningRun]


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    """Give an Airflow whose Connection is stored and whose runs are made; end it afterwards.

    :param folder: takes everything that is written.
    :raises NotAsDescribedError: it did not start, or a run did not end as it should.
    """
    make_airflow_home(folder / "airflow")
    from onlive_provider.sandbox.server import Sandbox

    log = folder / "standalone.log"
    fleet = write_data(folder, datetime.now(UTC))
    with Sandbox(data=fleet.data, port=free_port(SANDBOX_PORT)) as sandbox:
        data = prepare(folder, sandbox)
        runs = opening_runs(data.season, fleet)
        print(f"Starting Airflow (its log: {log}) ...", flush=True)
        with AirflowServer(log, free_port(AIRFLOW_PORT)) as airflow:
            if not airflow.is_up():
                raise NotAsDescribedError(f"Airflow did not start; see {log}")
            airflow.store(data.environment)
            airflow.wait_for_dags({FOLLOWER, *(run.dag_id for run in runs)})
            airflow.unpause(FOLLOWER)
            print("Making one run of each kind (about a minute) ...", flush=True)
            for run in make_runs(airflow, sandbox, fleet, runs):
                raise NotAsDescribedError(f"{run.dag_id}, {run.run_id}, did not end as {run.state}; see {log}")
            yield Opened(airflow, sandbox, data, runs)


def main() -> int:
    """Run until Ctrl-C; return the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="onlive-airflow-"))
    try:
        with opened(folder) as it:
            print("\n".join(where_to_click(it)), flush=True)
            it.airflow.wait()
            return 1
    except NotAsDescribedError as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 0


def where_to_click(it: Opened) -> list[str]:
    """Return what to look at first, a line each."""
    season = it.data.season
    return [
        "",
        f"  Airflow      {it.airflow.url}",
        f"  Sandbox      {it.sandbox.url}   its page shows every change live",
        f"  Connection   {it.airflow.url}/connections   onlive_default: edit it, press Test",
        "",
        "These runs are made. A mapped task's name says what came of it; a red task's log ends with what to do.",
        "",
        *(f"  {run.address(it.airflow)}\n      {run.what}" for run in it.runs),
        "",
        "Trigger any DAG again from its form. onlive_summer_season asks for a service, such as",
        f"{season['service_id']} ({season['timezone']}, closed from {season['first_day']} to {season['last_day']}).",
        "onlive_change_duration changes one, and onlive_follow_services then runs by itself.",
        "Ctrl-C stops everything; nothing is kept.",
    ]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
