"""A real redis-server on a free loopback port, with a password, which can be killed, stopped and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from types import TracebackType
from typing import Any

import redis

from onlive_provider.client.budget.server import RedisServer

PASSWORD = "r3d1s-p4ss/word=never+shown"


class LocalRedis:
    """The server; use it in a ``with`` block. It keeps nothing when it ends."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.server = RedisServer("127.0.0.1", self.port, password=PASSWORD)
        self._process: subprocess.Popen[bytes] | None = None

    def client(self) -> Any:
        return redis.Redis("127.0.0.1", self.port, password=PASSWORD, decode_responses=True)

    def start(self) -> None:
        options = {"port": self.port, "bind": "127.0.0.1", "requirepass": PASSWORD, "save": "", "appendonly": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        with self.client() as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    assert time.monotonic() < deadline, "redis-server does not start"

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> LocalRedis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
