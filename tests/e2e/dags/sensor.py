"""The sensor in each of its ways to wait, without a pause between the reads of those that wait in a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from onlive_provider.sensors.appointment import AppointmentStateSensor

WAYS: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke", "poke_interval": 0},
    "reschedule": {"mode": "reschedule", "poke_interval": 0},
    "deferrable": {"deferrable": True, "poke_interval": 300},
}


def build(way: str) -> None:
    with DAG(
        f"sensor_{way}",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        params={"appointment_id": "", "failure_states": [], "states": ["confirmed"]},
    ):
        AppointmentStateSensor(
            task_id="wait",
            appointment_id="{{ params.appointment_id }}",
            states="{{ params.states }}",
            failure_states="{{ params.failure_states }}",
            timeout=3600,
            retries=2,
            **WAYS[way],
        )


for each in WAYS:
    build(each)
