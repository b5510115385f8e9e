"""What a task tells Airflow of the records that it wrote, through its outlets."""

from __future__ import annotations

import json
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Asset, AssetAlias

from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.service import UpdateServiceOperator
from tests.bulk.server import LONG_AGO, record_id
from tests.documentation.blocks import block
from tests.loopback import ID
from tests.operators.conftest import RecordServer, TaskInstance, extra_of_alias, impatient

many = pytest.fixture(impatient)
EVERY = "appointments that this task wrote"


def accessors() -> Any:
    """Return what Airflow puts into a task's context as ``outlet_events``."""
    try:
        return import_module("airflow.sdk.execution_time.context").OutletEventAccessors()
    except ImportError:  # Airflow 2.11
        return import_module("airflow.utils.context").OutletEventAccessors()


def run(operator: Any, **context: Any) -> Any:
    """Run an operator as Airflow does, and return the events that it left."""
    events = accessors()
    operator.execute({"ti": TaskInstance(), "outlet_events": events, **context})
    return events


def of_alias(events: Any, alias: AssetAlias) -> dict[str, Any]:
    """Return the extra of each event of an alias, by the URI of the asset."""
    accessor = events[alias]
    if hasattr(accessor, "asset_alias_events"):
        return {each.dest_asset_key.uri: stored(each.extra) for each in accessor.asset_alias_events}
    return {each["dest_dataset_uri"]: stored(each["extra"]) for each in accessor.dataset_alias_events}


def stored(extra: Any) -> Any:
    """Return what Airflow stores as JSON."""
    return json.loads(json.dumps(extra))


def host_of(server: Any) -> str:
    return server.url.replace("http://", "onlive://")


def test_an_event_names_the_fields_that_were_sent_and_no_value(appointment_server: RecordServer) -> None:
    asset = Asset(f"{host_of(appointment_server)}/appointments/{ID}")
    guests = [{"email": "ana.lopez@example.com"}, {"email": "new@example.com"}]
    operator = UpdateAppointmentOperator(
        task_id="t",
        appointment_id=ID,
        payload={"title": "Moved", "reminders": [{"time": 15, "unit": "m"}], "guests": guests},
        outlets=[asset],
    )
    events = run(operator)
    assert stored(events[asset].extra) == {"fields": ["guests", "title"]}
    assert operator.outlets == [asset]


@pytest.mark.parametrize("why", ["unchanged", "planned"])
def test_an_asset_whose_record_was_not_written_is_no_outlet_of_this_run(service_server: RecordServer, why: str) -> None:
    host = host_of(service_server)
    other, alias = Asset("s3://bucket/file"), AssetAlias("services")
    operator = UpdateServiceOperator(
        task_id="t",
        service_id=ID,
        payload={"name": "Test drive" if why == "unchanged" else "New"},
        plan_only=why == "planned",
        outlets=[Asset(f"{host}/services/{ID}"), Asset(f"{host}/services"), other, alias],
    )
    events = run(operator)
    assert operator.outlets == [other, alias]
    assert of_alias(events, alias) == {}
    assert service_server.writes == []


def test_an_asset_that_stands_twice_among_the_outlets_is_none_of_them_if_nothing_was_written(
    service_server: RecordServer,
) -> None:
    uri = f"{host_of(service_server)}/services/{ID}"
    operator = UpdateServiceOperator(
        task_id="t", service_id=ID, payload={"name": "Test drive"}, outlets=[Asset(uri), Asset(uri)]
    )
    run(operator)
    assert operator.outlets == []


def test_a_reference_that_airflow_cannot_look_up_fails_no_task_and_the_log_says_what_that_means(
    service_server: RecordServer, caplog: pytest.LogCaptureFixture
) -> None:
    if not hasattr(Asset, "ref"):
        pytest.skip("Airflow 2 has no references to assets")
    reference = Asset.ref(name="services that nobody knows")
    operator = UpdateServiceOperator(task_id="t", service_id=ID, payload={"name": "New"}, outlets=[reference])
    run(operator)
    assert operator.outlets == [reference]
    assert "services that nobody knows" in caplog.text
    assert "it has an event in any case" in caplog.text


def test_an_asset_of_another_host_gets_no_event_and_the_log_says_why(
    service_server: RecordServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    asset = Asset(f"onlive://openapi.onlive.site/services/{ID}")
    operator = UpdateServiceOperator(task_id="t", service_id=ID, payload={"name": "New"}, outlets=[asset])
    run(operator)
    assert operator.outlets == []
    host = service_server.url.removeprefix("http://")
    assert f"{asset.uri} gets no event: the host of this task's Connection is {host}" in caplog.text


def test_records_put_back_have_events_too(many: Any) -> None:
    sides = {"before": {"title": "as it was"}, "after": {"title": "new"}}
    change = {"resource": "appointment", "id": record_id(1), **sides, "updatedAt": LONG_AGO}
    many.changed[record_id(1)] = {"title": "new"}
    alias = AssetAlias(EVERY)
    events = run(RevertUpdatesOperator(task_id="t", report=change, outlets=[alias]))
    assert of_alias(events, alias) == {f"{host_of(many)}/appointments/{record_id(1)}": extra_of_alias(fields=["title"])}


class StateStore(dict[str, Any]):
    """Keeps what a task wants to know at its retry, as Airflow 3.3 does."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


def test_what_an_earlier_try_wrote_has_its_event_when_a_retry_succeeds(many: Any) -> None:
    alias, store = AssetAlias(EVERY), StateStore()
    rows = [{"id": record_id(number), "title": "new"} for number in range(2)]
    operator = BulkUpdateAppointmentsOperator(task_id="t", updates=rows, outlets=[alias])
    many.before = lambda seen: (503, {}) if seen.id == record_id(1) else None
    with pytest.raises(Exception, match="1 of 2"):
        run(operator, task_state_store=store)
    many.before = lambda seen: None
    reads = len(many.requests)
    events = run(operator, task_state_store=store)
    assert {seen.id for seen in many.requests[reads:]} == {record_id(1)}
    host = host_of(many)
    assert of_alias(events, alias) == {
        f"{host}/appointments/{record_id(0)}": extra_of_alias(fields=[]),
        f"{host}/appointments/{record_id(1)}": extra_of_alias(fields=["title"]),
    }


def made_by(code: str, old: str, new: str) -> dict[str, Any]:
    """Return what a page's code makes, with something of it replaced."""
    assert old in code
    code = code.replace(old, new)
    made: dict[str, Any] = {}
    exec(code, made)
    return made


def test_the_asset_that_the_page_shows_has_its_event(service_server: RecordServer) -> None:
    service_server.record["duration"] = 30
    code = block("docs/assets.md", "Follow one record")
    made = made_by(code, "openapi.onlive.site", service_server.url.removeprefix("http://"))
    events = run(made["update"])
    assert stored(events[made["TEST_DRIVE"]].extra) == {"fields": ["duration"]}


def test_the_alias_that_the_page_shows_has_its_events(service_server: RecordServer, tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text(f"id,duration\n{ID},30\n")
    code = block("docs/assets.md", "Follow whatever a task writes")
    made = made_by(code, "s3://crm@exports/{{ run_id }}/rules.csv", str(rules))
    events = run(made["update"])
    uri = f"{host_of(service_server)}/services/{ID}"
    assert of_alias(events, made["SERVICES"]) == {uri: extra_of_alias(fields=["duration"])}
