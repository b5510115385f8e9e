from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("airflow", "redis", "requests", "urllib3", "aiohttp", "fastapi", "pydantic", "pendulum")


def modules_after(statement: str) -> set[str]:
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "module",
    ["models.changes", "client.updates", "client.listing", "client.settings", "client.retry", "client.budget.scope"],
)
def test_importing_all_but_the_drivers_is_free(module: str) -> None:
    assert modules_after(f"import onlive_provider.{module}").isdisjoint(HEAVY)


@pytest.mark.parametrize("driver", ["sync", "aio"])
def test_a_driver_imports_aiohttp_and_nothing_of_airflow(driver: str) -> None:
    loaded = modules_after(f"import onlive_provider.client.{driver}")
    assert "aiohttp" in loaded
    assert loaded.isdisjoint({"airflow", "fastapi", "pydantic"})
