"""The URIs of records as Airflow assets: ``onlive://HOST/services/ID``, or without the id for all of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from onlive_provider.privacy import UUID_PATTERN

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset
    from airflow.providers.common.compat.sdk import Asset

SCHEME = "onlive"
_PATH = re.compile(rf"/(?:services|appointments)(?:/{UUID_PATTERN.pattern})?", re.IGNORECASE)
_ACCEPTED = (
    "accepted are onlive://HOST/services/ID and onlive://HOST/appointments/ID, and the same without /ID for all "
    "services or appointments; HOST is the Connection's, with its port unless that is 443"
)


def host_of(base_url: str) -> str:
    """Return the host of a Connection as the URIs of its assets hold it.

    :param base_url: of the Connection, as :class:`~onlive_provider.client.settings.Settings` holds it.
    """
    return urlsplit(base_url).netloc.removesuffix(":443")


def collection_uri(base_url: str, resource: str) -> str:
    """Return the URI of all records of one kind.

    :param base_url: of the Connection, as :class:`~onlive_provider.client.settings.Settings` holds it.
    :param resource: ``appointment`` or ``service``.
    """
    return f"{SCHEME}://{host_of(base_url)}/{resource}s"


def record_uri(base_url: str, resource: str, record_id: str) -> str:
    """Return the URI of one record.

    :param base_url: of the Connection, as :class:`~onlive_provider.client.settings.Settings` holds it.
    :param resource: ``appointment`` or ``service``.
    :param record_id: its UUID, in any case of letters.
    """
    return f"{collection_uri(base_url, resource)}/{record_id.lower()}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return an asset's URI in the one form that it has. Airflow calls this for each ``onlive://`` URI in a DAG file.

    :raises ValueError: it names no record and no kind of record.
    """
    host = (uri.hostname or "").lower()
    if not host or uri.query or uri.fragment or "@" in uri.netloc or not _PATH.fullmatch(uri.path):
        raise ValueError(f"{uri.geturl()!r} is not the URI of an Onlive asset; {_ACCEPTED}")
    name = f"[{host}]" if ":" in host else host
    netloc = name if uri.port in (None, 443) else f"{name}:{uri.port}"
    return uri._replace(netloc=netloc, path=uri.path.lower())


def create_asset(*, base_url: str, resource: str, record_id: str | None = None, extra: Any = None) -> Asset:
    """Return the asset of a record, or of all records of its kind. Airflow's lineage collector calls this.

    :param base_url: of the Connection, such as ``https://openapi.onlive.site``.
    :param resource: ``appointment`` or ``service``.
    :param record_id: UUID of the record; without it the asset is that of all of its kind.
    """
    from airflow.providers.common.compat.sdk import Asset

    uri = collection_uri(base_url, resource) if record_id is None else record_uri(base_url, resource, record_id)
    return Asset(uri=uri, extra=extra)


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> OpenLineageDataset:
    """Return the OpenLineage dataset of an asset: the host is its namespace, ``services/ID`` its name."""
    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset

    parts = urlsplit(asset.uri)
    return OpenLineageDataset(namespace=f"{SCHEME}://{parts.netloc}", name=parts.path.lstrip("/"))
