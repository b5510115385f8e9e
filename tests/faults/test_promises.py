"""What the table's rows promise one by one, for many rows and several runs."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.errors import OnliveError
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from tests.client.drivers import connect
from tests.faults.clock import CrowdClock
from tests.faults.drive import SECRET, carry_out, execute, keys, machine_clock, surroundings
from tests.faults.judge import verdict
from tests.faults.records import APPOINTMENT, APPOINTMENT_UPDATE, IDS, TARGET, Records
from tests.faults.server import FaultServer
from tests.faults.table import FLOWS, load
from tests.loopback import settings_for

FAULTS = {fault.name: fault for fault in load()}


@contextlib.contextmanager
def serving(
    number: int,
    faults: list[dict[str, Any]] | None = None,
    *,
    does: tuple[str, ...] = (),
    secret: str = SECRET,
    **more: Any,
) -> Iterator[FaultServer]:
    """Serve appointments, with the Connection ``onlive_default`` leading to them."""
    clock: Any = CrowdClock()
    names = IDS if number == len(IDS) else [f"{each:08d}-0000-4000-8000-000000000000" for each in range(number)]
    records = Records(dict.fromkeys(names, APPOINTMENT), clock, does=frozenset(does))
    numbered = [{"number": at, "times_met": 1_000_000, **fault} for at, fault in enumerate(faults or [])]
    server = FaultServer(
        records=records, clock=clock, faults=numbered, key=f"PROMISE{next(keys)}", secret=secret, **more
    )
    with server, surroundings(server, {}), machine_clock(clock):
        yield server


def rows(number: int) -> list[dict[str, Any]]:
    return [{"id": f"{each:08d}-0000-4000-8000-000000000000", **APPOINTMENT_UPDATE} for each in range(number)]


def bulk(server: FaultServer, number: int, folder: Path, **options: Any) -> Counter[str]:
    """Run a bulk task, green or red, and count the outcomes of its report; every row must have one."""
    report = folder / "report.jsonl"
    operator = BulkUpdateAppointmentsOperator(
        task_id="bulk", updates=rows(number), report_path=str(report), **{"allowed_failures": "100%", **options}
    )
    server.on_break = operator.on_kill
    with contextlib.suppress(OnliveError):
        execute(operator)
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert [line["index"] for line in lines] == list(range(number))
    return Counter(line["outcome"] for line in lines)


def effects(server: FaultServer) -> Counter[str]:
    return Counter(each.id for each in server.records.effects)


NORMALIZING = [("members",), ("members", "empty"), ("members", "spelling")]


@pytest.mark.parametrize("does", NORMALIZING)
def test_three_runs_against_a_server_that_normalizes_send_one_write(does: tuple[str, ...]) -> None:
    with serving(len(IDS), does=does) as server:
        outcomes = []
        for _ in range(3):
            operator = UpdateAppointmentOperator(task_id="task", appointment_id=TARGET, payload=APPOINTMENT_UPDATE)
            outcomes.append(execute(operator)[1]["outcome"])
    assert outcomes == ["updated", "unchanged", "unchanged"]
    assert len(server.calls("PUT")) == 1


@pytest.mark.parametrize("does", NORMALIZING)
def test_200_rows_twice_against_a_server_that_normalizes_send_200_writes(does: tuple[str, ...], tmp_path: Path) -> None:
    with serving(200, does=does) as server:
        first = bulk(server, 200, tmp_path / "first")
        second = bulk(server, 200, tmp_path / "second")
    assert (first, second) == ({"updated": 200}, {"unchanged": 200})
    assert len(server.calls("PUT")) == 200


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(
    "name",
    [
        "a lost answer of a server that gives items members, made",
        "close after the request to a proxy, made",
        "reset after the request to a proxy, made",
        "silence after the request to a proxy, made",
        "close after the request in a tunnel, made",
    ],
)
def test_a_lost_answer_is_one_write_and_one_effect(name: str, flow: str, tmp_path: Path) -> None:
    run = carry_out(FAULTS[name].cases[flow], tmp_path)
    assert verdict(run) == ""
    assert len(run.server.calls("PUT", TARGET)) == 1
    assert [each.id for each in run.server.records.effects].count(TARGET) == 1


@pytest.mark.parametrize("code", [102, 103])
def test_after_early_hints_every_read_gets_its_own_record(code: int, each_driver: str) -> None:
    hints = {"at": "every request", "first": f"HTTP/1.1 {code} Early\r\nLink: </a.css>\r\n\r\n", "made": "yes"}
    with serving(len(IDS), [hints]) as server:
        settings = settings_for(server)  # type: ignore[arg-type]
        settings = type(settings)(
            credentials=type(settings.credentials)(server.key, SECRET), base_url=server.url, timeout=5.0
        )
        with connect(settings, clock=server.clock) as client:
            for name in (*IDS, *IDS):
                assert client.get_appointment(name)["id"] == name
                assert client.put_appointment(name, {"title": name})["title"] == name


@pytest.mark.parametrize("skew", [1200, -1200, 10_800, -10_800, 259_200, -259_200])
def test_100_rows_for_a_server_whose_clock_is_off_all_end_well(skew: int, tmp_path: Path) -> None:
    with serving(100, skew=skew) as server:
        assert bulk(server, 100, tmp_path) == {"updated": 100}
    assert sum(bool(each.refused) for each in server.seen) <= 20
    assert set(effects(server).values()) == {1}


def test_a_jump_of_the_machines_clock_in_the_middle_fails_no_row(tmp_path: Path) -> None:
    jump = {"at": "every request", "jump": 10_800, "usable": True, "made": "yes", "times_met": 1}
    after = {"at": "every request", "usable": True, "made": "yes", "times_met": 90}
    with serving(100, [after, jump]) as server:
        assert bulk(server, 100, tmp_path) == {"updated": 100}
    assert sum(bool(each.refused) for each in server.seen) <= 40
    assert set(effects(server).values()) == {1}


def test_a_wrong_date_on_one_answer_fails_no_row(tmp_path: Path) -> None:
    wrong = {"at": "every request", "date": 10_800, "usable": True, "made": "yes", "times_met": 1}
    with serving(100, [wrong]) as server:
        assert bulk(server, 100, tmp_path) == {"updated": 100}
    assert set(effects(server).values()) == {1}


def test_a_wrong_secret_costs_at_most_20_calls_for_10_000_rows(tmp_path: Path) -> None:
    with serving(10, secret="another") as server:
        counts = bulk(server, 10_000, tmp_path)
    assert len(server.seen) <= 20
    assert counts["failed"] + counts["not_attempted"] == 10_000


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"nothing": True, "then": "close"}, {"status": 502, "body": "html"}]
)
def test_a_dead_server_stops_a_run_of_10_000_rows_early(fault: dict[str, Any], tmp_path: Path) -> None:
    with serving(10, [{"at": "every request", "made": "no", **fault}]) as server:
        counts = bulk(server, 10_000, tmp_path)
    assert len(server.seen) <= 400
    assert counts["failed"] + counts["not_attempted"] == 10_000
    assert server.records.effects == []
