"""`make airflow`: Airflow's web interface with the example DAGs, beside a local Onlive API, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from scripts.airflow_home import make_airflow_home
from scripts.demo_data import prepare

SANDBOX_PORT = 8765
AIRFLOW_PORT = 8080
PATIENCE = 180
"""Seconds within which Airflow must be up."""


def main() -> int:
    """Run until Ctrl-C; return the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="onlive-airflow-"))
    make_airflow_home(folder / "airflow")
    from onlive_provider.sandbox.server import Sandbox

    port = free_port(AIRFLOW_PORT)
    with Sandbox(port=free_port(SANDBOX_PORT)) as sandbox:
        data = prepare(folder, sandbox)
        os.environ |= data.environment
        os.environ |= {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3",
        }
        log = folder / "standalone.log"
        print(f"Starting Airflow (its log: {log}) ...", flush=True)
        with log.open("w") as output:
            airflow = subprocess.Popen(
                [sys.executable, "-m", "airflow", "standalone"],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            if not is_up(f"http://127.0.0.1:{port}/api/v2/monitor/health", airflow):
                print(f"Airflow did not start; see {log}")
                return 1
            print(f"\n  Airflow   http://127.0.0.1:{port}\n  Sandbox   {sandbox.url}\n")
            print("Unpause a DAG whose name begins with onlive_ and trigger it; the sandbox's page shows changes live.")
            print("onlive_season_approval waits for your approval, under Required Actions.")
            season = data.season
            print(
                f"onlive_summer_season asks for a service: {season['service_id']} ({season['timezone']}) is closed from"
            )
            print(
                f"{season['first_day']} to {season['last_day']}. Ctrl-C stops everything; nothing is kept.", flush=True
            )
            airflow.wait()
            return 1
        except KeyboardInterrupt:
            print("\nStopping ...", flush=True)
            return 0
        finally:
            stop(airflow)


def free_port(preferred: int) -> int:
    """Return the preferred port of 127.0.0.1, or a free one where it is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def is_up(url: str, airflow: subprocess.Popen[bytes]) -> bool:
    """Wait until Airflow answers; return whether it does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and airflow.poll() is None:
        try:
            with opener.open(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    return False


def stop(airflow: subprocess.Popen[bytes]) -> None:
    """End Airflow and every process that it started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(airflow.pid, how)
            airflow.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
