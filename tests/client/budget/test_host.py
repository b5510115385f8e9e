"""The machine's window: real processes on one file, killed ones, another boot, and folders that are not safe."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.client.budget import host, notices
from onlive_provider.client.budget.host import HostBudget, boot_id, host_path
from onlive_provider.client.budget.process import ProcessBudget
from onlive_provider.client.budget.scope import host_folder, key_name, open_budgets
from tests.loopback import LoopbackServer, at, settings_for

CHILD = [sys.executable, "-m", "tests.client.budget.taking"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return host_path(tmp_path / "folder", "key", "writes")


@pytest.fixture(autouse=True)
def nothing_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_warned", set())


def budget(path: Path, per_minute: int = 2, **more: Any) -> HostBudget:
    return HostBudget(path, per_minute, ProcessBudget(per_minute), **more)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that takes turns; whatever still runs is killed at the end."""
    children: list[subprocess.Popen[str]] = []

    def child(path: Path, per_minute: int, seconds: float, calls: int) -> subprocess.Popen[str]:
        arguments = [str(path), str(per_minute), str(seconds), str(calls)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        children.append(subprocess.Popen([*CHILD, *arguments], cwd=Path(__file__).parents[3], **pipes))
        return children[-1]

    yield child
    for each in children:
        each.kill()
        each.communicate()


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.stdin.write("go\n")
    child.stdin.flush()


def test_two_that_share_a_file_share_the_window(path: Path) -> None:
    one, other = budget(path), budget(path)
    assert [one.take(at(0.0)).wait, other.take(at(1.0)).wait, one.take(at(2.0)).wait] == [0.0, 0.0, 59.0]


def test_a_turn_that_was_waited_for_is_confirmed_by_the_file(path: Path) -> None:
    one, other = budget(path, 1), budget(path, 1)
    busy = one.take(at(0.0))
    waiting = other.take(at(0.0))
    one.refused(busy, at(1.0), 99.0, lower=False)
    put_off = other.confirm(waiting, at(61.0))
    assert (put_off.wait, put_off.reason) == (39.0, "closed")
    assert other.confirm(put_off, at(100.0)).wait == 0.0


def test_the_clock_is_read_when_the_window_is_held(path: Path) -> None:
    """Who waited for the lock would else be out of date, and would wait for a turn that is over."""
    one, other = budget(path), budget(path)

    def blocked() -> float:
        with pytest.raises(BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return 5.0

    one.take(at(0.0))
    assert other.take(blocked).at == 5.0


def test_folder_and_file_are_the_users_alone(path: Path) -> None:
    budget(path).take(at(0.0))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_folder_and_file_are_the_users_alone_after_somebody_has_removed_them(path: Path) -> None:
    window = budget(path, 1)
    window.take(at(0.0))
    shutil.rmtree(path.parent)
    assert window.take(at(0.0)).wait == 0.0
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_takes_no_more_space_than_its_turns_need(path: Path) -> None:
    window = budget(path, 100)
    for minute in range(1_000):
        window.take(at(minute * 1.0))
    assert path.stat().st_size <= 4096 + 8 * 1_000
    window.take(at(99_999.0))
    window.take(at(99_999.0))
    assert window.usage(at(99_999.0)).used == 2


def test_a_ring_that_has_come_round_still_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "RING", 5)
    window = budget(path, 4)
    assert [window.take(at(number * 20.0)).wait for number in range(40)] == [0.0] * 40
    assert [window.take(at(780.0)).wait for _ in range(3)] == [1.0, 21.0, 41.0]


@pytest.mark.parametrize("remains", [b"", b"\0" * 4096, b"onlive 1", b"nonsense" * 100])
def test_what_is_left_of_another_boot_or_is_no_window_begins_anew(path: Path, remains: bytes) -> None:
    window = budget(path, 1)
    window.take(at(1e6))
    assert window.take(at(1e6)).wait == 61.0
    after_boot = budget(path, 1, boot=lambda: b"another boot-id!")
    assert after_boot.take(at(5.0)).wait == 0.0, "the clock began again"
    assert after_boot.take(at(5.0)).wait == 61.0
    path.write_bytes(remains)
    assert budget(path, 1).take(at(5.0)).wait == 0.0


def test_the_boot_is_the_kernels() -> None:
    assert len(boot_id()) == 16
    assert boot_id() == boot_id()


def test_a_file_that_is_removed_is_made_anew(path: Path) -> None:
    window = budget(path, 1)
    waiting = [window.take(at(0.0)), window.take(at(0.0))][1]
    path.unlink()
    path.parent.rmdir()
    assert window.confirm(waiting, at(61.0)).wait == 0.0
    assert window.take(at(61.0)).wait == 61.0


def open_to_others(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.parent.chmod(0o755)


def linked_folder(path: Path) -> None:
    (path.parent.parent / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(path.parent.parent / "elsewhere")


def linked_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    (path.parent / "elsewhere").write_bytes(b"precious")
    (path.parent / "elsewhere").chmod(0o600)
    path.symlink_to(path.parent / "elsewhere")


def open_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.chmod(0o660)


def pipe(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    os.mkfifo(path, 0o600)


def no_folder(path: Path) -> None:
    path.parent.write_text("a file")


def not_there(path: Path) -> None:
    path.parent.parent.rmdir()


@pytest.mark.parametrize(
    "spoil",
    [open_to_others, linked_folder, linked_file, open_file, pipe, no_folder, not_there],
    ids=lambda f: f.__name__,
)
def test_a_place_that_is_not_safe_is_not_used_and_the_log_says_so_once(
    path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    window = budget(path, 1)
    with caplog.at_level(logging.WARNING):
        waiting = [window.take(at(0.0)), window.take(at(0.0))][1]
    assert waiting.wait == 61.0, "the process counts instead"
    assert window.confirm(waiting, at(61.0)).wait == 0.0
    window.answered(waiting, at(99.0))
    window.refused(waiting, at(99.0), 5.0, lower=False)
    assert window.take(at(99.0)).wait > 0.0
    assert window.usage(at(99.0)).closed_for == 5.0
    assert len(caplog.records) == 1
    assert "is counted in this process alone, because" in caplog.text
    assert window.place(at(99.0)).startswith("the memory of each process, because ")
    if spoil is linked_file:
        assert (path.parent / "elsewhere").read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_belongs_to_another_user_is_not_used(path: Path, caplog: pytest.LogCaptureFixture, what: str) -> None:
    budget(path).take(at(0.0))
    os.chown(path.parent if what == "folder" else path, 12345, 12345)
    assert budget(path, 1).take(at(0.0)).wait == 0.0
    assert "belongs to another user" in caplog.text


def test_a_holder_of_the_lock_that_is_stopped_holds_nobody_up_for_long(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host, "_LOCK_PATIENCE", 0.01)
    window = budget(path)
    window.take(at(0.0))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert window.take(at(0.0)).wait == 0.0
    assert "another process holds the lock" in caplog.text


def test_a_file_whose_lock_a_stopped_process_holds_is_left_alone_for_a_while(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_LOCK_PATIENCE", 0.01)
    tried: list[int] = []
    flock, monotonic = fcntl.flock, time.monotonic
    window = budget(path)
    window.take(at(0.0))
    with path.open("rb") as held:
        flock(held, fcntl.LOCK_EX)
        monkeypatch.setattr(fcntl, "flock", lambda *lock: (tried.append(1), flock(*lock)))
        window.take(at(0.0))
        first = len(tried)
        window.take(at(0.0))
        assert len(tried) == first > 0
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 10.0)
    window.take(at(0.0))
    assert len(tried) == first + 1
    assert window.usage(at(0.0)).used == 2, "two of the file's; the others were counted in the process"


def test_threads_share_it_as_processes_do(path: Path) -> None:
    granted: list[int] = []

    def ask() -> None:
        mine = budget(path, 100)
        granted.append(sum(mine.take(at(0.0)).wait == 0.0 for _ in range(50)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 100


def test_the_smaller_of_two_limits_counts_and_the_log_says_so_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small, large = budget(path, 1), budget(path, 5)
    small.take(at(0.0))
    assert [large.take(at(0.0)).wait, large.take(at(0.0)).wait] == [61.0, 122.0]
    assert len(caplog.records) == 1
    assert "allows 1 calls a minute and this one 5" in caplog.text


def test_processes_share_one_window_and_each_gets_its_part(path: Path, start: Any) -> None:
    """Six processes that each want 15 calls, of a window of a second with 30."""
    children = [start(path, 30, 1.0, 15) for _ in range(6)]
    for child in children:
        go(child)
    told = [json.loads(child.communicate(timeout=60)[0]) for child in children]
    moments = sorted(moment for each in told for moment in each["moments"])
    assert len(moments) == 90
    within = 60 / 61
    assert max(sum(begin <= moment < begin + within for moment in moments) for begin in moments) <= 30
    assert {len(each["moments"]) for each in told} == {15}


@pytest.mark.parametrize("round_", range(3))
def test_a_process_killed_while_it_takes_leaves_the_others_neither_a_lock_nor_a_hole(
    path: Path, start: Any, round_: int
) -> None:
    """The killed ones take without waiting, so that they are killed in the middle of a take."""
    greedy = [start(path, 1_000_000, 61.0, 10_000_000) for _ in range(2)]
    for child in greedy:
        go(child)
    window = budget(path, 1_000_000)
    now = 1.0
    while window.usage(at(now)).used + window.usage(at(now)).waiting < 200 * (round_ + 1):
        pass
    for child in greedy:
        child.send_signal(signal.SIGKILL)
        child.wait()
    counted = window.usage(at(1e9))
    before = [window.take(at(1e9)).wait for _ in range(100)]
    assert (counted.used, before) == (0, [0.0] * 100)
    assert window.usage(at(1e9)).used == 100


def test_a_connections_file_is_named_by_a_hash_and_shared_by_address_and_key() -> None:
    with LoopbackServer() as server:
        settings = settings_for(server)
        budgets = open_budgets(settings)
        assert isinstance(budgets.writes, HostBudget)
        budgets.writes.take(at(0.0))
    assert budgets.writes.path == host_folder() / f"{key_name(settings)}.writes"
    assert settings.credentials.access_key_id not in budgets.writes.path.name
    assert open_budgets(settings).reads.place(0.0).endswith(".reads")


def test_a_call_that_was_slow_to_be_answered_counts_by_its_answer_for_all_who_share_the_file(path: Path) -> None:
    one, other = budget(path, 1), budget(path, 1)
    slow = one.take(at(0.0))
    one.answered(slow, at(30.0))
    assert other.take(at(31.0)).wait > 31.0, "by its turn it would be 30 s"


def test_the_log_names_the_place_that_is_not_used_and_why(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    linked_folder(path)
    budget(path).take(at(0.0))
    assert f"{path.parent}: is a link or of another kind" in caplog.text


def test_a_place_that_is_lost_while_a_turn_is_waited_for_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    window = budget(path, 1)
    window.take(at(0.0))
    waiting = window.take(at(0.0))
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")
    window.confirm(waiting, at(61.0))
    assert "is counted in this process alone, because" in caplog.text


def test_a_budget_of_the_process_is_kept_in_no_file() -> None:
    with LoopbackServer() as server:
        of_host, of_process = (open_budgets(settings_for(server, budget_scope=scope)) for scope in ("host", "process"))
    assert of_process.writes.place(at(0.0)) == "the memory of each process"
    assert of_host.writes.place(at(0.0)) != "the memory of each process"
