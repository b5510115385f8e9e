"""A saved plan: the report of a task that only planned, sealed so that exactly that can be applied later.

Its first line says what it is: which task planned what kind of record, at which address, when, how many rows follow,
and a digest of all of it. Each further line is the outcome of one row, as in every report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any, Literal

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.fields import RESOURCES, Resource
from onlive_provider.models.instants import instant
from onlive_provider.models.wording import counted
from onlive_provider.privacy import HIDDEN, UUID_PATTERN, without_personal_data
from onlive_provider.report.outcomes import Counts, Outcome, to_line

Kind = Literal["bulk", "rollout"]
VERSION = 1
_SEAL = "sha256"
_ACCEPTED = "accepted: the report of a bulk or rollout task that ran with `plan_only=True`"


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What the first line of a saved plan says.

    :param kind: of the task that planned.
    :param resource: the kind of the records.
    :param address: the base URL of the Connection that they were read from.
    :param made_at: when the plan was made, ISO 8601.
    :param object_updates: of that Connection: what an object in a patch means depends on it.
    :param season: a rollout's ``seasons``, ``mode`` and ``target``, as JSON; empty for a bulk update.
    :param task: ``dag_id``, ``run_id``, ``task_id`` and ``map_index`` of the task, as far as they are known.
    """

    kind: Kind
    resource: Resource
    address: str = ""
    made_at: str = ""
    object_updates: str = ""
    season: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)

    def sealed(self, rows: int, lines: Iterable[bytes]) -> bytes:
        """Return the first line of a plan.

        :param rows: how many there are.
        :param lines: of the outcomes, each with its end.
        """
        about: dict[str, Any] = {
            "version": VERSION,
            "kind": self.kind,
            "resource": self.resource.name,
            "address": self.address,
            "madeAt": self.made_at,
            "objectUpdates": self.object_updates,
            **self.season,
            "rows": rows,
        }
        head: dict[str, Any] = {"plan": about, "task": dict(self.task)}
        digest = hashlib.sha256(to_line(head))
        for line in lines:
            digest.update(line)
        return to_line({**head, "plan": {**about, _SEAL: digest.hexdigest()}}) + b"\n"


class PlanFile:
    """A saved plan that was read to its end, and found to be whole and as it was made.

    ``head`` is what its first line says, ``counts`` the outcomes by name, ``planned`` the lines of the records that it
    changes, in its order, ``digest`` the one that its first line holds.

    :param file: open for reading from its start.
    :param path: for errors.
    :raises OnlivePayloadError: it is not a plan, or one that cannot be applied.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._path = path
        first = file.readline()
        self._about, self.head = self._read_head(first)
        self.counts = Counts()
        self.planned: list[bytes] = []
        self.digest = str(self._about.get(_SEAL))
        self._hidden: dict[str, int] = {}
        # What is applied is what was checked, whatever becomes of the file meanwhile.
        self._rows: IO[bytes] = TemporaryFile()  # noqa: SIM115 (it lives as long as the plan)
        self._read_rows(file)

    @property
    def lost(self) -> list[str]:
        """The fields of which guests' data were left out, so that the plan cannot be applied."""
        return [f"{name} of {counted(number, 'record')}" for name, number in self._hidden.items()]

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcome of each row, in the plan's order."""
        self._rows.seek(0)
        for line in self._rows:
            yield Outcome.from_json(json.loads(line))

    def refuse_what_cannot_be_applied(self, address: str, object_updates: str) -> None:
        """Refuse a plan of another address, one that was not made to its end, and one with values left out.

        :param address: the base URL of the Connection that it is to be applied to.
        :param object_updates: of that Connection.
        :raises OnlivePayloadError: it is one of these.
        """
        if self.head.address != address:
            raise self._refused(
                f"was made for {without_personal_data(self.head.address)}, and the Connection leads to {address}; "
                "accepted: a plan of the same address"
            )
        if self.head.object_updates != object_updates:
            raise self._refused(
                f"was made with `object_updates` {self.head.object_updates!r}, and the Connection has "
                f"{object_updates!r}: what is planned for an object means something else there. Plan again"
            )
        if self.counts.not_attempted:
            raise self._refused(
                f"was not made to its end; not attempted: {self.counts.not_attempted:,} of "
                f"{counted(self.counts.total, 'row')}. Plan again"
            )
        if self.lost:
            raise self._refused(
                f"lacks guests' data, which were left out: {', '.join(self.lost)}. Plan with "
                "`report_personal_data=True`, or keep such fields out of the plan"
            )

    def _read_head(self, line: bytes) -> tuple[Mapping[str, Any], PlanHead]:
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        about = data.get("plan") if isinstance(data, dict) else None
        if not isinstance(about, dict):
            is_report = isinstance(data, dict) and ("outcome" in data or "identity" in data)
            found = "is the report of a task that was allowed to write" if is_report else "is not a plan"
            raise self._refused(f"{found}; {_ACCEPTED}")
        if about.get("version") != VERSION:
            raise self._refused(f"is a plan of another version of this provider ({about.get('version')!r}). Plan again")
        try:
            head = PlanHead(
                kind=about["kind"],
                resource=RESOURCES[about["resource"]],
                address=str(about["address"]),
                made_at=str(about["madeAt"]),
                object_updates=str(about["objectUpdates"]),
                season={name: about[name] for name in ("seasons", "mode", "target") if name in about},
                task=dict(data.get("task") or {}),
            )
        except (LookupError, TypeError, ValueError):
            raise self._edited() from None
        return about, head

    def _read_rows(self, file: IO[bytes]) -> None:
        unsealed = {name: value for name, value in self._about.items() if name != _SEAL}
        digest = hashlib.sha256(to_line({"plan": unsealed, "task": dict(self.head.task)}))
        for line in file:
            digest.update(line)
            self._rows.write(line)
            try:
                self._take(Outcome.from_json(json.loads(line)), line)
            except (TypeError, ValueError, RecursionError):
                if not line.endswith(b"\n"):
                    break
                raise self._edited() from None
        rows = self._about.get("rows")
        if isinstance(rows, int) and self.counts.total < rows:
            raise self._refused(f"is cut short: it holds {self.counts.total:,} of {rows:,} rows. Plan again")
        if digest.hexdigest() != self._about.get(_SEAL) or not instant(self.head.made_at):
            raise self._edited()

    def _take(self, outcome: Outcome, line: bytes) -> None:
        self.counts.add(outcome)
        if outcome.outcome != "planned":
            return
        resource = self.head.resource
        is_ours = outcome.resource == resource.name and set(outcome.after) <= set(resource.fields)
        if not is_ours or not outcome.after or not UUID_PATTERN.fullmatch(outcome.id or ""):
            raise ValueError("a plan changes fields of records of one kind")
        self.planned.append(line)
        if HIDDEN.encode() in line:
            sides = (*outcome.before.items(), *outcome.after.items())
            for name in dict.fromkeys(name for name, value in sides if HIDDEN in repr(value)):
                self._hidden[name] = self._hidden.get(name, 0) + 1

    def _edited(self) -> OnlivePayloadError:
        return self._refused(
            "is not as it was made: its digest does not match. What was edited cannot be applied; plan again"
        )

    def _refused(self, message: str) -> OnlivePayloadError:
        return OnlivePayloadError.of("plan_path", f"{self._path} {message}")
