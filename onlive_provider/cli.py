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
from onlive_provider.sandbox.command import add_sandbox

if TYPE_CHECKING:
    from onlive_provider.bulk.storage import ReadableStorage
    from onlive_provider.hooks.onlive import OnliveHook


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
    add_sandbox(subcommands)
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
    lines: Callable[[ReadableStorage, str], list[str]],
) -> None:
    parser = subcommands.add_parser(noun, help=f"look at a {noun}")
    actions = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", required=True)
    show = actions.add_parser("show", help=help, description=description)
    show.add_argument("file", metavar="FILE", help=f"the path or URL of a {noun}; a URL is opened as Airflow opens it")
    show.set_defaults(run=partial(_show, lines))


def _show(lines: Callable[[ReadableStorage, str], list[str]], arguments: argparse.Namespace) -> int:
    from onlive_provider.errors import OnlivePayloadError

    try:
        print("\n".join(lines(_storage(arguments.file), arguments.file)))
    except OnlivePayloadError as error:
        return _refuse("; ".join(each.message for each in error.errors))
    except FileNotFoundError:
        return _refuse(f"{arguments.file} does not exist")
    except Exception as error:
        if "://" in arguments.file:
            from onlive_provider.operators.input_file import why_not_opened

            return _refuse(f"{arguments.file} cannot be read: {why_not_opened(error)}")
        if isinstance(error, OSError):
            return _refuse(f"{arguments.file} cannot be read: {error.strerror}")
        raise
    return 0


def _storage(path: str) -> ReadableStorage:
    """Return what opens a file: Airflow, with its Connections, where it is in an object store."""
    if "://" not in path:
        from onlive_provider.bulk.storage import Disk

        return Disk()
    _read_airflows_database()
    from onlive_provider.operators.storage import AirflowStorage

    return AirflowStorage()


def _report_lines(storage: ReadableStorage, path: str) -> list[str]:
    from onlive_provider.bulk.digest import digest

    return digest(storage, path)


def _plan_lines(storage: ReadableStorage, path: str) -> list[str]:
    from onlive_provider.rollout.saved_plan import plan_lines

    return plan_lines(storage, path)


def _run_check(arguments: argparse.Namespace) -> int:
    if not arguments.find_signature and (arguments.service_id or arguments.write_probe or arguments.save):
        arguments.parser.error("--service-id, --write-probe and --save belong to --find-signature")
    _read_airflows_database()
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


def _read_airflows_database() -> None:
    """Let Airflow 3 look Connections up in its database: it does so in a process that says it is a server only.

    Airflow's own command line says so, too.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of a service: a UUID is accepted") from None


def _refuse(message: str) -> int:
    print(f"onlive: {message}", file=sys.stderr)
    return 2
