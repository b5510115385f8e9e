"""The Airflow Connections of the programs, as environment variables."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit


def set_connections(job: dict[str, Any]) -> None:
    """Set ``onlive_default`` and ``http_default`` for this process."""
    budgets = {name: job[name] for name in ("reads_per_minute", "writes_per_minute")}
    onlive = {"conn_type": "onlive", "login": "KEY", "password": "secret", "host": job["url"], "extra": budgets}
    address = urlsplit(job["url"])
    http = {"conn_type": "http", "host": f"http://{address.hostname}", "port": address.port}
    os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"] = json.dumps(onlive)
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps(http)


class TaskInstance:
    """What an operator's ``execute`` sees of its task instance outside Airflow's scheduler."""

    dag_id, run_id, task_id, map_index = "benchmark", "run", "update", -1

    def xcom_push(self, key: str, value: Any) -> None:
        """Drop a value."""
