"""Who may write to guests for a report or a snapshot: of two processes on one path, the later try of the same task.

Beside a report that is being written stands ``REPORT.lock``, which names its owner. A process looks at it before each
of its writes. On this machine's disk it is also locked, so that one that was left behind by a killed process is known
as such at once. In an object store an owner may write for :data:`VALID` seconds after it last saw its own name; one
that takes over from an owner that may still be alive waits for as long.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from onlive_provider.bulk.storage import Storage, stands_at
from onlive_provider.errors import OnliveReportPlaceError, OnliveReportTakenError

if TYPE_CHECKING:
    from onlive_provider.client.sync import SleepingClock

ENDING = ".lock"

VALID = 10.0
"""Seconds for which an owner may write without a look at the object store."""
RENEWAL = 20.0
"""Seconds after which an owner says again that it is alive."""
ALIVE = 120.0
"""Seconds after which an owner that did not say so counts as dead: clocks of two machines differ by less."""
PATIENCE = 15.0
"""Seconds that an earlier try on this machine gets to let go: it ends before its next write, and its calls soon."""
_LOOK_EVERY = 0.1

_ADVICE = {
    "report": "Give each task a report of its own, for example with `{{ run_id }}` and `{{ ti.map_index }}` in its "
    "path",
    "snapshot": "Let one run end before the next begins (`max_active_runs=1`), and give each task a snapshot of its "
    "own",
}
"""What is locked, and what to do where another has it."""


@dataclass(frozen=True)
class Owner:
    """A try of a task that writes a report.

    :param task: ``dag_id``, ``run_id``, ``task_id``, ``map_index``.
    :param try_number: a larger one is the later try.
    :param at: when it last said that it is alive, in seconds since the epoch.
    """

    task: Mapping[str, Any]
    try_number: int
    token: str = field(default_factory=lambda: uuid4().hex)
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    at: float = 0.0

    def as_line(self) -> bytes:
        """Return the owner as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, text: bytes) -> Owner | None:
        """Return the owner that a lock file names, or ``None`` where it names none."""
        try:
            return cls(**json.loads(text.partition(b"\n")[0]))
        except (TypeError, ValueError):
            return None

    def is_this_process(self) -> bool:
        """Whether it is this process, which runs one try at a time."""
        return (self.host, self.pid) == (socket.gethostname(), os.getpid())

    def __str__(self) -> str:
        names = ", ".join(f"{name} {value}" for name, value in self.task.items() if value not in (None, -1))
        return f"{names or 'a task'}, try {self.try_number}, process {self.pid} on {self.host}"


class Lease(ABC):
    """The right to write to guests for one report or snapshot."""

    owner: Owner

    @abstractmethod
    def is_held(self) -> bool:
        """Whether this process may write, as far as it knows without a look at a store. Cheap.

        :raises OnliveReportTakenError: a later try has taken over.
        """

    @abstractmethod
    def renew(self) -> None:
        """Look who the owner is, and say that this one is alive.

        :raises OnliveReportTakenError: a later try has taken over.
        """

    @abstractmethod
    def release(self) -> None:
        """Let others have it."""


class LocalLease(Lease):
    """A lease in a file on this machine's disk.

    :raises OnliveReportPlaceError: another task has it, and is alive.
    :raises OnliveReportTakenError: a later try of the same task has it.
    :raises OSError: the file cannot be made there.
    """

    def __init__(self, path: Path, owner: Owner, clock: SleepingClock, what: str = "report") -> None:
        self._path = path
        self._what = what
        self.owner = replace(owner, at=clock.time())
        self._line = self.owner.as_line()
        self._looking = threading.RLock()
        self._descriptor = self._open()
        try:
            self._take(clock)
        except BaseException:  # An interrupt while it waits must leave no file open, either.
            os.close(self._descriptor)
            raise

    def is_held(self) -> bool:
        """Whether the file still names this process, which is always known on this disk."""
        with self._looking:
            if os.pread(self._descriptor, len(self._line), 0) != self._line:
                raise _taken(Owner.from_line(os.pread(self._descriptor, 4096, 0)), self._what)
        return True

    def renew(self) -> None:
        """Look who the owner is; make the file anew where its folder was removed."""
        with self._looking:
            self.is_held()
            if not stands_at(self._path, self._descriptor):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                os.close(self._descriptor)
                self._descriptor = self._open()
                if not self._lock():
                    raise _taken(Owner.from_line(os.pread(self._descriptor, 4096, 0)), self._what)
                self._write()

    def release(self) -> None:
        """Remove the file, if it is still this process's."""
        try:
            if self.is_held() and stands_at(self._path, self._descriptor):
                self._path.unlink(missing_ok=True)
        except OnliveReportTakenError:
            pass
        finally:
            os.close(self._descriptor)

    def _take(self, clock: SleepingClock) -> None:
        until = clock.monotonic() + PATIENCE
        while not self._lock():
            other = Owner.from_line(os.pread(self._descriptor, 4096, 0))
            if other is None or other.token != self.owner.token:
                _judge(other, self.owner, self._what)
                self._write()
                if other is not None and other.is_this_process():
                    return
            if clock.monotonic() >= until:
                return  # It hangs; should it wake up, it looks at the file before its next write.
            clock.sleep(_LOOK_EVERY)
        self._write()

    def _lock(self) -> bool:
        """Lock the file that stands at the path, and return whether that was possible."""
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:
                pass  # A file system without locks: the name in the file has to do.
            if stands_at(self._path, self._descriptor):
                return True
            os.close(self._descriptor)  # The owner before has just removed it.
            self._descriptor = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _write(self) -> None:
        os.pwrite(self._descriptor, self._line, 0)
        os.ftruncate(self._descriptor, len(self._line))


class RemoteLease(Lease):
    """A lease in an object store, of which reads are believed to see the writes before them.

    :raises OnliveReportPlaceError: another task has it, and is alive.
    :raises OnliveReportTakenError: a later try of the same task has it.
    :raises Exception: the store cannot be written.
    """

    def __init__(self, storage: Storage, path: str, owner: Owner, clock: SleepingClock, what: str = "report") -> None:
        self._storage = storage
        self._path = path
        self._what = what
        self.owner = owner
        self._clock = clock
        other = self._read()
        is_alive = other is not None and clock.time() - other.at < ALIVE
        if other is not None and is_alive:
            _judge(other, owner, what)
        self._write()
        if other is not None and is_alive and not other.is_this_process():
            clock.sleep(VALID)
        self._valid_until = clock.monotonic() + VALID

    def is_held(self) -> bool:
        """Whether this process has seen its name in the store a short time ago."""
        return self._clock.monotonic() < self._valid_until

    def renew(self) -> None:
        """Look whose name is in the store, and say now and then that this owner is alive."""
        began = self._clock.monotonic()
        other = self._read()
        if other is None or other.token != self.owner.token:
            self._valid_until = began
            raise _taken(other, self._what)
        if self._clock.time() - self.owner.at > RENEWAL:
            self._write()
        self._valid_until = began + VALID

    def release(self) -> None:
        """Remove the file, if it is still this process's."""
        other = self._read()
        if other is not None and other.token == self.owner.token:
            self._storage.remove(self._path)

    def _read(self) -> Owner | None:
        try:
            with self._storage.open(self._path, "rb") as file:
                return Owner.from_line(file.read())
        except FileNotFoundError:
            return None

    def _write(self) -> None:
        self.owner = replace(self.owner, at=self._clock.time())
        with self._storage.open(self._path, "wb") as file:
            file.write(self.owner.as_line())


def take_lease(storage: Storage, path: str, owner: Owner, clock: SleepingClock, what: str = "report") -> Lease:
    """Take the lease of a report, or of what else is called ``what``.

    :raises OnliveReportPlaceError: another task has it, and is alive.
    :raises OnliveReportTakenError: a later try of the same task has it.
    :raises Exception: it cannot be written there.
    """
    local = storage.local_path(path)
    if local is None:
        return RemoteLease(storage, path + ENDING, owner, clock, what)
    local.parent.mkdir(parents=True, exist_ok=True)
    return LocalLease(local.with_name(local.name + ENDING), owner, clock, what)


def _judge(other: Owner | None, owner: Owner, what: str) -> None:
    """Refuse to take a lease from an owner that is alive, unless it is an earlier try of the same task.

    A process runs one task at a time: what it finds of itself was left by one that is over.
    """
    if other is not None and other.is_this_process():
        return
    if other is None or dict(other.task) != dict(owner.task):
        who = "another process" if other is None else str(other)
        raise OnliveReportPlaceError(f"The {what} is being written by {who}. Nothing was sent. {_ADVICE[what]}")
    if other.try_number > owner.try_number:
        raise _taken(other, what)


def _taken(other: Owner | None, what: str) -> OnliveReportTakenError:
    who = "a later try" if other is None else str(other)
    return OnliveReportTakenError(
        f"The {what} was taken over by {who}: this try sends nothing any more, and leaves the {what} to it"
    )
