"""What a bulk update does with each row of its input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from onlive_provider.bulk.ids import SeenIds
from onlive_provider.bulk.rows import BadRow, OnNull, Row, as_update
from onlive_provider.bulk.snapshot import Snapshot
from onlive_provider.bulk.worklist import Worklist, failed, unexpected
from onlive_provider.client.updates import Update
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.fields import Resource
from onlive_provider.report.outcomes import AS_IN_SNAPSHOT, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Worklist):
    """The worklist of a bulk update: each row is a payload for the record that it names.

    :param read_payload: checks a payload and returns the patch that it asks for.
    :param read_id: checks a record's id and returns it as the API spells it.
    :param check: see :class:`~onlive_provider.client.updates.Update`.
    :param id_field: name of the column that holds the record's id.
    :param fields: column to field, or ``None``.
    :param on_null: what to do with a gap in the input.
    :param stop_on_error: whether a failed row leaves the rows after it not attempted.
    :param snapshot: knows rows that cost no call.
    """

    resource: Resource
    read_payload: Callable[[Mapping[str, Any]], dict[str, Any]]
    read_id: Callable[[Any], str]
    check: Callable[[Mapping[str, Any], Mapping[str, Any]], None] | None = None
    id_field: str = "id"
    fields: Mapping[str, str] | None = None
    on_null: OnNull = "omit"
    only_changed: bool = True
    plan_only: bool = False
    stop_on_error: bool = False
    snapshot: Snapshot | None = None
    _seen: SeenIds = field(default_factory=SeenIds)

    def prepare(self, row: Row | BadRow) -> Update | Outcome:
        """Return the update that a row asks for, or the failure of a row that cannot be one."""
        if isinstance(row, BadRow):
            return failed(row, self.resource, None, OnlivePayloadError([row.error]))
        record_id: str | None = None
        try:
            raw_id, payload = as_update(row, id_field=self.id_field, fields=self.fields, on_null=self.on_null)
            record_id = self.read_id(raw_id)
            if not self._seen.add(record_id):
                repeated = "an earlier row has this id already; there is no way to know which of the two is right"
                raise OnlivePayloadError.of(self.id_field, repeated)
            if self.snapshot is not None and self.snapshot.recognizes(row.index, record_id, payload):
                name = self.resource.name
                return Outcome(row.index, row.line, record_id, "unchanged", resource=name, message=AS_IN_SNAPSHOT)
            return Update(
                resource=self.resource,
                id=record_id,
                payload=self.read_payload(payload) if payload else {},
                only_changed=self.only_changed,
                plan_only=self.plan_only,
                check=self.check,
            )
        except OnlivePayloadError as error:
            return failed(row, self.resource, record_id, error)
        except Exception as error:
            return failed(row, self.resource, record_id, unexpected(error))

    def not_attempted(self, row: Row | BadRow) -> Outcome:
        """Return the outcome of a row that is left alone because the run was stopped."""
        given = row.values.get(self.id_field) if isinstance(row, Row) else None
        record_id = given if isinstance(given, str) else None
        return Outcome(row.index, row.line, record_id, "not_attempted", resource=self.resource.name)

    def skip(self, row: Row | BadRow) -> None:
        """Remember the id of a row whose outcome stands, so that a later row with the same id is refused."""
        if isinstance(row, Row):
            with suppress(Exception):  # Whatever is wrong with the row, its outcome says so already.
                record_id = self.read_id(row.values.get(self.id_field))
                if self._seen.add(record_id) and self.snapshot is not None:
                    _, payload = as_update(row, id_field=self.id_field, fields=self.fields, on_null=self.on_null)
                    self.snapshot.recall(row.index, record_id, payload)
