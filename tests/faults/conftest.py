"""Fixtures of the fault tests."""

from __future__ import annotations

from tests.client.conftest import each_driver

__all__ = ["each_driver"]
