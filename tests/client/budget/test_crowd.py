"""Several processes write with one key at a server that refuses what is over the limit in any minute of two seconds.

The whole three minutes are a line of the benchmark; here a process, a machine and a cluster are put to the test.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.crowd import Crowd, gather
from tests.redis_server import PASSWORD, LocalRedis

PASSWORD_IN_URL = quote(PASSWORD, safe="")
ROLES = ("single", "single", "single", "single", "bulk")
Members = Sequence[subprocess.Popen[str]]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[..., Crowd]]:
    """Four processes of single updates and a bulk run write records, of which a minute may hold 60."""

    def crowd(writes: int = 180, **more: Any) -> Crowd:
        return gather(ROLES, writes=writes, allowed=60, minute=2.0, folder=tmp_path, **more)

    yield crowd
    assert PASSWORD not in (tmp_path / "crowd.log").read_text()


def assert_all_went_well(crowd: Crowd, writes: int = 180) -> None:
    assert (crowd.failed, crowd.counts["written"], crowd.counts["written_twice"]) == (0, writes, 0)


def test_the_processes_of_a_machine_are_never_refused(write: Callable[..., Crowd]) -> None:
    crowd = write()
    assert_all_went_well(crowd)
    assert crowd.counts["refused"] == 0


def test_a_process_that_is_killed_holds_nobody_up(write: Callable[..., Crowd]) -> None:
    def kill_the_first(members: Members) -> None:
        members[0].send_signal(signal.SIGKILL)

    crowd = write(meanwhile=kill_the_first)
    assert (len(crowd.members), crowd.failed, crowd.counts["refused"]) == (4, 0, 0)
    assert crowd.counts["written"] >= 4 * 36
    assert crowd.counts["written_twice"] == 0


@pytest.mark.redis
def test_the_processes_of_two_machines_are_never_refused(write: Callable[..., Crowd]) -> None:
    with LocalRedis() as redis:
        crowd = write(scope="cluster", machines=2, redis=f"redis://:{PASSWORD_IN_URL}@127.0.0.1:{redis.port}")
    assert_all_went_well(crowd)
    assert crowd.counts["refused"] == 0


@pytest.mark.redis
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_redis_killed_in_the_middle_turns_no_task_red(write: Callable[..., Crowd], comes_back: bool) -> None:
    with LocalRedis() as redis:

        def kill_redis(members: Members) -> None:
            deadline = time.monotonic() + 60
            with redis.client() as client:
                while not any(client.zcard(key) >= 30 for key in client.keys("*:writes:turns")):
                    assert time.monotonic() < deadline
            redis.kill()
            if comes_back:
                redis.start()

        crowd = write(
            100,
            scope="cluster",
            machines=2,
            redis=f"redis://:{PASSWORD_IN_URL}@127.0.0.1:{redis.port}",
            meanwhile=kill_redis,
        )
    assert_all_went_well(crowd, 100)
