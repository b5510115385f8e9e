"""A running sandbox: its life, its data file, and what it shows to the program that runs it."""

from __future__ import annotations

import json
import socket
import threading
from uuid import uuid4

import pytest

from onlive_provider.sandbox.server import Sandbox
from onlive_provider.sandbox.store import StoreError


def test_it_listens_on_loopback_only(sandbox):
    assert sandbox.url == f"http://127.0.0.1:{sandbox.port}"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", sandbox.port))


def test_it_is_gone_when_it_is_left(clock):
    with Sandbox(clock=clock) as running:
        port = running.port
    assert "onlive-sandbox" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_it_takes_the_port_that_it_is_given(clock):
    with Sandbox(clock=clock) as running:
        port = running.port
    with Sandbox(clock=clock, port=port) as again:
        assert again.port == port


def test_a_taken_port_is_refused(sandbox, clock):
    with pytest.raises(OSError, match="Address already in use"):
        Sandbox(clock=clock, port=sandbox.port)


def test_two_sandboxes_share_nothing(clock, call_to, sandbox, service):
    with Sandbox(clock=clock) as other:
        call_to(other).put(f"/api/v1/services/{service['id']}", {"timeBetween": 5})
        assert other.record("services", service["id"])["timeBetween"] == 5
    assert sandbox.record("services", service["id"])["timeBetween"] == 15
    assert sandbox.calls() == []


def test_the_connection_points_to_it(sandbox):
    assert json.loads(sandbox.connection_json()) == {
        "conn_type": "onlive",
        "login": "onlive-sandbox",
        "password": "onlive-sandbox-secret",
        "host": sandbox.url,
    }


def test_a_data_file_keeps_everything(clock, call_to, tmp_path):
    path = tmp_path / "sandbox.db"
    with Sandbox(clock=clock, data=path) as first:
        service = first.records("services")[0]
        call_to(first).put(f"/api/v1/services/{service['id']}", {"timeBetween": 5})
        kept = first.records("services"), first.records("appointments"), first.notifications(), first.calls()
    clock.forward(days=3)
    with Sandbox(clock=clock, data=str(path)) as second:
        assert (
            second.records("services"),
            second.records("appointments"),
            second.notifications(),
            second.calls(),
        ) == kept
        assert second.record("services", service["id"])["timeBetween"] == 5


def test_a_file_that_is_no_database_is_refused_and_left_alone(clock, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk\n")
    with pytest.raises(StoreError, match=r"notes.txt: cannot be used .* file is not a database"):
        Sandbox(clock=clock, data=path)
    assert path.read_text() == "Remember the milk\n"


def test_an_empty_file_is_refused_and_left_alone(clock, tmp_path):
    path = tmp_path / "README.md"
    path.touch()
    with pytest.raises(StoreError, match=r"README.md: cannot be used as the sandbox's data file: the file is empty"):
        Sandbox(clock=clock, data=path)
    assert path.read_bytes() == b""


def test_a_data_file_in_a_missing_folder_is_refused(clock, tmp_path):
    with pytest.raises(StoreError, match="unable to open database file"):
        Sandbox(clock=clock, data=tmp_path / "none" / "sandbox.db")


def test_every_call_of_the_api_is_logged_and_no_other(caller, sandbox, upcoming):
    path = f"/api/v1/appointments/{upcoming['id']}"
    caller.get(path)
    caller.put(path, {"start": "x"})
    caller.send("GET", "/api/v1/services?page=1", b"", {})
    caller.send("GET", "/sandbox/state", b"", {})
    caller.send("GET", "/", b"", {})
    at = "2026-03-11T12:00:00.000Z"
    assert sandbox.calls() == [
        {"at": at, "method": "GET", "path": path, "status": 200},
        {"at": at, "method": "PUT", "path": path, "status": 400},
        {"at": at, "method": "GET", "path": "/api/v1/services", "status": 401},
    ]
    assert caller.send("GET", "/sandbox/calls", b"", {}).body == {"items": sandbox.calls()}


def test_an_unknown_record_is_a_key_error(sandbox):
    with pytest.raises(KeyError):
        sandbox.record("services", str(uuid4()))


def test_records_are_those_of_the_connections_organization(sandbox):
    assert {each["organizationId"] for each in sandbox.records("services")} == {sandbox.organization_id}
    foreign = {each["organizationId"] for each in sandbox.foreign_records("services")}
    assert len(foreign) == 1
    assert sandbox.organization_id not in foreign


def test_an_id_is_found_whatever_its_case(caller, upcoming):
    assert caller.get(f"/api/v1/appointments/{upcoming['id'].upper()}").body["id"] == upcoming["id"]


def test_without_a_clock_it_shows_the_machines_time():
    with Sandbox() as running:
        assert running.now()[:2] == "20"


def test_it_writes_nothing_into_the_log_of_the_program_that_runs_it(clock, call_to, caplog):
    caplog.set_level("INFO")
    with Sandbox(clock=clock) as running:
        call_to(running).get("/api/v1/services")
    assert caplog.messages == []
