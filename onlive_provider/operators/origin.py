"""Which task instance writes a report, and where Airflow shows it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import conf
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from onlive_provider.report.origin import Origin


def origin_of(ti: Any, timezone: str | None) -> Origin:
    """Return the origin of what a task instance writes.

    :param timezone: name of the IANA time zone in which the author thinks, if it is known.
    """
    map_index = getattr(ti, "map_index", None)
    return Origin(
        dag_id=str(getattr(ti, "dag_id", "")),
        run_id=str(getattr(ti, "run_id", "")),
        task_id=str(getattr(ti, "task_id", "")),
        map_index=map_index if isinstance(map_index, int) and map_index >= 0 else None,
        try_number=getattr(ti, "try_number", None) or None,
        task_url=task_url(ti),
        timezone=timezone,
    )


def task_url(ti: Any) -> str | None:
    """Return the address of a task instance's logs in Airflow's web interface.

    :return: ``None`` where Airflow 3 is not told its own address (``[api] base_url``).
    """
    if not AIRFLOW_V_3_0_PLUS:
        url = getattr(ti, "log_url", None)
        return str(url) if url else None
    base = conf.get("api", "base_url", fallback=None)
    if not base:
        return None
    dag, run, task = (quote(str(getattr(ti, name, "")), safe="") for name in ("dag_id", "run_id", "task_id"))
    map_index, try_number = getattr(ti, "map_index", None), getattr(ti, "try_number", None)
    mapped = f"/mapped/{map_index}" if isinstance(map_index, int) and map_index >= 0 else ""
    query = f"?try_number={try_number}" if try_number else ""
    return f"{base.rstrip('/')}/dags/{dag}/runs/{run}/tasks/{task}{mapped}{query}"
