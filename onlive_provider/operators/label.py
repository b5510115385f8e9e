"""The name of a mapped task in the web interface: what a person knows it by, and what came of it.

Airflow renders ``map_index_template`` once more when a task has ended, whether it went well or not, with what the task
has put into its context.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from onlive_provider.errors import OnliveStatusError
from onlive_provider.privacy import UUID_PATTERN, on_one_line, title_without_guests, without_personal_data

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from onlive_provider.bulk.summary import Summary

VARIABLE = "onlive_label"
"""What a template of the author's own calls the name."""
MAX_NAME = 80
"""Characters of a record's name that are shown. Airflow's database takes 250 characters in all."""
MAX_LABEL = 200
_SHORT_ID = 8


def set_label(context: Context, label: str) -> None:
    """Name a task; without a ``map_index_template`` of its author's, a mapped task is shown by this name."""
    variables: Any = context
    variables[VARIABLE] = label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}…"
    if variables.get("map_index_template") is None and getattr(context["ti"], "map_index", -1) not in (-1, None):
        variables["map_index_template"] = f"{{{{ {VARIABLE} }}}}"


class RecordLabel:
    """The name of a task that updates one record; ``failed`` until something else came of it.

    A service is known by its name, an appointment by its title, without its guests' names, and the beginning of its id.

    :param record_id: as the task was given it.
    """

    def __init__(self, context: Context, record_id: object) -> None:
        self._context = context
        text = str(record_id)
        self._short_id = text[:_SHORT_ID].lower() if UUID_PATTERN.fullmatch(text) else ""
        self._record: dict[str, Any] = {}
        self.tell("failed")

    def see(self, record: Mapping[str, Any]) -> None:
        """Take the record as it was read or answered; what an answer leaves out is as it was."""
        self._record.update(record)
        self.tell("failed")

    def tell(self, outcome: str) -> None:
        """Say what came of it."""
        name = self._name()
        set_label(self._context, f"{name}: {outcome}" if name else outcome)

    def fail(self, error: BaseException) -> None:
        """Say that it failed, and with which status."""
        self.tell(f"failed ({error.status})" if isinstance(error, OnliveStatusError) else "failed")

    def _name(self) -> str:
        if isinstance(name := self._record.get("name"), str) and name.strip():
            return _cut(without_personal_data(name))
        title = title_without_guests(self._record.get("title"), self._record.get("guests"))
        return f"{_cut(title)} {self._short_id}".strip()


class BulkLabel:
    """Names a task over many records when its block ends: its seasons, if any, and the number of each outcome."""

    def __init__(self, context: Context, summary: Summary) -> None:
        self._context = context
        self._summary = summary

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seasons = dict.fromkeys(f"{each['name']}, {each['timezone']}" for each in self._summary.seasons())
        subject = _cut(on_one_line("; ".join(seasons)))
        outcomes = self._summary.outcome_words()
        set_label(self._context, f"{subject}: {outcomes}" if subject else outcomes)


def _cut(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
