"""How good are the tests of what touches a record? Put in one fault at a time, and see whether a test fails.

A fault that no test sees is a survivor: ``docs/mutation.md`` names those that may stay. Each mutant is tried in a
forked process that has the libraries in memory and imports the package from a copy with the fault, so that processes
started by a test have it, too. It runs the tests that reach the faulty line, the likeliest first, up to the first
failure.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import pytest

from scripts.mutations import Mutant, mutants_of
from scripts.sampling import sample

ROOT = Path(__file__).parents[1]
_OF_BULK = (
    "tests/bulk",
    "tests/operators/test_bulk.py",
    "tests/operators/test_input_file.py",
    "tests/operators/test_max_changes.py",
)
_OF_ALL_RECORDS = ("tests/operators/test_revert.py", "tests/operators/test_rollout.py", "tests/rollout")
ROOMS = {
    "bulk": (
        *_OF_BULK,
        *_OF_ALL_RECORDS,
        "tests/operators/test_report_place.py",
        "tests/operators/test_revert_*.py",
        "tests/operators/test_storage.py",
    ),
    "client": ("tests/client", "tests/models"),
    "models": ("tests/client", "tests/models"),
    "privacy.py": ("tests/test_privacy*.py", "tests/client/test_privacy.py", "tests/report", *_OF_BULK),
    "report": ("tests/report", *_OF_BULK, *_OF_ALL_RECORDS),
    "seasons": ("tests/seasons", *_OF_ALL_RECORDS),
}
"""What gets faults, by folder or file of the package, and the tests that are to see them."""
WORKERS = 2
"""How many mutants are tried at a time."""
LEFT_OUT = ("test_crowd.py",)
"""Tests of many processes at once: a minute of them shows less of a single line than the room's other tests do."""
LIBRARIES = (
    "aiohttp",
    "airflow.sdk",
    "email_validator",
    "hypothesis.strategies",
    "jsonschema",
    "pyarrow.parquet",
    "redis.asyncio",
)
"""What the tests import, in memory before the first fork."""
SURVIVAL_SECONDS = 25
"""How long a mutant's tests run at most, as measured without it. What lives through them counts as a survivor."""
AT_IMPORT = ""
"""What reaches a line before the first test."""
LARGEST_MEMORY = 4 * 2**30


@dataclass
class Measured:
    """The tests without any fault: how long each takes, and which reach a line."""

    seconds: dict[str, float]
    reaching: dict[str, dict[int, list[str]]]

    def for_mutant(self, mutant: Mutant) -> list[str]:
        """Return the tests of a mutant, likely ones first: of its own module, of its room, fast ones of each file."""
        lines = self.reaching.get(mutant.path, {})
        reaching = {test for line in mutant.lines for test in lines.get(line, ())}
        found = set(self.seconds) if mutant.at_import or AT_IMPORT in reaching else reaching
        own, room = f"test_{Path(mutant.path).stem}.py", f"tests/{mutant.path.partition('/')[0]}/"
        files: Counter[str] = Counter()
        turns = {}  # So that a file of many tests leaves time for the others.
        for test in sorted(found, key=lambda each: self.seconds[each]):
            turns[test] = files[test.partition("::")[0]] = files[test.partition("::")[0]] + 1

        def likely(test: str) -> tuple[bool, bool, int, str]:
            return own not in test, not test.startswith(room), turns[test], test

        chosen, seconds = [], 0.0
        for test in sorted(found, key=likely):
            seconds += self.seconds[test]
            if seconds > SURVIVAL_SECONDS and chosen:
                break
            chosen.append(test)
        return chosen


class OnlyThese:
    """A plugin of pytest: these tests in this order, and an end to each that hangs."""

    def __init__(self, tests: Iterable[str], seconds: dict[str, float]) -> None:
        self.wanted = {test: place for place, test in enumerate(tests)}
        self.seconds = seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.wanted), key=lambda i: self.wanted[i.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, 5 + 10 * self.seconds[nodeid])


class Measuring:
    """A plugin of pytest: which lines does each test reach, how long does it take, and does it pass."""

    def __init__(self, measuring: coverage.Coverage) -> None:
        self.measuring = measuring
        self.seconds: Counter[str] = Counter()
        self.failed: set[str] = set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.measuring.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)


def forked(tree: Path, work: Callable[[], int]) -> int:
    """Start work in a process of its own, in a copy of the project, with nothing of the project imported yet."""
    if pid := os.fork():
        return pid
    status = 99
    try:
        os.setsid()
        os.chdir(tree)
        sys.path[:] = [str(tree), *(each for each in sys.path if each and Path(each).resolve() != ROOT)]
        os.environ["PYTHONPATH"] = str(tree)
        with open(tree / "output.txt", "w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY, LARGEST_MEMORY))
        steady = {"derandomize": True, "database": None, "deadline": None, "print_blob": False}
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        hypothesis.settings.register_profile("mutants", phases=phases, **steady)
        hypothesis.settings.load_profile("mutants")
        status = work()
    finally:
        os._exit(status)


def run_tests(paths: Iterable[str], plugin: object, *options: str) -> int:
    names = ("_hypothesis_pytestplugin", "onlive_provider.sandbox.pytest_plugin", "no:cacheprovider")
    plugins = [f"-p{name}" for name in names]
    return int(pytest.main([*paths, "-q", *plugins, *options], plugins=[plugin]))


def measure(tree: Path, tests: str) -> int:
    """Run tests, and write down what was measured."""
    package = tree / "onlive_provider"
    mutated = [f"{package}/{room}" if room.endswith(".py") else f"{package}/{room}/*" for room in ROOMS]
    measuring = coverage.Coverage(data_file=None, config_file=False, include=mutated)
    plugin = Measuring(measuring)
    measuring.start()
    left_out = (f"--ignore-glob=*{name}" for name in LEFT_OUT)
    code = run_tests([tests], plugin, "-m", "not browser", *left_out)
    measuring.stop()
    data = measuring.get_data()
    reaching = {
        str(Path(path).relative_to(package)): {
            line: [test for test in tests if test not in plugin.failed]
            for line, tests in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    seconds = {test: taken for test, taken in plugin.seconds.items() if test not in plugin.failed}
    (tree / "measured.json").write_text(json.dumps([seconds, reaching, sorted(plugin.failed)]))
    return 0 if code in (0, 1) else code


def tests_of(rooms: Iterable[str]) -> list[str]:
    """Return the files of tests, and the folders of them, that are to see the faults of rooms."""
    paths = {path for room in rooms for pattern in ROOMS[room] for path in ROOT.glob(pattern)}
    return sorted(str(path.relative_to(ROOT)) for path in paths if not paths.intersection(path.parents))


def measured(tests: list[str], trees: list[Path]) -> Measured:
    """Run all tests without a fault, each file's or folder's in a process, one in each copy at a time."""
    waiting, free, running = tests[::-1], list(trees), {}
    seconds: dict[str, float] = {}
    reaching: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    while waiting or running:
        while waiting and free:
            tree, chosen = free.pop(), waiting.pop()
            running[forked(tree, lambda tree=tree, chosen=chosen: measure(tree, chosen))] = tree
        pid, status = os.waitpid(-1, 0)
        tree = running.pop(pid)
        free.append(tree)
        if status:
            raise SystemExit((tree / "output.txt").read_text())
        taken, reached, failed = json.loads((tree / "measured.json").read_text())
        seconds |= taken
        for path, lines in reached.items():
            for line, tests in lines.items():
                reaching[path][int(line)] += tests
        for test in failed:
            print(f"fails without a fault, and is left out: {test}")
    return Measured(seconds, reaching)


def try_mutant(tree: Path, tests: list[str], seconds: dict[str, float]) -> int:
    signal.setitimer(signal.ITIMER_REAL, 60)
    sys.dont_write_bytecode = True
    return run_tests(dict.fromkeys(test.partition("::")[0] for test in tests), OnlyThese(tests, seconds), "-x")


def try_all(mutants: list[Mutant], known: Measured, trees: list[Path]) -> Iterator[tuple[Mutant, str]]:
    """Try mutants, one in each copy of the project at a time, and yield what became of them as they end."""
    waiting, free, running = mutants[::-1], list(trees), {}
    while waiting or running:
        while waiting and free:
            mutant = waiting.pop()
            tests = known.for_mutant(mutant)
            if not tests:
                yield mutant, "no test reaches it"
                continue
            tree = free.pop()
            place = tree / "onlive_provider" / mutant.path
            place.write_text(mutant.source())
            running[forked(tree, lambda t=tree, n=tests: try_mutant(t, n, known.seconds))] = (mutant, tree)
        if not running:
            continue
        pid, status = os.waitpid(-1, 0)
        mutant, tree = running.pop(pid)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what a test started and could not end
        shutil.copy2(ROOT / "onlive_provider" / mutant.path, tree / "onlive_provider" / mutant.path)
        free.append(tree)
        yield mutant, outcome(status)


def outcome(status: int) -> str:
    """Return what a process's end says of its mutant."""
    if os.WIFSIGNALED(status):
        return "out of time" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
    code = os.WEXITSTATUS(status)
    if code == 99:
        raise SystemExit("A mutant could not be tried; see output.txt.")
    return "survived" if code == 0 else "killed"


def copies(folder: Path) -> list[Path]:
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "dist")
    return [Path(shutil.copytree(ROOT, folder / str(place), ignore=left_out)) for place in range(WORKERS)]


def modules_of(room: str) -> Iterator[Path]:
    place = ROOT / "onlive_provider" / room
    yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def prepare(folder: Path) -> None:
    """Take into memory what every fork needs."""
    os.environ |= {"AIRFLOW_HOME": str(folder / "airflow"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for library in LIBRARIES:
        importlib.import_module(library)
    for name in [name for name in sys.modules if name.partition(".")[0] == "onlive_provider"]:
        del sys.modules[name]  # Airflow has looked at its providers
    gc.collect()
    gc.freeze()


def arguments() -> argparse.Namespace:
    reading = argparse.ArgumentParser(prog="scripts.mutants")
    reading.add_argument("--sample", default="400", help="how many mutants are tried, or all")
    reading.add_argument("--seed", type=int, default=1, help="another seed chooses others")
    reading.add_argument("--least", type=float, default=85, help="percent that must be killed")
    reading.add_argument(
        "--only", default="", help="beginnings of the modules' paths, such as seasons/,client/retry.py"
    )
    return reading.parse_args()


def main() -> int:
    given, began = arguments(), time.monotonic()
    mutants: dict[str, list[Mutant]] = {}
    rooms = set()
    for room in ROOMS:
        for path in modules_of(room):
            name = str(path.relative_to(ROOT / "onlive_provider"))
            if name.startswith(tuple(given.only.split(","))) and (found := mutants_of(name, path.read_text())):
                mutants[name] = found
                rooms.add(room)
    total = sum(map(len, mutants.values()))
    folder = Path(tempfile.mkdtemp(prefix="onlive-mutants-"))
    prepare(folder)
    chosen = sample(mutants, total if given.sample == "all" else int(given.sample), given.seed)
    print(
        f"{total} mutants, {len(chosen)} of them chosen (seed {given.seed}). Running the tests without a fault ...",
        flush=True,
    )
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    try:
        trees = copies(folder)
        known = measured(tests_of(rooms), trees)
        print(f"{len(known.seconds)} tests after {time.monotonic() - began:.0f} s.", flush=True)
        for mutant, end in try_all(chosen, known, trees):
            counts[mutant.path][end] += 1
            if end not in ("killed", "out of time"):
                print(f"\n{mutant.path}:{mutant.lines[0]} #{mutant.number} {end}\n{mutant.shown()}", flush=True)
    finally:
        shutil.rmtree(folder)
    return report(counts, given.least, time.monotonic() - began)


def report(counts: dict[str, Counter[Any]], least: float, seconds: float) -> int:
    print("\n| file | mutants | killed | out of time | survived | score |\n|---|--:|--:|--:|--:|--:|")
    rows = [(f"`{path}`", counts[path]) for path in sorted(counts)]
    score = 0.0
    for name, row in [*rows, ("all", sum(counts.values(), Counter()))]:
        survived = row["survived"] + row["no test reaches it"]
        score = 100 * (1 - survived / row.total())
        print(f"| {name} | {row.total()} | {row['killed']} | {row['out of time']} | {survived} | {score:.0f} % |")
    print(f"\n{score:.1f} % of the mutants were killed, in {seconds / 60:.0f} minutes; at least {least:g} % must be.")
    return 0 if score >= least else 1


if __name__ == "__main__":
    sys.exit(main())
