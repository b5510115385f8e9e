"""The pytest fixture ``onlive_sandbox``: a fresh local Onlive API with its Airflow Connection set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox


_MARKER = "onlive_sandbox(**options): the fixture onlive_sandbox is made with these, which are those of Sandbox"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that takes the fixture's options."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def onlive_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox of its own to one test, in memory, with ``AIRFLOW_CONN_ONLIVE_DEFAULT`` pointing to it.

    ``@pytest.mark.onlive_sandbox(now="2025-03-01T00:00:00Z", normalize=True)`` on a test, a class or a module gives it
    the options of :class:`onlive_provider.sandbox.server.Sandbox`. Several markers are joined, the nearest last.
    """
    from onlive_provider.sandbox.server import Sandbox

    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("onlive_sandbox"))):
        if marker.args:
            raise pytest.UsageError("the marker onlive_sandbox takes named options only, those of Sandbox")
        options |= marker.kwargs
    with Sandbox(**options) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", sandbox.connection_json())
        yield sandbox
