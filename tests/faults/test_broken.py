"""A client that breaks a promise turns the rows of that promise red, and no others: the table can fail."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.drive import SECRET, Result, Run, carry_out
from tests.faults.judge import verdict
from tests.faults.records import TARGET
from tests.faults.server import FaultServer
from tests.faults.table import load
from tests.faults.wire import encoded, signature

FAULTS = {fault.name: fault for fault in load()}
PATH = f"/api/v1/appointments/{TARGET}"


def call(server: FaultServer, method: str, body: bytes = b"") -> tuple[int, Any]:
    """Make one signed call on a connection of its own."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(server.clock.time()))
    signed = signature(method, PATH, date, body, SECRET)
    headers = {
        "x-onlive-site-date": date,
        "Authorization": f"ONLIVESITE Credential:{server.key}, Signature={signed}",
        "Content-Type": "application/json",
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, PATH, body or None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def broken(*, looks_up: bool, believes: bool) -> Callable[[Run, Path], None]:
    """Return a single update as a careless client makes it.

    :param looks_up: whether it reads the record before it sends a lost write again.
    :param believes: whether it takes any 200 for the record.
    """

    def flow(run: Run, folder: Path) -> None:
        server = run.server
        call(server, "GET")
        for _ in range(3):
            status, document = call(server, "PUT", encoded(run.sent))
            if status == 200 and (believes or document.get("id") == TARGET):
                run.results[TARGET] = Result("updated")
                return
            if 400 <= status < 500:
                run.results[TARGET] = Result("failed", "OnliveBadRequestError", f"the server answered {status}")
                return
            server.clock.sleep(1.0)
            if looks_up and call(server, "GET")[1]["title"] == run.sent["title"]:
                run.results[TARGET] = Result("updated")
                return
        run.results[TARGET] = Result("failed", "OnliveUnknownFateError")

    return flow


LOST = "reset after the request, made"
BELIEVED = "200 with the object {}, not made"


@pytest.mark.parametrize(
    ("looks_up", "believes", "red"),
    [
        (True, False, {}),
        (False, False, {LOST: "2 effects", BELIEVED: "0 look-ups"}),
        (True, True, {BELIEVED: "0 effects"}),
    ],
)
def test_a_broken_promise_turns_its_rows_red(
    looks_up: bool, believes: bool, red: dict[str, str], tmp_path: Path
) -> None:
    flow = broken(looks_up=looks_up, believes=believes)
    for name in (LOST, BELIEVED, "400 with the API's own body", "every Date none"):
        said = verdict(carry_out(FAULTS[name].cases["single"], tmp_path, flow))
        assert bool(said) == (name in red), said
        assert red.get(name, "") in said
        assert not said or said.startswith(f"single: {name}: expected updated")


def test_a_secret_in_a_file_turns_a_row_red(tmp_path: Path) -> None:
    careful = broken(looks_up=True, believes=False)

    def careless(run: Run, folder: Path) -> None:
        careful(run, folder)
        (folder / "notes.txt").write_text(f"signed with {SECRET}")

    said = verdict(carry_out(FAULTS[LOST].cases["single"], tmp_path, careless))
    assert "a file shows the secret" in said
