"""Reads one record, as a flow, and logs it."""

from __future__ import annotations

from dataclasses import dataclass

from onlive_provider.client.flows import Flows, Record
from onlive_provider.client.steps import Flow, Note
from onlive_provider.models.fields import APPOINTMENT, Resource
from onlive_provider.models.instants import epoch
from onlive_provider.privacy import without_personal_data


def look(flows: Flows, resource: Resource, record_id: str) -> Flow[Record]:
    """Read one record and return it as the server answered it.

    :raises OnliveNotFoundError: there is none with this id.
    """
    record = yield from flows.read(resource, record_id)
    yield Note(_Seen(resource, record_id, record, flows.clock.time()))
    return record


@dataclass(frozen=True, slots=True, repr=False)
class _Seen:
    """What the log says of a record that was read.

    :param now: seconds since the epoch.
    """

    resource: Resource
    id: str
    record: Record
    now: float

    def __str__(self) -> str:
        start = epoch(self.record.get("start")) if self.resource == APPOINTMENT else None
        past = ""
        if start is not None and start < self.now:
            past = f"; it began at {self.record['start']}, and the server may refuse to modify a past appointment"
        changed = without_personal_data(str(self.record.get("updatedAt")))
        return f"Read {self.resource.name} {self.id}, last changed at {changed}{past}"
