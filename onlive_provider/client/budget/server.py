"""Which Redis keeps the budget of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis and how to log in. Its repr shows neither user nor password.

    :param tls: what ``redis.Redis`` takes for an encrypted connection: ``ssl`` and the parameters that begin with it.
    """

    host: str
    port: int = 6379
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def address(self) -> str:
        """Host, port and number of the database, for a person."""
        return f"Redis at {self.host}:{self.port}, database {self.db}"
