from __future__ import annotations

from tests.operators.conftest import appointment_server, clock

__all__ = ["appointment_server", "clock"]
