"""The two rollout DAGs of the demonstration: a refused service stops its zone; fixed and approved, the zone opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.markdown import Markdown
from rich.table import Table

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.sync import OnliveClient
from scripts.approver import Approver
from scripts.demo_data import connection
from scripts.demo_fleet import ALLOWED, CITIES, DURATION, REFUSING_ZONE, TOO_MUCH, Fleet, batches_of
from scripts.demo_stage import Played, Stage

ROLLOUT, APPROVAL = "onlive_season_rollout", "onlive_season_approval"
Services = dict[str, dict[str, Any]]


class Rollouts:
    """Plays both DAGs.

    :param stage: whose sandbox holds the fleet.
    """

    def __init__(self, stage: Stage, fleet: Fleet) -> None:
        self._stage = stage
        self._fleet = fleet
        self._print = stage.console.print
        self._edits: list[dict[str, Any]] = []
        self._refusing = stage.sandbox.record("services", fleet.refusing)["name"]

    def play(self) -> list[bool]:
        """Show all, and return for each whether it went as described."""
        with self._connected():
            return [self._play_refused(), self._play_edited(), self._play_approved()]

    def play_again(self) -> list[bool]:
        """Run both again, and return whether nothing was sent."""
        with self._connected():
            again = {ROLLOUT: self._stage.run(ROLLOUT, self._conf()), APPROVAL: self._approved()[0]}
        return [self._stage.tell_again(dag_id, played, "every zone is open") for dag_id, played in again.items()]

    def _play_refused(self) -> bool:
        first_day, last_day = self._fleet.conf["first_day"], self._fleet.conf["last_day"]
        self._stage.begin(
            ROLLOUT,
            f"Seasonal, for many: 40 services in five time zones are to open from {first_day} to {last_day}, with one "
            "mapped task per zone. Each plans its 8 services, writes them in batches of 1, 3 and 4, and reads each "
            f"batch back. The API refuses [bold]{self._refusing}[/bold], in the second batch: its incrementTime is "
            f"{TOO_MUCH}, more than its duration of {DURATION}. Its zone is put back; the other zones stay open.",
        )
        before = self._services()
        played = self._stage.run(ROLLOUT, self._conf())
        came = _Outcome(before, self._services(), played)
        self._print(came.table())
        self._print(f"{REFUSING_ZONE}, batch by batch:")
        for number, ids in enumerate(batches_of(REFUSING_ZONE), 1):
            self._print(f"  {number}  {came.words(ids)}")
        self._stage.tell(played)
        first, second, third = (set(ids) for ids in batches_of(REFUSING_ZONE))
        return (
            (played.state, played.tasks["failed"]) == ("failed", 1)
            and came.of(REFUSING_ZONE, "refused") == {self._fleet.refusing} <= second
            and first <= came.of(REFUSING_ZONE, "put back") <= first | second
            and third <= came.of(REFUSING_ZONE, "untouched")
            and not came.of(REFUSING_ZONE, "opened")
            and all(self._is_open(came, zone, "opened") for zone in CITIES if zone != REFUSING_ZONE)
        )

    def _play_edited(self) -> bool:
        """Show that what somebody edits between the plan and its approval is not overwritten."""
        from onlive_provider.hooks.onlive import OnliveHook

        OnliveHook().update_service(self._fleet.refusing, {"incrementTime": ALLOWED})
        before = self._services()
        edited = next(each for each, service in before.items() if self._may_be_edited(each, service))
        name, closes = before[edited]["name"], self._fleet.conf["first_day"].replace("06-15", "05-31")
        self._stage.begin(
            APPROVAL,
            f"The same, with an approval in between, after somebody has fixed {self._refusing} (incrementTime "
            f"{TOO_MUCH} -> {ALLOWED}). This is what the approver sees under Required Actions:",
        )
        closed = [{**before[edited]["dateRanges"][-1], "endDate": f"{closes}T22:59:59.000Z"}]
        played, approver = self._approved(lambda: self._edit(edited, {"dateRanges": closed}))
        self._print(Markdown(approver.body.partition("\nThe whole report")[0]))
        self._print(
            f"\nWhile the approver reads it, a colleague edits [bold]{name}[/bold]: it closes on {closes}. Then the "
            "answer is sent, as the web interface sends it: [bold]Approve[/bold]."
        )
        ours = [call for call in played.calls if not self._is_edit(call)]
        self._stage.tell(replace(played, calls=ours, notifications=played.notifications - len(self._edits)))
        after = self._services()
        self._print(f"Nothing was written in {REFUSING_ZONE}, and {name} is as the colleague left it.")
        return (
            approver.answered
            and (played.state, played.tasks["failed"]) == ("failed", 1)
            and all(service["name"] in approver.body.replace("\\", "") for service in self._in_zone(before))
            and [call for call in played.writes if not self._is_edit(call)] == []
            and after[edited]["dateRanges"] == closed
        )

    def _play_approved(self) -> bool:
        self._stage.begin(APPROVAL, "Planned again, with the colleague's edit, and approved:")
        before = self._services()
        played, approver = self._approved()
        came = _Outcome(before, self._services(), played)
        self._print(came.table())
        self._stage.tell(played)
        return (
            approver.answered
            and played.state == "success"
            and self._is_open(came, REFUSING_ZONE, "opened")
            and all(self._is_open(came, zone, "untouched") for zone in CITIES if zone != REFUSING_ZONE)
        )

    def _may_be_edited(self, service_id: str, service: dict[str, Any]) -> bool:
        return _zone(service) == REFUSING_ZONE and service_id != self._fleet.refusing

    def _in_zone(self, services: Services) -> list[dict[str, Any]]:
        return [service for service in services.values() if _zone(service) == REFUSING_ZONE]

    def _edit(self, service_id: str, fields: dict[str, Any]) -> None:
        """Change a service as a colleague does, not through Airflow."""
        sandbox = self._stage.sandbox
        credentials = Credentials(sandbox.access_key_id, sandbox.secret_access_key)
        with OnliveClient(Settings(credentials=credentials, base_url=sandbox.url)) as client:
            client.put_service(service_id, fields)
        self._edits.append(sandbox.calls()[-1])

    def _is_edit(self, call: dict[str, Any]) -> bool:
        return call in self._edits

    def _approved(self, meanwhile: Callable[[], None] = lambda: None) -> tuple[Played, Approver]:
        with Approver(APPROVAL, "Approve", meanwhile) as approver:
            return self._stage.run(APPROVAL, self._conf()), approver

    def _is_open(self, came: _Outcome, zone: str, how: str) -> bool:
        """Tell whether all services of a zone came to be open in one way."""
        return len(came.of(zone, how)) == len(CITIES[zone]) and came.last_days(zone) == {self._fleet.conf["last_day"]}

    def _conf(self) -> dict[str, Any]:
        return dict(self._fleet.conf)

    def _services(self) -> Services:
        return {service["id"]: service for service in self._stage.sandbox.records("services")}

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Let the Connection that the DAGs name lead to the fleet."""
        name = "AIRFLOW_CONN_ONLIVE_DEFAULT"
        other = os.environ[name]
        os.environ[name] = connection(self._stage.sandbox)
        try:
            yield
        finally:
            os.environ[name] = other


@dataclass(frozen=True)
class _Outcome:
    """What became of the services, as the API saw it."""

    before: Services
    after: Services
    played: Played

    def fate(self, service_id: str) -> str:
        statuses = [call["status"] for call in self.played.writes if call["path"].endswith(service_id)]
        if not statuses:
            return "untouched"
        if statuses != [200] * len(statuses):
            return "refused"
        is_as_before = self.before[service_id]["dateRanges"] == self.after[service_id]["dateRanges"]
        return "put back" if is_as_before else "opened"

    def of(self, zone: str, fate: str) -> set[str]:
        return {each for each, service in self.after.items() if _zone(service) == zone and self.fate(each) == fate}

    def words(self, ids: Sequence[str]) -> str:
        fates: dict[str, list[str]] = {}
        for each in ids:
            fates.setdefault(self.fate(each), []).append(self.after[each]["extraFields"]["city"])
        return "; ".join(f"{fate}: {', '.join(cities)}" for fate, cities in fates.items())

    def last_days(self, zone: str) -> set[str]:
        return _last_days(self.after, zone)

    def table(self) -> Table:
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        fates = ("opened", "put back", "refused", "untouched")
        for heading in ("zone", "open until, before", "after"):
            table.add_column(heading)
        for heading in fates:
            table.add_column(heading, justify="right")
        for zone in CITIES:
            numbers = (len(self.of(zone, fate)) for fate in fates)
            days = (", ".join(sorted(_last_days(services, zone))) for services in (self.before, self.after))
            table.add_row(zone, *days, *(str(number) if number else "-" for number in numbers))
        return table


def _zone(service: dict[str, Any]) -> str:
    return str(service["extraFields"]["timezone"])


def _last_days(services: Services, zone: str) -> set[str]:
    ends = [each["dateRanges"][-1]["endDate"] for each in services.values() if _zone(each) == zone]
    return {datetime.fromisoformat(end).astimezone(ZoneInfo(zone)).date().isoformat() for end in ends}
