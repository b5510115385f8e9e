"""Updates that tell Airflow which records they wrote. The host of the assets comes from the test."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, Asset, AssetAlias
from airflow.providers.standard.operators.empty import EmptyOperator

from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.service import UpdateServiceOperator

HOST = os.environ.get("ASSETS_HOST", "openapi.onlive.site")
IDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(103)]
APPOINTMENTS = f"onlive://{HOST}/appointments"
START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG("assets_of_one", schedule=None, start_date=START, params={"name": "", "service": IDS[0]}):
    UpdateServiceOperator(
        task_id="update",
        service_id="{{ params.service }}",
        payload={"name": "{{ params.name }}"},
        outlets=[Asset(f"onlive://{HOST}/services/{IDS[0]}"), AssetAlias("services that one task wrote")],
    )

NAMED = {"name": f"Madrid at {HOST}"} if hasattr(Asset, "ref") else {}  # An asset of Airflow 2 has no name.

with DAG("assets_followed", schedule=[Asset(uri=f"onlive://{HOST}/services/{IDS[2]}", **NAMED)], start_date=START):
    EmptyOperator(task_id="run")

references = {"name": NAMED, "uri": {"uri": f"onlive://{HOST}/services/{IDS[2]}"}} if NAMED else {}
for kind, names in references.items():
    with DAG(f"assets_by_{kind}", schedule=None, start_date=START, params={"name": ""}):
        UpdateServiceOperator(
            task_id="update",
            service_id=IDS[2],
            payload={"name": "{{ params.name }}"},
            outlets=[Asset.ref(**names)],
        )

with DAG("assets_of_many", schedule=None, start_date=START, render_template_as_native_obj=True):
    BulkUpdateAppointmentsOperator(
        task_id="update",
        updates="{{ dag_run.conf['updates'] }}",
        outlets=[
            Asset(APPOINTMENTS),
            Asset(f"{APPOINTMENTS}/{IDS[-1]}"),
            AssetAlias("appointments that one task wrote"),
        ],
    )
