"""The package as it is installed: its version, its entry points, and that importing it is free."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import airflow

import onlive_provider

DISTRIBUTION = metadata.distribution("airflow-provider-onlive")
PACKAGE = Path(onlive_provider.__file__).parent


def test_the_version_is_written_in_one_place():
    assert DISTRIBUTION.version == onlive_provider.__version__
    project = (PACKAGE.parent / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert 'path = "onlive_provider/__init__.py"' in project


TOP_LEVEL_MODULES = {"__init__", "cli", "errors", "get_provider_info", "links", "privacy", "retry_policy"}
MAX_LINES = 300


def layers() -> list[str]:
    contracts = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["type"] == "layers"]
    assert contract["containers"] == ["onlive_provider"]
    assert contract["exhaustive"] is True
    return [name.strip() for layer in contract["layers"] for name in layer.split("|")]


def test_every_room_and_module_stands_in_exactly_one_layer_of_the_contract():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert sorted(layers()) == sorted(rooms | modules)


def test_only_a_few_modules_stand_outside_a_room():
    assert {path.stem for path in PACKAGE.glob("*.py")} <= TOP_LEVEL_MODULES


def test_no_file_of_the_package_holds_two_ideas():
    files = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    assert {name for name, text in files.items() if text.count("\n") > MAX_LINES} == set()


def test_every_entry_point_leads_somewhere():
    points = DISTRIBUTION.entry_points
    assert {(point.group, point.name) for point in points} == {
        ("airflow.plugins", "onlive"),
        ("apache_airflow_provider", "provider_info"),
        ("console_scripts", "onlive"),
        ("pytest11", "onlive_sandbox"),
    }
    for point in points:
        assert point.load() is not None, point


def test_airflow_can_show_where_the_documentation_is():
    urls = [line.partition(", ") for line in DISTRIBUTION.metadata.get_all("Project-URL") or []]
    assert [url for name, _, url in urls if name == "Documentation"]


def test_the_package_holds_no_airflow_namespace_and_says_that_it_is_typed():
    assert not (PACKAGE / "airflow").exists()
    assert not (PACKAGE.parent / "airflow").exists()
    assert (PACKAGE / "py.typed").is_file()


def test_importing_loads_no_http_library_and_no_server():
    code = (
        "import sys, airflow\n"
        "try:\n    from airflow.sdk import DAG\n"
        "except ImportError:\n    from airflow import DAG\n"
        "before = set(sys.modules)\n"
        "import onlive_provider.hooks.onlive, onlive_provider.cli, onlive_provider.get_provider_info\n"
        "import onlive_provider.sensors.appointment, onlive_provider.triggers.appointment\n"
        "heavy = {'requests', 'aiohttp', 'fastapi', 'uvicorn', 'pydantic', 'wtforms', 'flask_appbuilder'}\n"
        "by_us = heavy & (set(sys.modules) - before)\n"
        "print(sorted(by_us), sorted({'requests', 'aiohttp', 'fastapi'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    by_us, at_all = found.splitlines()[-1].split("] ")
    assert by_us == "["
    if not airflow.__version__.startswith("2."):  # Airflow 2 itself imports requests.
        assert at_all == "[]"
