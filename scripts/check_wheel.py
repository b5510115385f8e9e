"""Check the contents of a built wheel: everything that a user needs, and nothing that only this repository needs."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "onlive_provider"
EXAMPLES = ROOT / "dags_examples"
ENTRY_POINTS = {
    "airflow.plugins": {"onlive": "onlive_provider.plugins.report:OnliveReportPlugin"},
    "apache_airflow_provider": {"provider_info": "onlive_provider.get_provider_info:get_provider_info"},
    "console_scripts": {"onlive": "onlive_provider.cli:main"},
    "pytest11": {"onlive_sandbox": "onlive_provider.sandbox.pytest_plugin"},
}


def faults(wheel: ZipFile) -> Iterator[str]:
    """Yield what is wrong with the wheel, a line each."""
    names = {name for name in wheel.namelist() if not name.endswith("/")}
    folders = {name.partition("/")[0] for name in names}
    metadata = [name for name in folders if name.endswith(".dist-info")]
    if len(metadata) != 1:
        yield f"expected one .dist-info folder, found: {', '.join(metadata) or 'none'}"
        return
    info = metadata[0]
    for folder in sorted(folders - {"onlive_provider", info}):
        why = "would take over Airflow's own namespace" if folder == "airflow" else "does not belong in the wheel"
        yield f"{folder}/ {why}"
    for name in sorted(names):
        inner = Path(name).parts[1:]
        if "tests" in inner or "__pycache__" in inner or inner[-1:] == ("conftest.py",):
            yield f"{name} does not belong in the wheel"
    if f"{info}/licenses/LICENSE" not in names:
        yield "LICENSE is missing"
    for name in sorted(needed() - names):
        yield f"{name} is missing"
    for name in sorted(assets() & names):
        if not wheel.read(name).strip():
            yield f"{name} is empty"
    yield from entry_point_faults(wheel, f"{info}/entry_points.txt", names)


def needed() -> set[str]:
    """Return the files that the wheel should hold: modules, py.typed, the pages' assets, and the example DAGs."""
    files = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    examples = {f"onlive_provider/example_dags/{path.name}" for path in EXAMPLES.glob("*.py")}
    return {path.relative_to(ROOT).as_posix() for path in files} | examples


def assets() -> set[str]:
    """Return the files of the package that are not Python: the sandbox page's."""
    return {name for name in needed() if not name.endswith((".py", "py.typed"))}


def entry_point_faults(wheel: ZipFile, name: str, names: set[str]) -> Iterator[str]:
    """Yield what is wrong with the entry points, a line each."""
    if name not in names:
        yield "entry points are missing"
        return
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string(wheel.read(name).decode())
    found = {section: dict(parser[section]) for section in parser.sections()}
    if found != ENTRY_POINTS:
        yield f"entry points are {found}; expected {ENTRY_POINTS}"
    for group in found.values():
        for target in group.values():
            module = target.partition(":")[0].replace(".", "/")
            if f"{module}.py" not in names and f"{module}/__init__.py" not in names:
                yield f"the entry point {target} points to a module that is not in the wheel"


def main(arguments: list[str]) -> int:
    """Check one wheel and return the exit status."""
    if len(arguments) != 1:
        print("usage: python scripts/check_wheel.py dist/NAME.whl", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    with ZipFile(path) as wheel:
        found = list(faults(wheel))
        count = len(wheel.namelist())
    for fault in found:
        print(f"{path.name}: {fault}", file=sys.stderr)
    if found:
        return 1
    print(f"{path.name}: {count} files. No airflow/ namespace, no tests. py.typed, LICENSE, the examples and")
    print(f"  {len(assets())} assets of the pages are there; the entry points {', '.join(ENTRY_POINTS)} resolve.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
