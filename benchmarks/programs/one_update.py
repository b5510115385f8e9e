"""One operator's ``execute``, many times over: ``UpdateAppointmentOperator`` or ``HttpOperator`` with the same body."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.data import NEW_LANG, OLD_LANG, PATH, record_id
from benchmarks.programs import Program
from benchmarks.programs.connections import TaskInstance, set_connections

program = Program()
job = program.job
set_connections(job)
body = {"lang": NEW_LANG if job["changed"] else OLD_LANG}

update: Any
if job["operator"] == "HttpOperator":
    from airflow.providers.http.operators.http import HttpOperator

    update = HttpOperator(
        task_id="update",
        method="PUT",
        endpoint=f"{PATH}{record_id(0)}",
        data=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
else:
    from onlive_provider.operators.appointment import UpdateAppointmentOperator

    update = UpdateAppointmentOperator(
        task_id="update", appointment_id=record_id(0), payload=body, only_changed=job["only_changed"]
    )

update.execute({"ti": TaskInstance()})
with program:
    for _ in range(job["times"]):
        update.execute({"ti": TaskInstance()})
