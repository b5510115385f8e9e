"""The database of a sandbox."""

from __future__ import annotations

import pytest

from onlive_provider.sandbox.brand import build_brand
from onlive_provider.sandbox.store import Store


@pytest.fixture
def store(clock):
    store = Store()
    store.load(build_brand(clock()))
    yield store
    store.close()


def test_an_error_inside_a_transaction_undoes_its_writes_and_its_log(store):
    organization_id = store.organizations()[0]["id"]
    service = store.records("services", organization_id)[0]
    version = store.version

    def write_and_fail():
        with store.transaction():
            store.save("services", {**service, "name": "Half done"})
            store.add_to_log("notifications", [{"to": "nobody"}])
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        write_and_fail()
    assert store.record("services", service["id"]) == service
    assert store.log("notifications") == []
    assert store.version >= version


def test_the_version_grows_with_every_write(store):
    organization_id = store.organizations()[0]["id"]
    service = store.records("services", organization_id)[0]
    before = store.version
    with store.transaction():
        store.save("services", service)
    between = store.version
    store.add_to_log("calls", [{"status": 200}])
    assert before < between < store.version
