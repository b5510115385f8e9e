"""The command ``onlive``: one subcommand each for what is done outside a DAG."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from onlive_provider.connection.fields import DEFAULT_CONN_ID

if TYPE_CHECKING:
    from onlive_provider.hooks.onlive import OnliveHook

DEFAULT_PORT = 8765


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code: 0 for done, 1 for a check that failed, 2 for input that cannot be used.

    :param argv: the arguments; None for those of the process.
    """
    arguments = command_line().parse_args(argv)
    code: int = arguments.run(arguments)
    return code


def command_line() -> argparse.ArgumentParser:
    """Return what the command takes: its subcommands with their options."""
    parser = argparse.ArgumentParser(prog="onlive", description="Tools around the Onlive API and its Airflow provider.")
    subcommands = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", required=True)
    _add_sandbox(subcommands)
    _add_check(subcommands)
    _add_show(
        subcommands,
        "report",
        help="say what a report holds and what a revert of it would do",
        description="Count a report's outcomes, group its failures by cause, and say what a revert of it would do: "
        "over the report, the earlier ones kept beside it, and the working file of a run that did not end. "
        "Makes no call, and shows no guest's data.",
        lines=_report_lines,
    )
    _add_show(
        subcommands,
        "plan",
        help="say what a saved plan changes",
        description="Check that a saved plan is whole and as it was made, and show each change that it holds. Makes no "
        "call, and shows no guest's data.",
        lines=_plan_lines,
    )
    return parser


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
    parser.set_defaults(run=_run_sandbox)


def _add_check(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "check",
        help="test a Connection with one signed, read-only call",
        description="Look a Connection up as Airflow does on this machine and make one signed, read-only call with it. "
        "Exit status 0: it works; 1: the printed line says what stands in the way; 2: input that cannot be used.",
    )
    parser.add_argument(
        "--conn-id", default=DEFAULT_CONN_ID, help="the Connection to test (default: %(default)s)", metavar="ID"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--find-signature",
        action="store_true",
        help="look for the signing profile that the server accepts, with signed reads",
    )
    ways.add_argument(
        "--vectors",
        type=Path,
        metavar="FILE",
        help="compare with signatures that the vendor's script computed, stage by stage; makes no call",
    )
    finder = parser.add_argument_group("with --find-signature")
    finder.add_argument(
        "--service-id", type=_uuid, metavar="ID", help="read this service instead of the list of services"
    )
    finder.add_argument(
        "--write-probe",
        action="store_true",
        help="also prove how a body is signed, with a PUT to an id that no record has",
    )
    finder.add_argument("--save", action="store_true", help="store the profile in the Connection in Airflow's database")
    parser.set_defaults(run=_run_check, parser=parser)


def _add_show(
    subcommands: argparse._SubParsersAction[argparse.ArgumentParser],
    noun: str,
    *,
    help: str,
    description: str,
    lines: Callable[[str], list[str]],
) -> None:
    parser = subcommands.add_parser(noun, help=f"look at a {noun}")
    actions = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", required=True)
    show = actions.add_parser("show", help=help, description=description)
    show.add_argument("file", metavar="FILE", help=f"a {noun}, JSON Lines, on this machine's disk")
    show.set_defaults(run=partial(_show, lines))


def _show(lines: Callable[[str], list[str]], arguments: argparse.Namespace) -> int:
    from onlive_provider.errors import OnlivePayloadError

    try:
        print("\n".join(lines(arguments.file)))
    except OnlivePayloadError as error:
        return _refuse("; ".join(each.message for each in error.errors))
    except OSError as error:
        return _refuse(f"{arguments.file} cannot be read: {error.strerror}")
    return 0


def _report_lines(path: str) -> list[str]:
    from onlive_provider.bulk.digest import digest

    return digest(path)


def _plan_lines(path: str) -> list[str]:
    from onlive_provider.rollout.saved_plan import plan_lines

    return plan_lines(path)


def _run_check(arguments: argparse.Namespace) -> int:
    if not arguments.find_signature and (arguments.service_id or arguments.write_probe or arguments.save):
        arguments.parser.error("--service-id, --write-probe and --save belong to --find-signature")
    # Airflow 3 reads its own database only in a process that says that it is a server; its own CLI says so too.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")

    from onlive_provider.hooks.onlive import OnliveHook

    hook = OnliveHook(arguments.conn_id)
    # Airflow logs a secrets backend's failure with all that it tried to read, and a broken URI holds the secret.
    logging.disable(logging.CRITICAL)
    try:
        if arguments.vectors:
            return _check_vectors(hook, arguments)
        if arguments.find_signature:
            return _find_signature(hook, arguments)
        works, message = hook.test_connection()
        budget = hook.describe_budget() if works else ""
    finally:
        logging.disable(logging.NOTSET)
    print(f"{arguments.conn_id}: {message}")
    if budget:
        print(budget)
    return 0 if works else 1


def _find_signature(hook: OnliveHook, arguments: argparse.Namespace) -> int:
    from onlive_provider.connection.diagnosis import ConnectionUnusableError, find_settings
    from onlive_provider.connection.signature_command import find_signature

    try:
        settings = find_settings(hook.get_connection, arguments.conn_id)
    except ConnectionUnusableError as error:
        return _refuse(f"{arguments.conn_id}: {error}")
    try:
        return find_signature(
            settings,
            arguments.conn_id,
            say=partial(print, flush=True),
            progress=sys.stderr,
            service_id=arguments.service_id,
            write_probe=arguments.write_probe,
            save=arguments.save,
        )
    except KeyboardInterrupt:
        print("\nThe search was stopped.")
        return 1


def _check_vectors(hook: OnliveHook, arguments: argparse.Namespace) -> int:
    from onlive_provider.connection.diagnosis import ConnectionUnusableError, find_settings
    from onlive_provider.connection.vectors import VectorsError, first_difference, read_vectors
    from onlive_provider.errors import OnliveConfigError

    try:
        vectors = read_vectors(arguments.vectors, lambda: find_settings(hook.get_connection, arguments.conn_id))
        found = [(vector.name, first_difference(vector)) for vector in vectors]
    except ConnectionUnusableError as error:
        return _refuse(f"{arguments.conn_id}: {error}")
    except (VectorsError, OnliveConfigError) as error:
        return _refuse(str(error))
    for name, difference in found:
        print(f"{name}: {difference or 'the signature is the same'}")
    return 1 if any(difference for _, difference in found) else 0


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of a service: a UUID is accepted") from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535 is accepted")
    return int(text)


def _run_sandbox(arguments: argparse.Namespace) -> int:
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
