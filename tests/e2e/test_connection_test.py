"""Airflow's Test button, as its web interface asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_3_PLUS

from tests.e2e.api_server import Answer, ApiServer, api_server
from tests.loopback import LoopbackServer, fresh_credentials, reply

pytestmark = pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="older Airflows test any port that is posted")
CONNECTIONS = "/api/v2/connections"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(airflow_database: None) -> Iterator[ApiServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
        with api_server() as running:
            yield running


@pytest.fixture
def onlive() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.otherwise = lambda request: reply(200, {"items": []})
        yield running


@pytest.fixture
def posted(server: ApiServer, onlive: LoopbackServer) -> Iterator[dict[str, Any]]:
    """Store a Connection without a port, as the form does; yield what the Test button posts of it."""
    credentials = fresh_credentials()
    stored = {
        "connection_id": "of_a_form",
        "conn_type": "onlive",
        "host": onlive.url,
        "login": credentials.access_key_id,
        "password": credentials.secret_access_key,
        "extra": '{"budget_scope": "process"}',
    }
    answer = server.ask("POST", CONNECTIONS, "admin", JSON, json.dumps(stored).encode())
    assert answer.status == 201
    yield {**stored, "password": "***", "port": 0, "schema": "", "description": ""}
    assert server.ask("DELETE", f"{CONNECTIONS}/of_a_form", "admin").status == 204


def press(server: ApiServer, posted: dict[str, Any], user: str | None = "admin") -> Answer:
    return server.ask("POST", f"{CONNECTIONS}/test", user, JSON, json.dumps(posted).encode())


def test_a_connection_without_a_port_is_tested(
    server: ApiServer, onlive: LoopbackServer, posted: dict[str, Any]
) -> None:
    answer = press(server, posted)
    assert answer.status == 200
    assert json.loads(answer.body) == {"status": True, "message": f"It works: {onlive.url} accepts the access key"}
    assert [request.method for request in onlive.requests] == ["GET"]
    stored = json.loads(server.ask("GET", f"{CONNECTIONS}/of_a_form", "admin").body)
    assert stored["port"] is None


def test_a_request_that_comes_in_pieces_is_read_whole(
    server: ApiServer, onlive: LoopbackServer, posted: dict[str, Any]
) -> None:
    whole = json.dumps(posted).encode()
    pieces = (whole[at : at + 20] for at in range(0, len(whole), 20))
    assert server.ask("POST", f"{CONNECTIONS}/test", "admin", JSON, pieces).status == 200
    assert len(onlive.requests) == 1


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("viewer", 403)])
def test_who_may_not_test_a_connection_still_may_not(
    server: ApiServer, onlive: LoopbackServer, posted: dict[str, Any], user: str | None, status: int
) -> None:
    assert press(server, posted, user).status == status
    assert onlive.requests == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"port": 8443}, 400),
        ({"host": "https://elsewhere.example"}, 400),
        ({"conn_type": "http"}, 400),
        ({"description": "d" * 2**21}, 400),
        ({"port": "0"}, 400),
        ({"port": "no number"}, 422),
    ],
    ids=str,
)
def test_whatever_else_is_asked_gets_airflows_own_answer(
    server: ApiServer, onlive: LoopbackServer, posted: dict[str, Any], changed: dict[str, Any], status: int
) -> None:
    assert press(server, {**posted, **changed}).status == status
    assert onlive.requests == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"[]", 422), (b"{", 422), (b"\xff", 400), (b"[" * 50_000, 400)],
    ids=lambda given: repr(given)[:8],
)
def test_what_is_no_connection_gets_airflows_own_answer(server: ApiServer, body: bytes, status: int) -> None:
    assert server.ask("POST", f"{CONNECTIONS}/test", "admin", JSON, body).status == status
