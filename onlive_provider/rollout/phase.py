"""One phase of a rollout: a list of work, and what a run over it has to remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from onlive_provider.bulk.memory import Announcement
from onlive_provider.bulk.rows import Row
from onlive_provider.bulk.run import Worklist
from onlive_provider.report.outcomes import Outcome


class Phase:
    """What one run carries out; to the run it is its :class:`~onlive_provider.bulk.memory.Memory` at the same time.

    A retry makes the plan anew and finds in it what is done, so that a phase itself recalls nothing.

    :param name: for the log.
    :param worklist: what is to be done with each service.
    :param rows: the services, in the order in which they are worked on.
    :param note: takes each outcome, and returns whether the services that are left are to be left alone.
    :param announce: called before each write.
    """

    def __init__(
        self,
        name: str,
        worklist: Worklist,
        rows: Iterable[Row],
        note: Callable[[Outcome], bool],
        announce: Callable[[Announcement], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.worklist = worklist
        self.rows = list(rows)
        self.is_over = False
        self._note = note
        self._announce = announce

    def earlier(self) -> Iterator[Outcome]:
        """Yield nothing."""
        return iter(())

    def announcement(self, index: int) -> Announcement | None:
        """Return ``None``."""
        return None

    def announce(self, index: int, announcement: Announcement) -> None:
        """Pass on that a write is about to be sent."""
        self._announce(announcement)

    def record(self, outcome: Outcome) -> None:
        """Pass on an outcome."""
        self.is_over = self._note(outcome) or self.is_over

    def save(self) -> None:
        """Do nothing: the rollout's own memory is saved."""

    def finish(
        self, *, title: str, details: Mapping[str, str], again: bool, seasons: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Do nothing: the rollout's own memory is finished."""
