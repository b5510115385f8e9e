"""The Connection of the Redis that keeps a cluster's budgets: found, read as Airflow reads it, its password hidden."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import Connection

from onlive_provider.client.budget.server import RedisServer
from onlive_provider.client.settings import Settings
from onlive_provider.errors import OnliveConfigError
from onlive_provider.hooks.onlive import OnliveHook

PASSWORD = "p4ss/w0rd+never=shown"


def settings(monkeypatch: pytest.MonkeyPatch, redis: str | dict[str, Any] | None, **extra: Any) -> Settings:
    onlive = {
        "conn_type": "onlive",
        "login": "AKONLIVE",
        "password": "s",
        "extra": {"budget_scope": "cluster", **extra},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", json.dumps(onlive))
    if redis is not None:
        conn_id = extra.get("budget_conn_id") or "redis_default"
        text = redis if isinstance(redis, str) else json.dumps({"conn_type": "redis", **redis})
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", text)
    return OnliveHook().get_settings()


@pytest.mark.parametrize(
    ("redis", "server"),
    [
        ({}, RedisServer("localhost")),
        ({"host": "redis.internal", "port": 6380}, RedisServer("redis.internal", 6380)),
        (
            {"host": "r", "login": "budget", "password": PASSWORD, "extra": {"db": 3}},
            RedisServer("r", db=3, username="budget", password=PASSWORD),
        ),
        (f"redis://:{quote(PASSWORD, safe='')}@r:6390/?db=2", RedisServer("r", 6390, db=2, password=PASSWORD)),
    ],
)
def test_the_connection_of_type_redis_is_looked_up_and_read(
    monkeypatch: pytest.MonkeyPatch, redis: Any, server: RedisServer
) -> None:
    found = settings(monkeypatch, redis)
    assert (found.budget_scope, found.budget_redis) == ("cluster", server)


def test_another_connection_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, {"host": "other"}, budget_conn_id="redis_other")
    assert found.budget_redis == RedisServer("other")


@pytest.mark.parametrize(
    "written", [{"ssl": True, "ssl_ca_certs": "/ca.pem"}, {"ssl": "true", "ssl_check_hostname": "False"}]
)
def test_an_encrypted_connection_is_asked_for_as_airflow_does(
    monkeypatch: pytest.MonkeyPatch, written: dict[str, Any]
) -> None:
    server = settings(monkeypatch, {"extra": {**written, "another": 1}}).budget_redis
    assert server is not None
    expected = (
        {"ssl": True, "ssl_ca_certs": "/ca.pem"}
        if "ssl_ca_certs" in written
        else {"ssl": True, "ssl_check_hostname": False}
    )
    assert server.tls == expected


@pytest.mark.parametrize(
    ("redis", "said"),
    [
        (None, r"names the Connection 'redis_default', which cannot be looked up"),
        (f"redis://:{PASSWORD}@http://x", r"which cannot be looked up \("),
        ({"conn_type": "http"}, r"which is of type http; accepted is one of type redis"),
        ({"extra": {"db": "first"}}, r"whose extra.db is not the number of a database"),
        ({"extra": "[1]"}, r"(whose extra is not a JSON object|cannot be looked up)"),
        ({"extra": "ssl"}, r"(whose extra is not a JSON object|cannot be looked up)"),
    ],
)
def test_one_that_cannot_be_used_is_an_error_that_names_it_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, redis: Any, said: str
) -> None:
    with pytest.raises(OnliveConfigError, match=said) as caught:
        settings(monkeypatch, redis)
    assert caught.value.setting == "extra.budget_conn_id"
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scope", ["host", "process", None])
def test_no_other_scope_looks_for_a_redis(monkeypatch: pytest.MonkeyPatch, scope: str | None) -> None:
    found = settings(monkeypatch, None, budget_scope=scope)
    assert (found.budget_scope, found.budget_redis) == (scope or "host", None)


def test_the_password_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, {"password": PASSWORD})
    assert PASSWORD not in repr(found) + repr(found.budget_redis) + str(Connection)


def test_the_test_button_names_a_redis_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, {})
    monkeypatch.delenv("AIRFLOW_CONN_REDIS_DEFAULT")
    works, message = OnliveHook().test_connection()
    assert not works
    assert message.startswith("The Connection cannot be used: extra.budget_conn_id: ")
