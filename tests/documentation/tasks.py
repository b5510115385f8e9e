"""Tasks that the documentation's code defines, run as Airflow runs them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from tests.bulk.child import task_instance


def operators_of(code: str, folder: Path, **names: Any) -> dict[str, Any]:
    """Return the tasks that code defines, by their ids, with a folder of the test in the place of object storage.

    :param names: what the page leaves to its reader; they then hold what the code defines.
    """
    with DAG("page", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None) as dag:
        exec(re.sub(r"s3://[\w.@-]+/", f"{folder}/", code), names)
    return dict(dag.task_dict)


def run(operator: Any, **names: str) -> Any:
    """Render a task's templates and run it.

    :param names: what it knows of itself, such as its ``dag_id``.
    """
    ti = task_instance(**names)
    operator.render_template_fields({"ti": ti, "ds": "2030-03-10", "run_id": "run"})
    return operator.execute({"ti": ti})
