"""A mapped task's name says what a person knows it by and what came of it, and never whose appointment it is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from onlive_provider import errors
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateServicesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from onlive_provider.operators.service import UpdateServiceOperator
from tests.loopback import ID, reply
from tests.operators.conftest import MakeFleet, RecordServer, TaskInstance
from tests.rollout.fleet import SUMMER, in_order, service, service_id

SHORT = ID[:8]
LUCIA = {"email": "lucia.garcia@example.com", "extraFields": {"firstName": "Lucia", "lastName": "García"}}


class Mapped(TaskInstance):
    """What a mapped operator sees of its task instance."""

    map_index = 3


def context_of(operator: Any, ti: Any = None, **context: Any) -> dict[str, Any]:
    """Run an operator, whatever comes of it; return its context as Airflow finds it afterwards."""
    context = {"ti": ti or Mapped(), **context}
    with suppress(errors.OnliveError, AirflowSkipException):
        operator.execute(context)
    return context


def label_of(operator: Any) -> str:
    return str(context_of(operator)["onlive_label"])


def appointment(payload: dict[str, Any] | None = None, **arguments: Any) -> UpdateAppointmentOperator:
    given = {"appointment_id": ID, "payload": payload or {"state": "confirmed"}, **arguments}
    return UpdateAppointmentOperator(task_id="update", **given)


def of_service(payload: dict[str, Any], **arguments: Any) -> UpdateServiceOperator:
    return UpdateServiceOperator(task_id="update", service_id=ID, payload=payload, **arguments)


def test_a_service_is_known_by_its_name_and_the_outcome(service_server: RecordServer) -> None:
    assert label_of(of_service({"duration": 60})) == "Test drive: updated"
    assert label_of(of_service({"duration": 60})) == "Test drive: unchanged"
    assert label_of(of_service({"duration": 45}, plan_only=True)) == "Test drive: planned"
    assert label_of(of_service({"name": "Demo"})) == "Demo: updated"


def test_an_appointment_is_known_by_its_title_a_short_id_and_the_outcome(appointment_server: RecordServer) -> None:
    appointment_server.record |= {"title": "Product demo · Lucía García", "guests": [LUCIA]}
    assert label_of(appointment()) == f"Product demo {SHORT}: updated"
    assert label_of(appointment()) == f"Product demo {SHORT}: unchanged"


def test_a_title_in_which_nobody_can_tell_the_guests_name_is_not_shown(appointment_server: RecordServer) -> None:
    appointment_server.record |= {"title": "Visit of Lucía García", "guests": [{"email": "lg@example.com"}]}
    assert label_of(appointment()) == f"{SHORT}: updated"


def test_a_failed_task_says_so_with_what_was_known_by_then(
    appointment_server: RecordServer, service_server: RecordServer
) -> None:
    service_server.answers_to_put = [reply(422, {"message": "Not allowed", "errors": []})]
    assert label_of(of_service({"duration": 60})) == "Test drive: failed (422)"
    service_server.answers_to_get = [reply(404, {"message": "Not found", "errors": []})]
    assert label_of(of_service({"duration": 60})) == f"{SHORT}: failed (404)"
    assert label_of(of_service({"length": 60})) == f"{SHORT}: failed"
    assert label_of(appointment(appointment_id="ana@example.com")) == "failed"


def test_a_skipped_task_says_so(service_server: RecordServer) -> None:
    service_server.answers_to_get = [reply(404, {"message": "Not found", "errors": []})]
    assert label_of(of_service({"duration": 60}, on_not_found="skip")) == f"{SHORT}: skipped"


def test_a_bulk_task_is_known_by_what_came_of_its_rows(service_server: RecordServer) -> None:
    def bulk(*rows: dict[str, Any]) -> BulkUpdateServicesOperator:
        return BulkUpdateServicesOperator(task_id="bulk", updates=list(rows))

    assert label_of(bulk({"id": ID, "duration": 60}, {"id": "x"})) == "1 updated, 1 failed"
    assert label_of(bulk()) == "no rows"
    operator = BulkUpdateServicesOperator(task_id="bulk", updates=[], allowed_failures="many")
    assert label_of(operator) == "failed"


def test_a_rollout_is_known_by_its_season_and_what_was_put_back(make_fleet: MakeFleet) -> None:
    ids = [service_id(number) for number in range(4)]
    made = make_fleet([service(number) for number in range(4)])
    made.refuse(in_order(ids)[1])
    operator = RolloutDateRangesOperator(
        task_id="rollout", service_ids=ids, season=SUMMER, batches=("25%", "50%", "100%"), concurrency=1
    )
    assert label_of(operator) == "summer, Europe/Madrid: 1 put back, 1 failed, 2 not attempted"


def test_only_a_mapped_task_without_a_template_of_its_authors_is_given_one(service_server: RecordServer) -> None:
    operator = of_service({"duration": 60})
    assert context_of(operator)["map_index_template"] == "{{ onlive_label }}"
    assert context_of(operator, map_index_template="{{ x }}")["map_index_template"] == "{{ x }}"
    assert context_of(operator, map_index_template=None)["map_index_template"] == "{{ onlive_label }}"
    assert "map_index_template" not in context_of(operator, ti=TaskInstance())


def test_a_long_name_leaves_the_outcome_in_view(service_server: RecordServer) -> None:
    service_server.record["name"] = "x" * 5000
    label = label_of(of_service({"duration": 60}))
    assert len(label) < 100
    assert label.endswith("…: updated")


@pytest.mark.parametrize("name", ["+34 600 000 000", "ana@example.com"])
def test_what_looks_like_guests_data_in_a_services_name_is_taken_out(service_server: RecordServer, name: str) -> None:
    service_server.record["name"] = f"Call {name}\nnow"
    label = label_of(of_service({"duration": 60}))
    assert name not in label
    assert label.startswith("Call <")
    assert label.endswith("> now: updated")
