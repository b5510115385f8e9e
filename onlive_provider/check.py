"""`onlive check`: whether a Connection works on this machine, as Airflow's own Test button would find."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from onlive_provider.connection_fields import DEFAULT_CONN_ID


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `check`."""
    parser = subcommands.add_parser(
        "check",
        help="test a Connection with one signed, read-only call",
        description="Look a Connection up as Airflow does on this machine and make one signed, read-only call with it. "
        "Exit status 0: it works; 1: the printed line says what stands in the way.",
    )
    parser.add_argument(
        "--conn-id", default=DEFAULT_CONN_ID, help="the Connection to test (default: %(default)s)", metavar="ID"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what the test of the Connection found, and return the exit status."""
    # Airflow 3 reads its own database only in a process that says that it is a server; its own CLI says so too.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")

    from onlive_provider.hooks.onlive import OnliveHook

    # Airflow logs a secrets backend's failure with all that it tried to read, and a broken URI holds the secret.
    logging.disable(logging.CRITICAL)
    try:
        works, message = OnliveHook(arguments.conn_id).test_connection()
    finally:
        logging.disable(logging.NOTSET)
    sys.stdout.write(f"{arguments.conn_id}: {message}\n")
    return 0 if works else 1
