"""Asset events in a real Airflow: of what was written, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Asset

from tests.bulk.server import ManyRecords, record_id
from tests.e2e.conftest import DagRunResult, store_again
from tests.operators.conftest import connection_to, extra_of_alias

RunDag = Callable[..., DagRunResult]
ALL = 103


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Iterator[ManyRecords]:
    with ManyRecords(ALL, name="as it was") as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, writes_per_minute=100_000))
        monkeypatch.setenv("ASSETS_HOST", server.url.removeprefix("http://"))
        store_again("assets.py")
        yield server


def tables() -> tuple[Any, Any, str]:
    """Return the tables of events and of assets, and the column that joins them."""
    try:
        models = import_module("airflow.models.asset")
        return models.AssetEvent, models.AssetModel, "asset_id"
    except ImportError:  # Airflow 2.11 calls them datasets.
        models = import_module("airflow.models.dataset")
        return models.DatasetEvent, models.DatasetModel, "dataset_id"


def events(server: ManyRecords) -> list[tuple[str, Any]]:
    """Return path and extra of each event of the server's assets, the first one first."""
    from airflow.utils.session import create_session

    event, asset, asset_id = tables()
    with create_session() as session:
        found = session.query(asset.uri, event.extra).join(asset, getattr(event, asset_id) == asset.id)
        every = found.order_by(event.id).all()
    return [(uri.removeprefix(host_of(server)), extra) for uri, extra in every if uri.startswith(host_of(server))]


def assets(server: ManyRecords) -> list[str]:
    """Return the path of each asset of the server that Airflow knows."""
    from airflow.utils.session import create_session

    with create_session() as session:
        return [uri.removeprefix(host_of(server)) for (uri,) in session.query(tables()[1].uri).all()]


def unpause(dag_id: str) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(DagModel).filter_by(dag_id=dag_id).update({"is_paused": False})


def take_queued(dag_id: str) -> int:
    """Return for how many assets the scheduler has to start a DAG, and take them off its list."""
    from airflow.utils.session import create_session

    try:
        queue = import_module("airflow.models.asset").AssetDagRunQueue
    except ImportError:
        queue = import_module("airflow.models.dataset").DatasetDagRunQueue
    with create_session() as session:
        return int(session.query(queue).filter_by(target_dag_id=dag_id).delete())


def host_of(server: ManyRecords) -> str:
    return server.url.replace("http:", "onlive:") + "/"


def test_a_service_has_an_event_when_it_was_written_and_none_when_it_stayed_as_it_was(
    run_dag: RunDag, server: ManyRecords
) -> None:
    one = f"services/{record_id(0)}"
    assert run_dag("assets_of_one", conf={"name": "as it is"}).state == "success"
    assert events(server) == [(one, {"fields": ["name"]}), (one, extra_of_alias(fields=["name"]))]
    assert run_dag("assets_of_one", conf={"name": "as it is"}).state == "success"
    assert len(events(server)) == 2
    assert sum(server.writes.values()) == 1


def test_an_outlet_of_another_service_has_no_event(run_dag: RunDag, server: ManyRecords) -> None:
    assert run_dag("assets_of_one", conf={"name": "as it is", "service": record_id(1)}).state == "success"
    assert events(server) == [(f"services/{record_id(1)}", extra_of_alias(fields=["name"]))]


def test_the_event_is_of_the_asset_that_another_dag_follows_under_its_own_name(
    run_dag: RunDag, server: ManyRecords
) -> None:
    assert run_dag("assets_of_one", conf={"name": "as it is", "service": record_id(2)}).state == "success"
    assert events(server) == [(f"services/{record_id(2)}", extra_of_alias(fields=["name"]))]
    assert assets(server).count(f"services/{record_id(2)}") == 1


def test_the_dag_that_follows_is_to_run_after_a_change_and_not_after_a_run_without_one(
    run_dag: RunDag, server: ManyRecords
) -> None:
    unpause("assets_followed")
    changed = {"name": "as it is", "service": record_id(2)}
    assert run_dag("assets_of_one", conf=changed).state == "success"
    assert take_queued("assets_followed") == 1
    assert run_dag("assets_of_one", conf=changed).state == "success"
    assert take_queued("assets_followed") == 0


@pytest.mark.skipif(not hasattr(Asset, "ref"), reason="Airflow 2 has no references to assets")
@pytest.mark.parametrize("kind", ["name", "uri"])
def test_an_outlet_that_refers_to_an_asset_has_an_event_when_it_was_written_and_none_otherwise(
    run_dag: RunDag, server: ManyRecords, kind: str
) -> None:
    for name in ("as it was", "as it is", "as it is"):
        assert run_dag(f"assets_by_{kind}", conf={"name": name}).state == "success"
    assert events(server) == [(f"services/{record_id(2)}", {"fields": ["name"]})]


def test_a_bulk_task_has_an_event_for_each_appointment_that_it_wrote(run_dag: RunDag, server: ManyRecords) -> None:
    titles = ["new", "as it was", "new"]
    updates = [{"id": record_id(number), "title": title} for number, title in enumerate(titles)]
    assert run_dag("assets_of_many", conf={"updates": updates}).state == "success"
    assert sorted(events(server)) == [
        ("appointments", {"fields": ["title"], "records": 2}),
        (f"appointments/{record_id(0)}", extra_of_alias(fields=["title"])),
        (f"appointments/{record_id(2)}", extra_of_alias(fields=["title"])),
    ]


def test_a_task_that_wrote_more_than_a_hundred_has_one_event_of_all_and_those_that_its_outlets_name(
    run_dag: RunDag, server: ManyRecords
) -> None:
    updates = [{"id": record_id(number), "title": "new"} for number in range(ALL)]
    assert run_dag("assets_of_many", conf={"updates": updates}).state == "success"
    assert sorted(events(server), key=str) == [
        ("appointments", {"fields": ["title"], "records": ALL}),
        ("appointments", extra_of_alias(fields=["title"], records=ALL)),
        (f"appointments/{record_id(ALL - 1)}", {"fields": ["title"]}),
    ]


def test_a_red_task_has_no_event(run_dag: RunDag, server: ManyRecords) -> None:
    updates = [{"id": record_id(0), "title": "new"}, {"id": record_id(ALL), "title": "new"}]
    assert run_dag("assets_of_many", conf={"updates": updates}).state == "failed"
    assert server.changed[record_id(0)]["title"] == "new"
    assert events(server) == []
