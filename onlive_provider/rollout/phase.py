"""A phase of a rollout: one run over some of its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from onlive_provider.bulk.memory import Announcement
from onlive_provider.bulk.tracing import SpanName
from onlive_provider.bulk.worklist import Worklist
from onlive_provider.client.steps import Note
from onlive_provider.report.outcomes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one run carries out.

    :param name: for the log.
    :param span: what it is called in a trace.
    :param worklist: what is to be done with each record.
    :param total: how many records the worklist has.
    :param on_outcome: called with each outcome; returns whether the records that are left are to be left alone.
    :param on_write: called before each write that a retry has to know of.
    :param batch: the number of the batch, from 1.
    """

    name: str
    span: SpanName
    worklist: Worklist
    total: int
    on_outcome: Callable[[Outcome], bool]
    on_write: Callable[[Announcement], None] = lambda _: None
    batch: int | None = None


Step: TypeAlias = Phase | Note
