"""The DAG runs that `make airflow` has made when it opens: one of each kind, one red, one put back, one waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.sync import OnliveClient
from scripts.demo_fleet import ALLOWED, REFUSING_ZONE, Fleet, write_fleet

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox
    from scripts.airflow_server import AirflowServer

PUT_BACK, WAITING = "put_back", "waiting"
ZONES = (REFUSING_ZONE, "Europe/Madrid")


@dataclass(frozen=True, eq=False)
class OpeningRun:
    """One run.

    :param what: what there is to see, in words.
    :param state: how the run ends; ``waiting`` if it waits for a person.
    :param after: the run that must have ended before it.
    """

    dag_id: str
    run_id: str
    what: str
    state: str
    conf: Mapping[str, Any] = field(default_factory=dict)
    after: OpeningRun | None = None

    def address(self, airflow: AirflowServer) -> str:
        """Return the address of its page in the web interface."""
        return f"{airflow.url}/dags/{self.dag_id}/runs/{self.run_id}"


def write_data(folder: Path, now: datetime) -> Fleet:
    """Write the sandbox's data: its own brand, and services of which one is refused, so that a rollout is put back."""
    return write_fleet(folder, now, zones=ZONES, beside_brand=True)


def opening_runs(season: Mapping[str, str], fleet: Fleet) -> list[OpeningRun]:
    """Return the runs in the order of their beginning.

    :param season: the parameters of the seasonal DAG.
    """
    put_back = OpeningRun(
        "onlive_season_rollout",
        PUT_BACK,
        f"rollout of two time zones; a service of {REFUSING_ZONE} was refused, so its zone was put back",
        "failed",
        fleet.conf,
    )
    red = OpeningRun(
        "onlive_bulk_languages",
        "red",
        "bulk task that stopped before its first write: more would change than max_changes allows",
        "failed",
        {"max_changes": "1"},
    )
    return [
        put_back,
        red,
        OpeningRun("onlive_evening_confirmations", "green", "single updates, one mapped task each", "success"),
        OpeningRun("onlive_crm_sync", "one_row_red", "single updates; one of four rows is invalid, and red", "failed"),
        OpeningRun("onlive_summer_season", "green", "one service: the plan, then the rollout", "success", season),
        OpeningRun("onlive_bulk_languages", "green", "the same bulk task within its limit", "success", after=red),
        OpeningRun(
            "onlive_season_approval",
            "waiting",
            f"{REFUSING_ZONE} planned again, its service mended; answer it under Required Actions",
            WAITING,
            fleet.conf,
            after=put_back,
        ),
    ]


def make_runs(airflow: AirflowServer, sandbox: Sandbox, fleet: Fleet, runs: list[OpeningRun]) -> list[OpeningRun]:
    """Make the runs, wait for their ends, and return those that did not end as described."""
    for run in runs:
        if run.after is not None:
            _finish(airflow, run.after)
            if run.after.run_id == PUT_BACK:
                _mend(sandbox, fleet)
        airflow.start(run.dag_id, run.run_id, run.conf, note=run.what)
    return [run for run in runs if _finish(airflow, run) != run.state]


def _finish(airflow: AirflowServer, run: OpeningRun) -> str:
    """Wait until a run has come to what is expected, or to its end."""
    if run.state != WAITING:
        return airflow.end_of(run.dag_id, run.run_id)
    airflow.wait_for_question(run.dag_id, run.run_id)
    return WAITING


def _mend(sandbox: Sandbox, fleet: Fleet) -> None:
    """Give the refused service what the API accepts, as a colleague would, not through Airflow."""
    credentials = Credentials(sandbox.access_key_id, sandbox.secret_access_key)
    with OnliveClient(Settings(credentials=credentials, base_url=sandbox.url)) as client:
        client.put_service(fleet.refusing, {"incrementTime": ALLOWED})
