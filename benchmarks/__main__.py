"""``python -m benchmarks``: measures, prints, and after a whole run writes ``docs/benchmarks.md`` and its chart."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.document import bounds, document, load, machine, section, with_section
from benchmarks.environments import Environments, compile_development
from benchmarks.lines import (
    Bench,
    Line,
    budget,
    changed,
    crowd,
    imports,
    memory,
    one_key,
    one_update,
    remembered,
    sensors,
    signing,
    snapshot,
    take,
    ways,
)
from benchmarks.measure import ROOT

LINES: dict[str, Line] = {
    "ways": ways.measure,
    "budget": budget.measure,
    "one_key": one_key.measure,
    "crowd": crowd.measure,
    "take": take.measure,
    "changed": changed.measure,
    "remembered": remembered.measure,
    "one_update": one_update.measure,
    "signing": signing.measure,
    "imports": imports.measure,
    "memory": memory.measure,
    "snapshot": snapshot.measure,
    "sensors": sensors.measure,
}


def main() -> int:
    """Run the command and return its exit code: 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition(":")[2])
    parser.add_argument("--only", choices=LINES, metavar="NAME", help=f"one line: {', '.join(LINES)}")
    parser.add_argument("--write", action="store_true", help="with --only: write that line into docs/benchmarks.md")
    parser.add_argument("--quick", action="store_true", help="a smoke run with few records")
    arguments = parser.parse_args()
    before = os.getloadavg()[0]
    compile_development()
    results = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        bench = Bench(Path(name), Environments(Path(name)), arguments.quick)
        for line in [arguments.only] if arguments.only else LINES:
            print(f"Measuring: {line} ...", flush=True)
            results.append(LINES[line](bench))
            print(f"\n{section(results[-1])}", *results[-1].ratios, sep="\n", flush=True)
            print()
    where = f"{machine()} {load(before)}"
    if any(result.bounds for result in results):
        print(f"{bounds(results)}\n")
    print(where)
    if not arguments.only and not arguments.quick:
        (ROOT / "docs" / "benchmarks.md").write_text(document(results, where), encoding="utf-8")
        (ROOT / "docs" / "benchmarks.svg").write_text(
            chart([bars for result in results for bars in result.bars]), encoding="utf-8"
        )
        print("\nWritten: docs/benchmarks.md, docs/benchmarks.svg")
    if arguments.only and arguments.write:
        page = ROOT / "docs" / "benchmarks.md"
        how = f"Measured by `python -m benchmarks --only {arguments.only} --write` alone. {where}"
        page.write_text(with_section(page.read_text("utf-8"), results[0], how), encoding="utf-8")
    return int(any(bound.kept is False for result in results for bound in result.bounds) and not arguments.quick)


if __name__ == "__main__":
    sys.exit(main())
