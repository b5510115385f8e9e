"""Say whether what was built is fit to be published: `make release-check`.

Checks the metadata of the wheel and the source archive, installs each as a user would on the oldest and the newest
Airflow, and lists everything that is installed then (CycloneDX). Looks for known vulnerabilities where they can be
asked for; where they cannot, that is said, and it fails with ``--require-audit``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scripts.environments import ENVIRONMENTS, ROOT, Environment

DIST = ROOT / "dist"
SBOM = ROOT / "sbom.cdx.json"
EXTRAS = "cluster,parquet,sandbox"
TOOLS = Path(sys.executable).parent
PROVIDER_IS_FOUND = (
    "from airflow.providers_manager import ProvidersManager as Manager; "
    "assert 'airflow-provider-onlive' in Manager().providers; assert Manager().hooks['onlive'] is not None"
)


def run(*command: str | Path, cwd: Path | None = None, **variables: str) -> None:
    done = subprocess.run(
        [str(each) for each in command], cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def built() -> tuple[Path, Path]:
    """Return the wheel and the source archive."""
    wheels, archives = list(DIST.glob("*.whl")), list(DIST.glob("*.tar.gz"))
    if (len(wheels), len(archives)) != (1, 1):
        raise SystemExit("dist/ must hold one wheel and one source archive: make build")
    return wheels[0], archives[0]


def check_metadata(files: Sequence[Path]) -> None:
    run(TOOLS / "twine", "check", "--strict", *files)
    run(TOOLS / "check-wheel-contents", files[0])


def check_install(file: Path, environment: Environment, folder: Path) -> Path:
    """Install what was built, first bare and then with its extras; return the Python that has it."""
    python = folder / "venv" / "bin" / "python"
    installing = (
        TOOLS / "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--constraint",
        ROOT / environment.lock,
    )
    variables = {"AIRFLOW_HOME": str(folder / "airflow"), "PYTHONPATH": ""}
    run(TOOLS / "uv", "venv", "--quiet", "--python", environment.python, folder / "venv")
    run(*installing, file, f"apache-airflow=={environment.airflow}")
    run(python.with_name("onlive"), "--help", cwd=folder, **variables)
    run(python, "-c", PROVIDER_IS_FOUND, cwd=folder, **variables)
    run(*installing, f"airflow-provider-onlive[{EXTRAS}] @ {file.as_uri()}", "pytest")
    run(python, ROOT / "scripts" / "import_all.py", cwd=folder, **variables)
    return python


def write_sbom(python: Path) -> None:
    options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--output-file", SBOM)
    run(TOOLS / "cyclonedx-py", "environment", *options, python)


def why_no_audit() -> str | None:
    """Return why known vulnerabilities cannot be asked for here, or None if they can."""
    version = re.search(r"(?m)^requests==(\S+)", (ROOT / ENVIRONMENTS[-1].lock).read_text("utf-8"))
    assert version is not None
    address = f"https://pypi.org/pypi/requests/{version[1]}/json"
    try:
        with urlopen(address, timeout=30) as answer:
            return None if b'"vulnerabilities"' in answer.read() else f"{address} names no vulnerabilities"
    except (URLError, OSError) as error:
        return f"{address}: {error}"


def audit(require: bool) -> str:
    """Ask PyPI for known vulnerabilities of what the newest Airflow is tested with."""
    if why := why_no_audit():
        if require:
            raise SystemExit(f"failed: known vulnerabilities cannot be asked for: {why}")
        return f"NOT asked for known vulnerabilities: {why}"
    run(TOOLS / "pip-audit", "--no-deps", "--disable-pip", "--requirement", ROOT / ENVIRONMENTS[-1].lock)
    return f"no known vulnerability in {ENVIRONMENTS[-1].lock}"


def main() -> int:
    reading = argparse.ArgumentParser(prog="scripts.release_check", description=__doc__)
    reading.add_argument("--require-audit", action="store_true", help="fail where vulnerabilities cannot be asked for")
    reading.add_argument("--tag", help="the tag that is released: v and the version")
    given = reading.parse_args()
    files = built()
    if given.tag and not files[0].name.startswith(f"airflow_provider_onlive-{given.tag.removeprefix('v')}-"):
        raise SystemExit(f"failed: the tag {given.tag} is not that of {files[0].name}")
    check_metadata(files)
    print(f"{', '.join(file.name for file in files)}: the metadata is well-formed.", flush=True)
    oldest = ENVIRONMENTS[0]
    newest = next(each for each in ENVIRONMENTS if each.airflow == ENVIRONMENTS[-1].airflow)
    folder = Path(tempfile.mkdtemp(prefix="onlive-release-"))
    try:
        for environment in (oldest, newest):
            for file in files:
                python = check_install(file, environment, folder / f"{environment.name}{file.suffix}")
                print(f"{file.name} installs on Airflow {environment.airflow}; every module imports.", flush=True)
        write_sbom(python)
    finally:
        shutil.rmtree(folder)
    print(f"{SBOM.name} lists what is installed on Airflow {newest.airflow}.")
    print(audit(given.require_audit))
    return 0


if __name__ == "__main__":
    sys.exit(main())
