"""One phase of a rollout: a list of work, and who is to know of its outcomes and its writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onlive_provider.bulk.memory import Announcement
from onlive_provider.bulk.rows import Row
from onlive_provider.bulk.worklist import Worklist
from onlive_provider.report.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Phase:
    """What one run carries out.

    :param name: for the log.
    :param worklist: what is to be done with each service.
    :param rows: the services, in the order in which they are worked on.
    :param on_outcome: called with each outcome; returns whether the services that are left are to be left alone.
    :param on_write: called before each write that a retry has to know of.
    """

    name: str
    worklist: Worklist
    rows: Sequence[Row]
    on_outcome: Callable[[Outcome], bool]
    on_write: Callable[[Announcement], None] = lambda _: None
