"""The memory of a run without a report: one letter a row, in Airflow's task state store where there is one (3.3)."""

from __future__ import annotations

import base64
import logging
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

from onlive_provider.bulk.memory import BEGINS_ANEW, Announcement, TaskEnd, settles
from onlive_provider.bulk.summary import MAX_FAILURES, short_failure
from onlive_provider.models.changes import Change
from onlive_provider.report.outcomes import OUTCOME_NAMES, Outcome

STATE_KEY = "onlive_bulk"
"""The key in the task state store."""

_AGAIN = b"?"
_LETTERS = {name: bytes([65 + place]) for place, name in enumerate(OUTCOME_NAMES)}
_NAMES = {ord(letter): name for name, letter in _LETTERS.items()}

log = logging.getLogger(__name__)


class StateStore(Protocol):
    """What is used of ``context["task_state_store"]``."""

    def get(self, key: str) -> Any:
        """Return the value of a key, or ``None``."""

    def set(self, key: str, value: Any) -> None:
        """Keep JSON under a key."""

    def delete(self, key: str) -> None:
        """Forget a key."""


class Checkpoint:
    """A :class:`~onlive_provider.bulk.memory.Memory` that keeps no value of any record.

    Of a write of unknown fate it keeps when it left, what it names, and the record's ``updatedAt`` before it.

    :param store: ``None`` remembers nothing for a retry.
    :param identity: JSON that is the same for every try of one task run on one input, and for no other: Airflow keeps
        the state of a task that is cleared.
    """

    is_flushed = False
    pause = 0.0
    saving_pause = 0.0

    def __init__(self, store: StateStore | None, identity: Mapping[str, Any]) -> None:
        self._store = store
        self._identity = dict(identity)
        self._letters = bytearray()
        self._failures: dict[str, Any] = {}
        self._announced: dict[str, Any] = {}
        stored = None if store is None else store.get(STATE_KEY)
        if isinstance(stored, dict) and stored.get("identity") == self._identity:
            self._letters = bytearray(zlib.decompress(base64.b64decode(stored["outcomes"])))
            self._failures = dict(stored["failures"])
            self._announced = dict(stored["announced"])
        elif isinstance(stored, dict) and {**stored.get("identity", {}), "input": None} == {**identity, "input": None}:
            log.warning(BEGINS_ANEW)
        self._earlier = bytes(self._letters)

    @property
    def remembers(self) -> bool:
        """Whether there is a store."""
        return self._store is not None

    def recall(self, index: int) -> Outcome | Announcement | None:
        """Return the outcome of a row that stands, or a write of unknown fate, without the values of its record."""
        announced = self._announced.get(str(index))
        if announced is not None:
            return Announcement(Change.from_json(announced["writing"]), announced["at"])
        name = _NAMES.get(self._earlier[index]) if index < len(self._earlier) else None
        if name is None:
            return None
        return Outcome.from_json({**self._failures.get(str(index), {}), "index": index, "outcome": name})

    def flush(self) -> None:
        """Do nothing: the store is put in order by :meth:`save`, from the task's main thread."""

    def may_write(self) -> bool:
        """Whether a write may leave now: always, because Airflow alone says which try is the one that counts."""
        return True

    def announce(self, index: int, announcement: Announcement) -> None:
        """Remember that a write is about to be sent: in the store from the next :meth:`save` on."""
        if self._store is not None:
            change = announcement.change
            writing = {**change.as_json(), "before": {}, "after": dict.fromkeys(change.after)}
            self._announced[str(index)] = {"writing": writing, "at": announcement.at}

    def record(self, outcome: Outcome) -> None:
        """Remember an outcome; a retryable one as a row that is to be done again."""
        if self._store is None:
            return
        if settles(outcome):
            self._announced.pop(str(outcome.index), None)
        missing = outcome.index + 1 - len(self._letters)
        if missing > 0:
            self._letters += _AGAIN * missing
        if outcome.retryable or outcome.outcome == "not_attempted":
            letter = _AGAIN
        else:
            letter = _LETTERS[outcome.outcome]
            if outcome.outcome == "failed" and len(self._failures) < MAX_FAILURES:
                self._failures[str(outcome.index)] = short_failure(outcome)
        self._letters[outcome.index : outcome.index + 1] = letter

    def save(self) -> None:
        """Put the outcomes into the store. From the task's main thread only: the store talks to its supervisor."""
        if self._store is not None:
            packed = base64.b64encode(zlib.compress(bytes(self._letters))).decode()
            state = {"identity": self._identity, "outcomes": packed, "failures": dict(self._failures)}
            state["announced"] = dict(self._announced)
            self._store.set(STATE_KEY, state)

    def finish(self, end: TaskEnd) -> None:
        """Keep the outcomes for a retry, or forget them. A store that fails costs a retry more reads, and no more."""
        try:
            if end.again:
                self.save()
            elif self._store is not None:
                self._store.delete(STATE_KEY)
        except Exception as error:
            log.warning("The task state store failed (%s): a retry reads every record again", type(error).__name__)
