"""The URIs of Onlive assets, as Airflow itself reads them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import Asset

from onlive_provider.assets.onlive import (
    collection_uri,
    convert_asset_to_openlineage,
    create_asset,
    record_uri,
    sanitize_uri,
)
from tests.loopback import ID


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"onlive://openapi.onlive.site/services/{ID}", f"onlive://openapi.onlive.site/services/{ID}"),
        (f"ONLIVE://OpenAPI.Onlive.site/Services/{ID.upper()}", f"onlive://openapi.onlive.site/services/{ID}"),
        (f"onlive://openapi.onlive.site:443/appointments/{ID}/", f"onlive://openapi.onlive.site/appointments/{ID}"),
        (f"onlive://127.0.0.1:8765/services/{ID}", f"onlive://127.0.0.1:8765/services/{ID}"),
        ("onlive://[::1]:8765/services", "onlive://[::1]:8765/services"),
        ("onlive://openapi.onlive.site/appointments/", "onlive://openapi.onlive.site/appointments"),
    ],
)
def test_airflow_reads_every_spelling_of_a_uri_as_the_one_that_is_emitted(written, read):
    assert Asset(uri=written).uri == read


@pytest.mark.parametrize(
    "uri",
    [
        "onlive://openapi.onlive.site",
        f"onlive://openapi.onlive.site/service/{ID}",
        "onlive://openapi.onlive.site/services/42",
        f"onlive://openapi.onlive.site/services/{ID}/slots",
        f"onlive://openapi.onlive.site/services/{ID}?page=1",
        f"onlive:///services/{ID}",
        f"onlive://key@openapi.onlive.site/services/{ID}",
    ],
)
def test_a_uri_that_names_no_record_is_refused_and_the_accepted_form_is_shown(uri):
    with pytest.raises(ValueError, match="accepted are onlive://HOST/services/ID") as refused:
        sanitize_uri(urlsplit(uri))
    assert urlsplit(uri).geturl() in str(refused.value)


def test_what_is_emitted_is_what_airflow_makes_of_it():
    for base_url in (
        "https://openapi.onlive.site",
        "http://127.0.0.1:8765",
        "http://[::1]:8765",
        "http://127.0.0.1:443",
    ):
        for uri in (collection_uri(base_url, "appointment"), record_uri(base_url, "service", ID.upper())):
            assert Asset(uri=uri).uri == uri


def test_the_factory_makes_the_asset_of_a_record_and_of_all_records():
    one = create_asset(base_url="https://openapi.onlive.site", resource="service", record_id=ID)
    every = create_asset(base_url="https://openapi.onlive.site", resource="service")
    assert one.uri == f"onlive://openapi.onlive.site/services/{ID}"
    assert every.uri == "onlive://openapi.onlive.site/services"


def test_lineage_calls_a_record_by_its_host_and_its_path():
    dataset = convert_asset_to_openlineage(Asset(uri=f"onlive://openapi.onlive.site/services/{ID}"), None)
    assert (dataset.namespace, dataset.name) == ("onlive://openapi.onlive.site", f"services/{ID}")
