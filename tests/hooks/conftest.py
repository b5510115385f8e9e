"""What the hook's tests share: a Connection in the environment, as Airflow itself would find it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from onlive_provider.hooks.onlive import OnliveHook
from tests.loopback import SECRET

_numbers = itertools.count(1)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., OnliveHook]:
    """Give a function that sets a Connection and returns the hook of it.

    Its parts are a Connection's; the settings of the extra come as ``extra={...}``.
    """

    def hook(host: str | None = None, **parts: Any) -> OnliveHook:
        # An access key of its own gives every test a budget of its own.
        written = {"login": f"AKHOOK{next(_numbers):04}", "password": SECRET, "host": host} | parts
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_UNDER_TEST", json.dumps({"conn_type": "onlive"} | written))
        return OnliveHook("onlive_under_test")

    return hook
