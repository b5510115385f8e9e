"""Write ``docs/faults.md`` from the fault table: what every fault does to each kind of task."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults.table import FLOWS, Case, Fault, load

PAGE = Path(__file__).parents[1] / "docs" / "faults.md"
HEAD = """\
# What every fault does

What becomes of an update when the network, a proxy or the server fails? `make faults` runs this table: {faults:,}
faults in {runs:,} runs, against a server on raw sockets that fails as the row says. It checks every signature with
code of its own, and keeps every byte, every connection and every write that it made. A row that does not hold
is printed with the server's transcript. The table is `tests/faults/table.yaml`; `make tables` writes this page from it.

A fault strikes one record's first write, unless the row says otherwise. A cell says what becomes of the record, how
many times its write is sent, and how many times it is made. "Made" means that the server carried the write out, and
so notified people, whatever it answered. The other records of the task are updated, each with one write, except where
a server or a key fails for all of them. In every row:

- No write is made twice.
- No further request is sent on a connection with an unexpected answer. A lost call is sent again over a fresh one.
- No redirect is followed, and no error shows a guest's address or the secret.
- The report's `before` is what the record held.
- The task ends by itself: an answer is bounded in time and in size.
"""


def page() -> str:
    """Return the page."""
    faults = load()
    runs = sum(len(fault.cases) for fault in faults)
    return "\n".join([HEAD.format(faults=len(faults), runs=runs), *_sections(faults)])


def _sections(faults: list[Fault]) -> Iterator[str]:
    group = ""
    for fault in faults:
        if fault.group != group:
            if group:
                yield ""
            group = fault.group
            yield from (f"## {group}", "", f"| fault | {' | '.join(FLOWS)} |", f"|---|{'---|' * len(FLOWS)}")
        cells = [_cell(fault.cases.get(flow)) for flow in FLOWS]
        if len(set(cells)) == 1:
            cells[1:] = ["same"] * (len(cells) - 1)
        yield f"| {_text(fault.name)} | {' | '.join(cells)} |"
    yield ""


def _cell(case: Case | None) -> str:
    if case is None:
        return "-"
    told = list(dict.fromkeys(str(each) for each in case.expected))
    return _text(" or: ".join(told))


def _text(text: str) -> str:
    shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)
    for special in "\\|<>*_`[]":
        shown = shown.replace(special, f"\\{special}")
    return shown


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
