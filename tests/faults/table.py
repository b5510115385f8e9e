"""The fault table: reads ``table.yaml`` and works out what must be seen of each fault in each flow.

A row names a fault and what is expected of its class; it spells only what differs. The members of a row:

* ``fault``: its name; ``{...}`` stands for a member of ``each``, which makes a row of every combination.
* what is sent: see ``answers.py``; where nothing else is said, the right answer. ``then``: what follows it (``keep``,
  ``close``, ``reset``, ``silence``, ``close_notify``, ``alert``, ``garbage``).
* ``at``: which requests meet it, by default the target's first write; ``and``: further faults of the same row.
* ``made``: whether the write is carried out (``yes``, ``no``, ``late``). A row of unknown fate that does not say stands
  for two: carried out and not.
* ``via``, ``server``, ``client``, ``update``: how clients come, and what differs in the server,
  the Connection and the payload.
* ``expect``: a class of ``CLASSES``, or a list of what may be seen; under a flow's name, what differs there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FLOWS = ("single", "bulk", "rollout", "revert")
TABLE = Path(__file__).with_name("table.yaml")

Spread = tuple[int, int]
_ROW_ONLY = frozenset({"fault", "each", "expect", "and", "via", "server", "client", "update", "flows", "must", *FLOWS})
_BY_STATUS = {
    400: "OnliveBadRequestError",
    401: "OnliveUnauthorizedError",
    403: "OnliveForbiddenError",
    404: "OnliveNotFoundError",
    408: "OnliveBusyError",
    409: "OnliveConflictError",
    422: "OnliveValidationError",
    425: "OnliveBusyError",
    429: "OnliveBusyError",
}


@dataclass(frozen=True)
class Expected:
    """One thing that may be seen of the target.

    :param outcome: ``updated``, ``unchanged``, ``failed`` or ``not_attempted``.
    :param errors: classes, one of which must be seen of a failure.
    :param sent: writes that came in, at least and at most.
    :param made: writes that were carried out.
    :param looked_up: reads after the first write, without a rollout's own check.
    :param read: reads before the first write beyond those that the flow makes when all is well.
    """

    outcome: str
    errors: tuple[str, ...] = ()
    sent: Spread = (1, 1)
    made: int = 1
    looked_up: Spread = (0, 0)
    read: Spread = (0, 0)

    def __str__(self) -> str:
        named = f" ({' or '.join(each.removeprefix('Onlive') for each in self.errors)})" if self.errors else ""
        sent = str(self.sent[0]) if self.sent[0] == self.sent[1] else f"{self.sent[0]} to {self.sent[1]}"
        return f"{self.outcome}{named}; {sent} sent, {self.made} made"


@dataclass(frozen=True)
class Case:
    """A fault in one flow.

    :param must: what else must be seen: ``words`` of the error, ``others`` (outcomes that the other records may have),
        ``refused`` (at most so many calls refused for their signature), ``quiet`` (seconds without a call after the
        fault), ``seconds`` (at most, by the clock), ``calls`` (at most).
    """

    name: str
    flow: str
    faults: tuple[dict[str, Any], ...]
    expected: tuple[Expected, ...]
    via: str = "direct"
    server: Mapping[str, Any] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)
    update: Mapping[str, Any] = field(default_factory=dict)
    must: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.flow}: {self.name}"


@dataclass(frozen=True)
class Fault:
    """A fault and its cases by flow."""

    group: str
    name: str
    cases: Mapping[str, Case]


def load(path: Path = TABLE) -> list[Fault]:
    """Return every fault of the table.

    :raises ValueError: two faults have the same name.
    """
    faults = [
        fault
        for group, rows in yaml.safe_load(path.read_text("utf-8")).items()
        for row in rows
        for single in _rows(row)
        for fault in _faults(group, single)
    ]
    names = [each.name for each in faults]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"faults of the same name: {', '.join(sorted(twice))}")
    return faults


def _rows(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for every combination of ``each``."""
    names = list(row.get("each", {}))
    for values in itertools.product(*(row["each"][name] for name in names)):
        chosen = dict(zip(names, values, strict=True))
        yield {**_filled({name: value for name, value in row.items() if name != "each"}, chosen), **chosen}


def _filled(value: Any, chosen: Mapping[str, Any]) -> Any:
    """Put what was chosen in the place of ``{name}``; a text that is nothing else becomes the chosen value itself."""
    if isinstance(value, Mapping):
        return {name: _filled(each, chosen) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, chosen) for each in value]
    if isinstance(value, str):
        for name, given in chosen.items():
            if value == f"{{{name}}}":
                return given
            value = value.replace(f"{{{name}}}", str(given).strip())
    return value


def _faults(group: str, row: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a row's fault, once for each fate that it may have."""
    expect = row["expect"]
    open_fate = isinstance(expect, str) and expect.startswith("unknown") and "made" not in row
    for made in ("yes", "no") if open_fate else (row.get("made", "no"),):
        ending = {"yes": ", made", "no": ", not made", "late": ", made 3 s later"}[made] if open_fate else ""
        name = f"{row['fault']}{ending}"
        cases = {flow: _case(name, flow, {**row, "made": made}) for flow in row.get("flows", FLOWS)}
        yield Fault(group, name, cases)


def _case(name: str, flow: str, row: Mapping[str, Any]) -> Case:
    own = {key: value for key, value in row.items() if key not in _ROW_ONLY}
    further = row.get("and", [])
    faults = [{"at": "write", **own}] if row.get("at") != "nothing" else []
    faults += [{"made": "no", **each} for each in further]
    numbered = tuple({"number": number, "times_met": _times(each), **each} for number, each in enumerate(faults))
    deviation = row.get(flow, {})
    deviation = {"expect": deviation} if isinstance(deviation, str | list) else deviation
    expect = deviation.get("expect", row["expect"])
    return Case(
        name,
        flow,
        numbered,
        tuple(_expected(expect, row)),
        via=row.get("via", "direct"),
        server=row.get("server", {}),
        client=row.get("client", {}),
        update=row.get("update", {}),
        must={**row.get("must", {}), **{key: value for key, value in deviation.items() if key != "expect"}},
    )


def _times(fault: Mapping[str, Any]) -> int:
    """Return how often a fault strikes where it says of which requests, not how many of them."""
    once = ("write", "second write", "read", "read before the write", "look-up")
    return 1 if fault["at"] in once else 1_000_000


def _expected(expect: Any, row: Mapping[str, Any]) -> Iterator[Expected]:
    for each in [expect] if isinstance(expect, str | Mapping) else expect:
        if isinstance(each, str):
            yield from CLASSES[each](row)
        else:
            yield Expected(**{name: _spread(name, value) for name, value in each.items()})


def _spread(name: str, value: Any) -> Any:
    if name == "errors":
        return tuple(f"Onlive{each}Error" for each in ([value] if isinstance(value, str) else value))
    if name in ("sent", "looked_up", "read"):
        return (value, value) if isinstance(value, int) else tuple(value)
    return value


def _status_error(row: Mapping[str, Any]) -> str:
    status = int(str(row.get("status", 200)).strip())
    ranges = ((500, "ServerError"), (400, "RefusedError"), (300, "RedirectError"), (0, "AnswerError"))
    fallback = next(name for least, name in ranges if status >= least)
    return _BY_STATUS.get(status, f"Onlive{fallback}")


def _updated(**what: Any) -> Expected:
    return Expected("updated", **what)


def _never_left(_: Mapping[str, Any]) -> list[Expected]:
    return [_updated(looked_up=(0, 4), read=(0, 2))]


def _unknown(row: Mapping[str, Any]) -> list[Expected]:
    """Looked up; sent again if it was not made."""
    if row["made"] in ("yes", "late"):
        return [_updated(looked_up=(1, 5))]
    return [_updated(sent=(2, 2), looked_up=(1, 8))]


def _unknown_final(row: Mapping[str, Any]) -> list[Expected]:
    """Looked up; not sent again, whatever is found."""
    if row["made"] in ("yes", "late"):
        return [_updated(looked_up=(1, 5))]
    return [Expected("failed", (_status_error(row),), made=0, looked_up=(1, 6))]


def _unknown_odd(row: Mapping[str, Any]) -> list[Expected]:
    """Looked up; no status that can be read says whether it is sent again."""
    if row["made"] in ("yes", "late"):
        return [_updated(looked_up=(1, 5))]
    lost = ("OnliveUnknownFateError", "OnliveAnswerError", "OnliveServerError", "OnliveRefusedError")
    return [_updated(sent=(2, 2), looked_up=(1, 8)), Expected("failed", lost, made=0, looked_up=(1, 6))]


def _refused(row: Mapping[str, Any]) -> list[Expected]:
    return [Expected("failed", (_status_error(row),), made=0)]


def _not_taken(_: Mapping[str, Any]) -> list[Expected]:
    return [_updated(sent=(2, 2))]


def _as_usual(_: Mapping[str, Any]) -> list[Expected]:
    """Nothing but one write; an answer that one reader accepts and another does not may be looked up."""
    return [_updated(looked_up=(0, 5), read=(0, 1))]


def _read_again(_: Mapping[str, Any]) -> list[Expected]:
    return [_updated(read=(1, 2))]


def _read_refused(row: Mapping[str, Any]) -> list[Expected]:
    return [Expected("failed", (_status_error(row),), sent=(0, 0), made=0)]


def _never_read(row: Mapping[str, Any]) -> list[Expected]:
    """Read until the attempts are used up."""
    status = int(row.get("status", 200))
    errors = ("OnliveAnswerError", "OnliveNoAnswerError") if status < 400 else (_status_error(row),)
    return [Expected("failed", errors, sent=(0, 0), made=0, read=(1, 4))]


def _never_looked_up(_: Mapping[str, Any]) -> list[Expected]:
    """The write may have been made, and nothing says so."""
    return [Expected("failed", ("OnliveUnknownFateError",), made=made, looked_up=(1, 30)) for made in (0, 1)]


def _stale(_: Mapping[str, Any]) -> list[Expected]:
    return [Expected("failed", ("OnliveStaleRecordError",), made=made, looked_up=(1, 5)) for made in (0, 1)]


def _never_made(row: Mapping[str, Any]) -> list[Expected]:
    """Sent again until the attempts are used up."""
    status = int(row.get("status", 200))
    errors = (_status_error(row),) if status >= 400 else ("OnliveUnknownFateError", "OnliveAnswerError")
    return [Expected("failed", errors, sent=(2, 5), made=0, looked_up=(0, 30))]


def _no_connection(row: Mapping[str, Any]) -> list[Expected]:
    return _none_got_through("OnliveConnectError")


def _no_tls(row: Mapping[str, Any]) -> list[Expected]:
    return _none_got_through("OnliveTlsError")


def _none_got_through(error: str) -> list[Expected]:
    nothing: dict[str, Any] = {"sent": (0, 0), "made": 0, "read": (-1, 0)}
    return [Expected("failed", (error,), **nothing), Expected("not_attempted", **nothing)]


CLASSES = {
    "never left": _never_left,
    "unknown": _unknown,
    "unknown, final": _unknown_final,
    "unknown, odd": _unknown_odd,
    "refused": _refused,
    "not taken": _not_taken,
    "as usual": _as_usual,
    "read again": _read_again,
    "read refused": _read_refused,
    "never read": _never_read,
    "never looked up": _never_looked_up,
    "stale": _stale,
    "never made": _never_made,
    "no connection": _no_connection,
    "no TLS": _no_tls,
}
