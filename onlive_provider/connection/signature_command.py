"""``onlive check --find-signature``, from the Connection to the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TextIO

from onlive_provider.client.settings import Settings
from onlive_provider.client.sync import SleepingClock
from onlive_provider.connection import signature_report as report
from onlive_provider.connection.progress import Progress
from onlive_provider.connection.signature_finder import Search, StoppedError
from onlive_provider.connection.stored import NotSavedError, save_profile


def find_signature(
    settings: Settings,
    conn_id: str,
    *,
    say: Callable[[str], None],
    progress: TextIO,
    service_id: str | None = None,
    write_probe: bool = False,
    save: bool = False,
    clock: SleepingClock | None = None,
) -> int:
    """Search, say what came of it, and return the exit code: 0 if a profile was found, 1 if not.

    :param say: takes a line for the person.
    :param progress: where the progress is shown.
    :param service_id: read this service instead of the list.
    :param write_probe: prove the body's part with PUTs to an id that no record has.
    :param save: store what was found in the Connection.
    :param clock: where the time comes from and how to wait.
    """
    shown = Progress(progress)
    search = Search(settings, service_id, shown.show, clock or SleepingClock())
    say(
        f"{conn_id}: looking for the signing profile of {settings.base_url} with signed reads, at most "
        f"{settings.reads_per_minute:,} a minute. Nothing is written."
    )
    try:
        profile = search.find()
    except StoppedError as stopped:
        shown.end()
        say(f"Stopped. {stopped}")
        if stopped.likely is not None:
            say("All profiles before were refused with 401, so the signature of this one is probably right.")
            _say_all(say, report.to_paste(search, stopped.likely))
        return 1
    finally:
        shown.end()
    if profile is None:
        _say_all(say, report.not_found(search))
        return 1
    if write_probe:
        try:
            proven = search.prove_body(profile)
        except StoppedError as stopped:
            _say_all(say, report.found(search, profile))
            say(f"The proof of the body stopped. {stopped}")
            return 1
        _say_all(say, report.found(search, proven or profile))
        say(report.proven(search) if proven else report.body_not_found(search))
        if proven is None:
            return 1
        profile = proven
    else:
        _say_all(say, report.found(search, profile))
        _say_all(say, report.unproven(search))
    if save:
        try:
            save_profile(conn_id, profile)
        except NotSavedError as refused:
            say(str(refused))
        else:
            say(f"Saved in the Connection {conn_id}. `onlive check --conn-id {conn_id}` tries it.")
    return 0


def _say_all(say: Callable[[str], None], lines: Iterable[str]) -> None:
    for line in lines:
        say(line)
