"""Airflow's own API server, with an auth manager that does not show everything to everybody."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

ROLES = {"viewer": "VIEWER", "admin": "ADMIN", "nobody": None, "other-team": "ADMIN", "no-xcom": "ADMIN"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class ApiServer:
    """A running server.

    :param tokens: by which it knows its users.
    """

    port: int
    tokens: Mapping[str, str]

    def ask(
        self,
        method: str,
        path: str,
        user: str | None = "viewer",
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
    ) -> Answer:
        """Send a path as it is written, with a user's cookie, as a browser does that follows a link."""
        cookie = {} if user is None else {"Cookie": f"_token={self.tokens[user]}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**cookie, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Start the server in a thread of this process."""
    import uvicorn
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False")
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "tests.e2e.doorkeeper.Doorkeeper")
        airflow_app.purge_cached_app()
        server = uvicorn.Server(
            uvicorn.Config(airflow_app.create_app(apps="core"), host="127.0.0.1", port=0, log_level="warning")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        manager = airflow_app.get_auth_manager()
        tokens = {
            name: manager.generate_jwt(SimpleAuthManagerUser(username=name, role=role)) for name, role in ROLES.items()
        }
        yield ApiServer(server.servers[0].sockets[0].getsockname()[1], tokens)
        server.should_exit = True
        thread.join()
    airflow_app.purge_cached_app()
    airflow_app.init_auth_manager()  # Other tests' applications go on with the one of their own settings.
