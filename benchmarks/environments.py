"""The environments that hold what is compared and is no part of the development environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from functools import cached_property
from pathlib import Path

_HERE = Path(__file__).parent


class Environments:
    """Makes each environment when it is first asked for. Its packages are compiled, as pip compiles what it installs.

    :param folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def airflow(self) -> Path:
        """The interpreter of an environment that holds ``HttpOperator`` and, below it, the development environment.

        So Airflow, and everything else that is compared, is the same in both.
        """
        python = self._make("airflow", _HERE / "requirements.txt")
        own, below = (
            sysconfig.get_path("purelib", vars={"base": str(base)}) for base in (python.parents[1], sys.prefix)
        )
        (Path(own) / "below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
        return python

    @cached_property
    def botocore(self) -> Path:
        """The interpreter of a newest botocore, which does not go together with the tested Airflow."""
        return self._make("botocore", _HERE / "requirements-botocore.txt")

    @cached_property
    def limiters(self) -> Path:
        """The folder of the packages that limit calls; they go beside the development environment."""
        python = self._make("limiters", _HERE / "requirements-limiters.txt")
        return Path(sysconfig.get_path("purelib", vars={"base": str(python.parents[1])}))

    def _make(self, name: str, requirements: Path) -> Path:
        print(f"Preparing the environment for {name} ...", flush=True)
        python = self._folder / name / "bin" / "python"
        _uv("venv", "--python", sys.executable, str(self._folder / name))
        _uv("pip", "install", "--compile-bytecode", "--no-deps", "--python", str(python), "-r", str(requirements))
        return python


def compile_development() -> None:
    """Compile this project, and the packages of the development environment, where that was not done yet.

    What a user installs is compiled. Without it each measured program would compile what it imports.
    """
    print("Compiling what is measured ...", flush=True)
    folders = [str(_HERE), str(_HERE.parent / "onlive_provider"), sysconfig.get_path("purelib")]
    # Not in this process, whose memory counts as its children's; some packages hold what is no Python of today.
    subprocess.run([sys.executable, "-m", "compileall", "-qq", "-j", "0", *folders], check=False)


def _uv(*arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "uv"), "--quiet", *arguments]
    subprocess.run(command, check=True, env={**os.environ, "UV_NO_PROGRESS": "1"})
