"""What became of a write that an earlier try of the task had announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from onlive_provider.bulk.memory import Announcement
from onlive_provider.client.flows import Flows
from onlive_provider.client.retry import SETTLING_PAUSES
from onlive_provider.client.steps import Flow, Wait
from onlive_provider.client.updates import Update
from onlive_provider.client.verdict import Verdict
from onlive_provider.errors import (
    OnliveCallError,
    OnliveStaleRecordError,
    OnliveUnknownFateError,
    OnliveUnsettledWriteError,
)
from onlive_provider.models.changes import Change
from onlive_provider.privacy import HIDDEN

SETTLED_AFTER = sum(SETTLING_PAUSES)
"""Seconds after which a write that left has been carried out, or will not be."""


def find_earlier_write(flows: Flows, wanted: Update, announced: Announcement) -> Flow[Change | None]:
    """Return the change of a write that was announced, if the record shows that it was made.

    A write that was announced a moment ago may still be under way: its record is read again, with growing pauses.

    :raises OnliveStaleRecordError: the record is neither as it was nor as it was to be.
    :raises OnliveUnknownFateError: the record could not be read.
    :raises OnliveUnsettledWriteError: the record does not show whether the write was made.
    """
    change = announced.change
    sent = _sent(change, wanted.payload)
    for pause in (*SETTLING_PAUSES, None):
        try:
            current = yield from flows.read(wanted.resource, wanted.id)
        except OnliveCallError as error:
            if not error.retryable:
                raise
            why = f"an earlier try sent a write and got no answer, and looking it up failed: {error}"
            raise OnliveUnknownFateError(why, attempts=error.attempts, retry_after=error.retry_after) from error
        if sent is None:
            return None
        shown = {name: value for name, value in change.before.items() if HIDDEN not in repr(value)}
        before = {**shown, "updatedAt": change.updated_at} if change.updated_at else None
        at = current.get("updatedAt")
        found = flows.verdict(wanted.resource, current, sent, before, announced.at)
        if found is Verdict.MADE:
            return replace(change, after=sent, updated_at=at)
        if found is Verdict.CHANGED_BY_OTHERS:
            raise OnliveStaleRecordError(wanted.name, change.updated_at, at, was_sent=True)
        if found is Verdict.UNKNOWN:
            raise OnliveUnsettledWriteError(
                "an earlier try sent a write and got no answer, and the record does not show whether it was made"
            )
        if pause is None or flows.clock.time() - announced.at >= SETTLED_AFTER:
            break
        yield Wait(pause, f"{wanted.name}: an earlier try's write may still be under way")
    return None


def _sent(change: Change, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values that an announced write sent, or ``None`` where neither the memory nor the input has them.

    A memory that keeps values may hide them, and has one for each that was read before the write.
    """
    sent = {}
    for name, value in change.after.items():
        if name in change.before and HIDDEN not in repr(value):
            sent[name] = value
        elif name in payload:
            sent[name] = payload[name]
        else:
            return None
    return sent
