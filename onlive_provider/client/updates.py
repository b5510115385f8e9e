"""One safe update as a flow: read, compare, send only what changes, report the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from onlive_provider import errors
from onlive_provider.client.flows import Flows, Record
from onlive_provider.client.look import look
from onlive_provider.client.steps import Flow, Note, Writing
from onlive_provider.models.changes import Change, holds, plan
from onlive_provider.models.comparison import ObjectUpdates
from onlive_provider.models.fields import Resource
from onlive_provider.models.instants import instant
from onlive_provider.privacy import without_personal_data

Outcome = Literal["updated", "unchanged", "planned"]
_MAX_FIELD_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a caller wants of one record. Its repr does not show the payload.

    :param payload: the checked payload: plain JSON, times in UTC.
    :param only_changed: read first and send only the fields that differ; ``False`` sends the payload as it is.
    :param plan_only: read and compare, and send nothing.
    :param expected_updated_at: the ``updatedAt`` that the caller last saw. A record with another one is refused.
    :param fallback_slots: ``{"start", "end"}`` in UTC, tried in order when the server answers 409.
    :param by_all_members: compare items of arrays as a :class:`~onlive_provider.models.comparison.Comparison` by all
        members does. For a payload that came from the server.
    :param payload_for: called with the flows and the record as read; returns what takes the place of ``payload``. It
        raises to refuse the record, and has no effect of its own.
    :param check: called with the patch and the record as read before anything is sent. It raises to refuse the patch,
        and has no effect of its own: it may be called again.
    """

    resource: Resource
    id: str
    payload: Mapping[str, Any] = field(repr=False)
    only_changed: bool = True
    plan_only: bool = False
    expected_updated_at: str | None = None
    fallback_slots: tuple[Mapping[str, str], ...] = ()
    by_all_members: bool = False
    payload_for: Callable[[Flows, Record], Mapping[str, Any]] | None = None
    check: Callable[[Mapping[str, Any], Mapping[str, Any]], None] | None = None

    @property
    def name(self) -> str:
        """The record in words: ``appointment 1610...``."""
        return f"{self.resource.name} {self.id}"


@dataclass(frozen=True, slots=True)
class Updated:
    """The result of an update. Its repr does not show the record.

    :param record: the API's answer to the write, or to the read if nothing was written.
    """

    outcome: Outcome
    record: Record = field(repr=False)
    change: Change


def update(flows: Flows, wanted: Update) -> Flow[Updated]:
    """Carry out one update.

    An appointment that is already in one of the ``fallback_slots`` stays there: moving it would notify its guests
    again at every run.

    :raises OnliveStaleRecordError: the record moved since ``expected_updated_at``; nothing was sent.
    :raises OnliveConflictError: the wanted slot and every fallback slot are taken.
    """
    current = None
    guarded = wanted.expected_updated_at is not None
    if wanted.only_changed or wanted.plan_only or guarded or not wanted.payload:
        current = yield from _read(flows, wanted)
    if wanted.payload_for is not None and current is not None:
        wanted = replace(wanted, payload=wanted.payload_for(flows, current))
    payload, *fallbacks = _candidates(wanted, current)
    while True:
        change = plan(
            wanted.resource,
            wanted.id,
            current,
            payload,
            only_changed=wanted.only_changed,
            object_updates=flows.settings.object_updates,
            by_all_members=wanted.by_all_members,
        )
        if wanted.check is not None and current is not None:
            wanted.check(change.after, current)
        if current is not None and (not change or wanted.plan_only):
            yield Note(_Plan("Would change" if change else "Nothing to change in", wanted, change, current))
            return Updated("planned" if change else "unchanged", current, change)
        yield Note(_Plan("Changing", wanted, change, current))
        yield Writing(change)
        try:
            record = yield from flows.write(wanted.resource, wanted.id, change.after, current)
        except errors.OnliveConflictError as conflict:
            if not fallbacks or not conflict.from_api:
                raise
            payload, *fallbacks = fallbacks
            said = conflict.server_message or "conflict"
            yield Note(f"The server answered 409 ({said}): trying {payload['start']} to {payload['end']}")
        else:
            yield Note(_Answered(wanted, change, record, flows.settings.object_updates))
            return Updated("updated", record, replace(change, updated_at=record.get("updatedAt")))


def _read(flows: Flows, wanted: Update) -> Flow[Record]:
    current = yield from look(flows, wanted.resource, wanted.id)
    expected = wanted.expected_updated_at
    if expected is not None and instant(current.get("updatedAt")) != (instant(expected) or expected):
        raise errors.OnliveStaleRecordError(wanted.name, expected, current.get("updatedAt"))
    return current


def _candidates(wanted: Update, current: Record | None) -> list[Mapping[str, Any]]:
    payloads = [wanted.payload, *({**wanted.payload, **slot} for slot in wanted.fallback_slots)]
    if current is None or len(payloads) == 1:
        return payloads

    def is_there(payload: Mapping[str, Any]) -> bool:
        return all(holds(wanted.resource, current, name, payload.get(name), "replace") for name in ("start", "end"))

    return [payload for payload in payloads if is_there(payload)][:1] or payloads


@dataclass(frozen=True, slots=True, repr=False)
class _Plan:
    """What the log says of a change before it is sent."""

    verb: str
    wanted: Update
    change: Change
    current: Record | None

    def __str__(self) -> str:
        if not self.change:
            return f"{self.verb} {self.wanted.name}"
        by_name = self.change.lines()
        names = list(by_name)
        lines = [f"{self.verb} {self.wanted.name}:", *(f"  {by_name[name]}" for name in names[:_MAX_FIELD_LINES])]
        if rest := names[_MAX_FIELD_LINES:]:
            lines.append(f"  and {', '.join(rest)}")
        if whys := list(self._why_sent_again()):
            lines.append(f"  {' and '.join(whys)}: every run sends it again, and may notify again")
        return "\n".join(lines)

    def _why_sent_again(self) -> Iterator[str]:
        unreadable = self.change.unreadable
        unanswered = [name for name in self.change.not_known if name not in unreadable]
        if unanswered and self.current is not None:
            yield f"the server does not answer {', '.join(unanswered)} (not known)"
        if unreadable:
            yield f"{', '.join(unreadable)} cannot be read back"


@dataclass(frozen=True, slots=True, repr=False)
class _Answered:
    """What the log says after a successful write."""

    wanted: Update
    change: Change
    record: Record
    object_updates: ObjectUpdates

    def __str__(self) -> str:
        sent, record = self.change.after, self.record
        changed = without_personal_data(str(record.get("updatedAt")))
        line = f"Sent {', '.join(sent)}; {self.wanted.name} was last changed at {changed}"
        differing = [
            name
            for name, value in sent.items()
            if name in record
            and name not in self.change.unreadable
            and not holds(self.wanted.resource, record, name, value, self.object_updates)
        ]
        if not differing:
            return line
        names = ", ".join(differing)
        return f"{line}\nThe server holds another value than was sent in {names}: the next run will send it again"
