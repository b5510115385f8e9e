"""A budget that all processes of a machine and user share, in a file, without a server.

The file holds the window's state, then a ring of turns. A process opens it for each look, locks it for some
microseconds and closes it: a killed process leaves no lock, a fork shares none, and a file that somebody removed is
made anew. Each write is one call of the operating system within one page: a process is killed before it or after it.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import stat
import struct
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import TypeVar

from onlive_provider.client.budget.budget import Clock, Grant, Kind, Usage
from onlive_provider.client.budget.notices import warn_of_smaller_limit, warn_once
from onlive_provider.client.budget.process import ProcessBudget, new_era
from onlive_provider.client.budget.window import WINDOW, State, Window, minute_of

T = TypeVar("T")

_HEAD = struct.Struct("<8s16sQQdQddd")
_MAGIC = b"onlive 1"
_TURN = struct.Struct("<d")
_RING_AT = 4096
RING = 1_000_000
"""Turns that the file holds: as many as the largest limit that a Connection can have. Unused ones take no space."""

_LOCK_PATIENCE = 1.0
"""Seconds: a lock is held for microseconds, unless its holder was stopped in the middle."""
_LEFT_ALONE = 10.0
"""Seconds for which a file is left alone whose lock a stopped process holds: each try would hold up the calls."""


class HostBudget:
    """A caller's limit on the machine's window.

    :param path: the window's file; its folder is made.
    :param per_minute: calls a minute that the caller allows.
    :param instead: what is used where the file cannot be.
    :param seconds: how long the window is.
    :param boot: tells one run of the machine from the next.
    """

    def __init__(
        self,
        path: Path,
        per_minute: int,
        instead: ProcessBudget,
        *,
        seconds: float = WINDOW,
        boot: Callable[[], bytes] | None = None,
    ) -> None:
        self.per_minute = per_minute
        self.path = path
        self._instead = instead
        self._limit = min(per_minute, RING)
        self._seconds = seconds
        self._boot = boot or boot_id
        self._is_safe = False
        self._left_alone_until = -inf

    def take(self, clock: Clock) -> Grant:
        """Take the next turn that is free."""
        try:
            grant = self._do(lambda window: window.take(self._limit, clock()))
        except OSError as error:
            self._tell(error)
            return self._instead.take(clock)
        warn_of_smaller_limit(grant.allowed, self._limit)
        return grant

    def confirm(self, grant: Grant, clock: Clock) -> Grant:
        """Return what became of a turn that was waited for."""
        try:
            return self._do(lambda window: window.confirm(grant, self._limit, clock()))
        except OSError as error:
            self._tell(error)
            return self._instead.confirm(grant, clock)

    def answered(self, grant: Grant, clock: Clock) -> None:
        """Count a call that was slow to be answered by the time of its answer."""
        if clock() - grant.at <= self._seconds - minute_of(self._seconds):
            return
        try:
            self._do(lambda window: window.answered(grant, clock()))
        except OSError:
            self._instead.answered(grant, clock)

    def refused(self, grant: Grant, clock: Clock, wait: float, *, lower: bool) -> None:
        """Let everybody wait, because the server refused a call."""
        try:
            self._do(lambda window: window.refused(grant, clock(), wait, lower=lower))
        except OSError:
            self._instead.refused(grant, clock, wait, lower=lower)

    def usage(self, clock: Clock) -> Usage:
        """Return how much of the budget is used."""
        try:
            return self._do(lambda window: window.usage(self._limit, clock()))
        except OSError:
            return self._instead.usage(clock)

    def place(self, clock: Clock) -> str:
        """Return where the budget is kept, for a person."""
        try:
            self._do(lambda window: None)
        except OSError as error:
            return f"{self._instead.place(clock)}, because {_why(error)}"
        return str(self.path)

    def _tell(self, error: OSError) -> None:
        warn_once(
            f"The budget of this access key is counted in this process alone, because {_why(error)}: "
            "other processes of this machine do not share it"
        )

    def _do(self, act: Callable[[Window], T]) -> T:
        """Do something with the window while no other process does.

        :raises OSError: the file cannot be used.
        """
        if time.monotonic() < self._left_alone_until:
            raise _stopped()
        descriptor = self._open()
        try:
            self._lock(descriptor)
            boot = self._boot()
            state = _read(os.pread(descriptor, _HEAD.size, 0), boot)
            done = act(Window(state, _FileTurns(descriptor, state), self._seconds))
            os.pwrite(descriptor, _written(state, boot), 0)
            return done
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            _lock(descriptor)
        except TimeoutError:
            self._left_alone_until = time.monotonic() + _LEFT_ALONE
            raise

    def _open(self) -> int:
        if not self._is_safe:
            make_private_folder(self.path.parent)
            self._is_safe = True
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            make_private_folder(self.path.parent)
            descriptor = os.open(self.path, flags, 0o600)
        try:
            _refuse_what_is_not_ours(self.path, os.fstat(descriptor), stat.S_ISREG)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


class _FileTurns:
    """The ring of turns in the file; only the tickets that were given out are in it."""

    def __init__(self, descriptor: int, state: State) -> None:
        self._descriptor = descriptor
        self._state = state

    def get(self, ticket: int) -> float:
        if not max(0, self._state.count - RING) <= ticket < self._state.count:
            return -inf
        found: float = _TURN.unpack(os.pread(self._descriptor, _TURN.size, _place(ticket)))[0]
        return found

    def put(self, ticket: int, at: float) -> None:
        os.pwrite(self._descriptor, _TURN.pack(at), _place(ticket))


def _place(ticket: int) -> int:
    return _RING_AT + ticket % RING * _TURN.size


def _read(head: bytes, boot: bytes) -> State:
    """Return the state of a file's first bytes; a new one where they are of another boot or of no such file."""
    if len(head) == _HEAD.size:
        magic, of_boot, *fields = _HEAD.unpack(head)
        if magic == _MAGIC and of_boot == boot:
            return State(*fields)
    return State(new_era())


def _written(state: State, boot: bytes) -> bytes:
    return _HEAD.pack(
        _MAGIC,
        boot,
        state.era,
        state.count,
        state.closed_until,
        state.least,
        state.least_until,
        state.share,
        state.lowered,
    )


def _lock(descriptor: int) -> None:
    """Lock the file; closing it ends the lock, and so does the end of the process.

    :raises TimeoutError: somebody else holds the lock for far longer than anybody should.
    """
    pause, deadline = 0.0001, 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            deadline = deadline or time.monotonic() + _LOCK_PATIENCE
            if time.monotonic() > deadline:
                raise _stopped() from None
            time.sleep(pause)
            pause = min(0.005, pause * 2)


def _stopped() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "another process holds the lock and is stopped")


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user may use, or see that it is one.

    :raises OSError: it cannot be made, or is a link, somebody else's, or open to others.
    """
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        _refuse_what_is_not_ours(folder, folder.lstat(), stat.S_ISDIR)


def _refuse_what_is_not_ours(path: Path, found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode):
        raise OSError(errno.EPERM, "is a link or of another kind", str(path))
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "belongs to another user", str(path))
    if found.st_mode & 0o077:
        raise OSError(errno.EPERM, "is open to other users", str(path))


def _why(error: OSError) -> str:
    return f"{error.filename or 'its file'}: {error.strerror or type(error).__name__}"


@functools.cache
def boot_id() -> bytes:
    """Return what tells one run of this machine from the next: its monotonic clock begins again with each.

    :raises OSError: this machine does not tell.
    """
    return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", ""))


def host_path(folder: Path, key: str, kind: Kind) -> Path:
    """Return the file of a key's window.

    :param key: names the access key and its address, and shows neither.
    """
    return folder / f"{key}.{kind}"
