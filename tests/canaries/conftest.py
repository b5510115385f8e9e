"""A clock on which no wait takes time."""

from __future__ import annotations

import time

import pytest

from onlive_provider.hooks.onlive import OnliveHook
from tests.loopback import FakeClock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnliveHook, "clock", FakeClock(time.time()))
