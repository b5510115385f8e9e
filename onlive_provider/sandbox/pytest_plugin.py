"""The pytest fixture ``onlive_sandbox``: a fresh local Onlive API with its Airflow Connection set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox


@pytest.fixture
def onlive_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox of its own to one test, in memory, with ``AIRFLOW_CONN_ONLIVE_DEFAULT`` pointing to it."""
    from onlive_provider.sandbox.server import Sandbox

    with Sandbox() as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", sandbox.connection_json())
        yield sandbox
