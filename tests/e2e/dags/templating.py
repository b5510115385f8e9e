"""Every way in which Airflow users write a payload, once with text rendering and once with native rendering."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.standard.operators.python import PythonOperator

from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.service import UpdateServiceOperator


def build(dag_id: str, native: bool) -> None:
    with DAG(
        dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        render_template_as_native_obj=native,
        params={"ids": [], "service_id": "", "title": "from params", "minutes": 20, "email": "", "active": True},
    ):

        def update(task_id: str, number: int, payload: object) -> UpdateAppointmentOperator:
            return UpdateAppointmentOperator(
                task_id=task_id, appointment_id=f"{{{{ params.ids[{number}] }}}}", payload=payload
            )

        @task
        def whole() -> dict:
            return {"title": "whole output", "reminders": [{"time": 5, "unit": "m"}]}

        @task(multiple_outputs=True)
        def parts() -> dict:
            return {"title": "a key of the output", "minutes": 15}

        @task
        def payloads() -> list:
            guest = {"email": "mapped.guest@example.com", "extraFields": {"phone": "+34600111999"}}
            return [{"title": "expanded", "guests": [guest]}, {"description": "expanded too"}]

        @task
        def updates(params: dict) -> list:
            return [{"appointment_id": params["ids"][6], "payload": {"title": "expand_kwargs"}}]

        whole_output, some_parts = whole(), parts()
        classic = PythonOperator(task_id="classic", python_callable=lambda: {"title": "classic output"})

        update("taskflow", 0, whole_output)
        update(
            "keys",
            1,
            {
                "title": some_parts["title"],
                "reminders": [{"time": some_parts["minutes"], "unit": "m"}],
                "extraFields": {"nested": {"deep": [some_parts["title"]]}},
            },
        )
        update(
            "jinja",
            2,
            {
                "title": "{{ params.title }}",
                "reminders": [{"time": "{{ params.minutes }}", "unit": "m"}],
                "guests": [{"email": "{{ params.email }}", "extraFields": {"firstName": "Ana"}}],
            },
        )
        update(
            "one_string",
            3,
            '{"title": "{{ params.title }}", "reminders": [{"time": {{ params.minutes }}, "unit": "m"}]}',
        )
        update("classic_output", 4, classic.output)
        UpdateAppointmentOperator.partial(task_id="expand", appointment_id="{{ params.ids[5] }}").expand(
            payload=payloads()
        )
        UpdateAppointmentOperator.partial(task_id="expand_kwargs").expand_kwargs(updates())
        update("pulled", 7, "{{ ti.xcom_pull(task_ids='whole') }}").set_upstream(whole_output.operator)
        UpdateServiceOperator(
            task_id="service",
            service_id="{{ params.service_id }}",
            payload={"maxTimeToSchedule": "{{ params.minutes }}", "active": "{{ params.active }}"},
            plan_only="{{ not params.active }}",
        )


build("templating_text", native=False)
build("templating_native", native=True)
