"""What Airflow asks each of the cluster's machines: its name, which tells where a task ran."""

from __future__ import annotations

import os


def name() -> str:
    """Return the machine's name."""
    return os.environ["CLUSTER_MACHINE"]
