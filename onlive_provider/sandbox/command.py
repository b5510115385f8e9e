"""The command ``onlive sandbox``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DEFAULT_PORT = 8765


def add_sandbox(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``onlive``.

    :param subcommands: those of ``onlive``.
    """
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
    parser.add_argument(
        "--extra",
        type=Path,
        metavar="FILE",
        help="JSON file with a Connection's extra: signatures are checked by its signing profile",
    )
    parser.add_argument(
        "--now",
        metavar="WHEN",
        help="the time at which the sandbox starts and from which it runs on, such as 2025-03-01T00:00:00Z; "
        "default: this machine's",
    )
    parser.add_argument(
        "--normalize",
        action="store_true",
        help="store records as a server does that adds ids and defaults to items, and answers [] for null",
    )
    parser.add_argument(
        "--faults", type=Path, metavar="FILE", help="JSON Lines or JSON file that says which requests go wrong, and how"
    )
    parser.set_defaults(run=_run)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535 is accepted")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    try:
        from onlive_provider.sandbox.clock import StartError
        from onlive_provider.sandbox.faults import FaultError, read_faults
        from onlive_provider.sandbox.greeting import greeting
        from onlive_provider.sandbox.seed import SeedError
        from onlive_provider.sandbox.server import Sandbox
        from onlive_provider.sandbox.signature_profile import ExtraError, read_extra
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
            extra=read_extra(arguments.extra) if arguments.extra else None,
            now=arguments.now,
            normalize=arguments.normalize,
            faults=read_faults(arguments.faults) if arguments.faults else (),
        )
    except (ExtraError, FaultError, SeedError, StartError, StoreError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"port {arguments.port} cannot be used: {error.strerror}; choose another with --port")
    with sandbox:
        try:
            print(greeting(sandbox), flush=True)
            sandbox.wait()
        except KeyboardInterrupt:
            print("\nThe sandbox has stopped.")
    return 0


def _refuse(message: str) -> int:
    print(f"onlive: {message}", file=sys.stderr)
    return 2
