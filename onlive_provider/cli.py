"""The command ``onlive``: one subcommand each for what is done outside a DAG."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onlive_provider.connection.fields import DEFAULT_CONN_ID

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox

DEFAULT_PORT = 8765


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code: 0 for done, 1 for a check that failed, 2 for input that cannot be used.

    :param argv: the arguments; None for those of the process.
    """
    parser = argparse.ArgumentParser(prog="onlive", description="Tools around the Onlive API and its Airflow provider.")
    subcommands = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", required=True)
    _add_sandbox(subcommands)
    _add_check(subcommands)
    arguments = parser.parse_args(argv)
    code: int = arguments.run(arguments)
    return code


def _add_sandbox(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "sandbox",
        help="run a local Onlive API",
        description="Run a local Onlive API with a page to look at, on this machine only. Stop it with Ctrl-C.",
    )
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"default: {DEFAULT_PORT}; 0 takes a free one")
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="SQLite file that keeps everything between runs; default: memory"
    )
    parser.add_argument(
        "--seed-file", type=Path, metavar="FILE", help="JSON file with the first records; default: an invented brand"
    )
    parser.add_argument("--limits", action="store_true", help="refuse more than 1,000 reads or 100 writes a minute")
    parser.add_argument(
        "--object-updates",
        choices=("merge", "replace"),
        default="merge",
        help="whether extraFields and event keep the keys that an update does not name; default: merge keeps them",
    )
    parser.set_defaults(run=_run_sandbox)


def _add_check(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "check",
        help="test a Connection with one signed, read-only call",
        description="Look a Connection up as Airflow does on this machine and make one signed, read-only call with it. "
        "Exit status 0: it works; 1: the printed line says what stands in the way.",
    )
    parser.add_argument(
        "--conn-id", default=DEFAULT_CONN_ID, help="the Connection to test (default: %(default)s)", metavar="ID"
    )
    parser.set_defaults(run=_run_check)


def _run_check(arguments: argparse.Namespace) -> int:
    # Airflow 3 reads its own database only in a process that says that it is a server; its own CLI says so too.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")

    from onlive_provider.hooks.onlive import OnliveHook

    # Airflow logs a secrets backend's failure with all that it tried to read, and a broken URI holds the secret.
    logging.disable(logging.CRITICAL)
    try:
        hook = OnliveHook(arguments.conn_id)
        works, message = hook.test_connection()
        budget = hook.describe_budget() if works else ""
    finally:
        logging.disable(logging.NOTSET)
    print(f"{arguments.conn_id}: {message}")
    if budget:
        print(budget)
    return 0 if works else 1


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535 is accepted")
    return int(text)


def _run_sandbox(arguments: argparse.Namespace) -> int:
    try:
        from onlive_provider.sandbox.seed import SeedError
        from onlive_provider.sandbox.server import Sandbox
        from onlive_provider.sandbox.store import StoreError
    except ModuleNotFoundError as error:
        return _refuse(
            f"the sandbox needs {error.name}, which is not installed: pip install 'airflow-provider-onlive[sandbox]'"
        )
    try:
        sandbox = Sandbox(
            data=arguments.data,
            seed_file=arguments.seed_file,
            port=arguments.port,
            limits=arguments.limits,
            object_updates=arguments.object_updates,
        )
    except (SeedError, StoreError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"port {arguments.port} cannot be used: {error.strerror}; choose another with --port")
    with sandbox:
        try:
            print(_greeting(sandbox), flush=True)
            sandbox.wait()
        except KeyboardInterrupt:
            print("\nThe sandbox has stopped.")
    return 0


def _greeting(sandbox: Sandbox) -> str:
    """Say where the page is, the Connection to paste, and some ids to try."""
    now = sandbox.now()
    upcoming = [each for each in sandbox.records("appointments") if each["start"] > now]
    pending = [each for each in upcoming if each["state"] == "pending"]
    appointments = [f"  appointment  {each['id']}  {each['state']}, {each['start']}" for each in pending[:2]]
    services = [f"  service      {each['id']}  {each['name']}" for each in sandbox.records("services")[:2]]
    return "\n".join(
        [
            f"A local Onlive API is running. Look at it: {sandbox.url}/",
            "",
            "Its Airflow Connection:",
            f"  export AIRFLOW_CONN_ONLIVE_DEFAULT='{sandbox.connection_json()}'",
            "",
            "Some ids to try:",
            *services,
            *appointments,
            "",
            "Stop it with Ctrl-C.",
        ]
    )


def _refuse(message: str) -> int:
    print(f"onlive: {message}", file=sys.stderr)
    return 2
