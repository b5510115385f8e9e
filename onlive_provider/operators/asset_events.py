"""Asset events of a task: one for each record that it wrote, and none for what it left as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import Asset, AssetAlias
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_1_PLUS

from onlive_provider.assets.onlive import SCHEME, collection_uri, host_of, record_uri

try:
    from airflow.sdk.definitions.asset import AssetRef
except ImportError:  # Airflow 2.11 has none.
    AssetRef = ()  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from onlive_provider.report.outcomes import Outcome

MAX_RECORDS = 100
"""The most records of which a task emits an event each through an ``AssetAlias``.

Airflow stores the events while it takes note of the task's success, and gives up on that after some seconds. A task
that wrote more records emits one event for all of their kind.
"""
ALIAS_TAKES_NAMES = AIRFLOW_V_3_1_PLUS or not AIRFLOW_V_3_0_PLUS
"""Whether an alias's event may hold a list. Airflow 3.0 fails on one, and then fails the task that has succeeded."""

log = logging.getLogger(__name__)


class AssetEvents:
    """Collects which records a task wrote, and tells Airflow through the task's ``outlets``.

    An ``Asset`` among the outlets whose URI begins with ``onlive://`` gets its event only if the record was written,
    or any record where it stands for all of a kind. So does an ``Asset.ref``. An ``AssetAlias`` gets an event for each
    record.

    The ``extra`` of an event is ``{"fields": [names of the fields that were sent]}``, and of one for several records
    also ``"records"``, their number. It holds no values. In Airflow 3.0 an alias's event has no ``"fields"``.

    :param outlets: of the task.
    :param base_url: of the Connection.
    :param context: of the task.
    """

    def __init__(self, outlets: Iterable[Any], base_url: str, context: Context) -> None:
        outlets = list(outlets)
        self._base_url = base_url
        known = [(each, _uri_of(each, context)) for each in outlets]
        self._outlets = [(each, uri) for each, uri in known if uri.startswith(f"{SCHEME}://")]
        self._uris = {uri for _, uri in self._outlets}
        self._aliases = [each for each in outlets if isinstance(each, AssetAlias)]
        self._records: dict[str, set[str]] = {}
        self._collections: dict[str, tuple[int, set[str]]] = {}
        host = host_of(base_url)
        for uri in sorted(self._uris):
            if urlsplit(uri).netloc != host:
                log.warning("outlets: %s gets no event: the host of this task's Connection is %s", uri, host)

    @property
    def are_wanted(self) -> bool:
        """Whether the task has outlets that get events."""
        return bool(self._outlets or self._aliases)

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of a record."""
        if outcome.outcome == "updated" and outcome.id is not None and outcome.resource is not None:
            self.add_written(outcome.resource, outcome.id, outcome.after)

    def add_written(self, resource: str, record_id: str, fields: Iterable[str]) -> None:
        """Take a record that was written.

        :param fields: names of those that were sent.
        """
        uri, collection = record_uri(self._base_url, resource, record_id), collection_uri(self._base_url, resource)
        number, names = self._collections.get(collection, (0, set()))
        names.update(fields)
        self._collections[collection] = number + 1, names
        if uri in self._uris or uri in self._records or len(self._records) < MAX_RECORDS + len(self._uris):
            self._records.setdefault(uri, set()).update(fields)

    def finish(self) -> None:
        """Do nothing: Airflow takes events at the end of a task that succeeded, and only then."""

    def emit(self, operator: BaseOperator, context: Context) -> None:
        """Hand the events to Airflow, and leave out the outlets that get none."""
        if not self.are_wanted:
            return
        events: Any = context["outlet_events"]
        for outlet, uri in self._outlets:
            extra = self._extra(uri)
            if extra is None:
                operator.outlets = [each for each in operator.outlets if each is not outlet]
            else:
                events[outlet].extra.update(extra)
        written = self._written() if self._aliases else {}
        for alias in self._aliases:
            for uri, extra in written.items():
                _add(events[alias], uri, _of_alias(extra))

    def _written(self) -> Mapping[str, dict[str, Any]]:
        """Return the events of an alias by the URI of their assets."""
        number = sum(number for number, _ in self._collections.values())
        if number <= MAX_RECORDS:
            return {uri: {"fields": _names(fields)} for uri, fields in self._records.items()}
        named = " and ".join(self._collections)
        log.info("%s records were written, more than %s: their asset event is of %s", number, MAX_RECORDS, named)
        return {uri: self._of_all(uri) for uri in self._collections}

    def _extra(self, uri: str) -> dict[str, Any] | None:
        """Return what an event says, or ``None`` where nothing was written."""
        if uri in self._collections:
            return self._of_all(uri)
        return {"fields": _names(self._records[uri])} if uri in self._records else None

    def _of_all(self, collection: str) -> dict[str, Any]:
        number, fields = self._collections[collection]
        return {"fields": _names(fields), "records": number}


def _names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return names as Airflow 2.11 takes them: it puts the values of an alias's extra into a set."""
    return tuple(sorted(fields))


def _uri_of(outlet: Any, context: Context) -> str:
    """Return the URI of an asset, or of the one that a reference stands for; ``""`` of any other outlet."""
    if isinstance(outlet, Asset):
        return outlet.uri
    if not isinstance(outlet, AssetRef):
        return ""
    accessors: Any = context["outlet_events"]
    try:
        uri: str = accessors[outlet].key.uri
    except Exception as error:  # Airflow has found it before the task began.
        log.warning("outlets: %s cannot be looked up (%s): it has an event in any case", outlet, type(error).__name__)
        return ""
    return uri


def _of_alias(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if ALIAS_TAKES_NAMES or name != "fields"}


def _add(accessor: Any, uri: str, extra: dict[str, Any]) -> None:
    """Add an event to an alias, for the asset that a DAG gave this URI, under whatever name."""
    if hasattr(Asset, "ref"):
        try:
            accessor.add(Asset.ref(uri=uri), extra=extra)
        except Exception as error:  # No DAG has such an asset, or this Airflow cannot look.
            log.debug("%s is looked up in vain: %s", uri, type(error).__name__)
        else:
            return
    accessor.add(Asset(uri=uri), extra=extra)
