"""Runs a test once over each driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.drivers import DRIVERS, chosen


@pytest.fixture(params=list(DRIVERS))
def each_driver(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every client that the test opens with ``connect`` is of this driver."""
    with chosen(request.param):
        yield request.param
