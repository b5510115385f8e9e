"""Which budgets a client draws on: those of its process, of its machine, or of the whole cluster."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from onlive_provider.client.budget.budget import Budget, Budgets, Kind
from onlive_provider.client.budget.process import ProcessBudget, ProcessWindow
from onlive_provider.client.budget.window import WINDOW

if TYPE_CHECKING:
    from onlive_provider.client.budget.cluster import Link
    from onlive_provider.client.budget.server import RedisServer
    from onlive_provider.client.settings import Settings

_windows: dict[tuple[str, Kind], ProcessWindow] = {}
_links: dict[RedisServer, Link] = {}
_lock = threading.Lock()


def open_budgets(settings: Settings, *, seconds: float = WINDOW) -> Budgets:
    """Return the budgets of an access key at an address, which all share who use the same, in the Connection's scope.

    :param seconds: how long the windows are.
    :raises OnliveConfigError: the scope needs a package that is not installed.
    """
    return Budgets(_open(settings, "reads", seconds), _open(settings, "writes", seconds))


def host_folder() -> Path:
    """Return the folder of this user's windows.

    Not ``XDG_RUNTIME_DIR``: a login has it and a service has not, and it goes with the last login. All processes of a
    machine would not agree.
    """
    return Path(tempfile.gettempdir()) / f"onlive-{os.geteuid()}"


def key_name(settings: Settings) -> str:
    """Return what names an access key at an address, and shows neither."""
    identity = f"{settings.base_url}\n{settings.credentials.access_key_id}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _open(settings: Settings, kind: Kind, seconds: float) -> Budget:
    per_minute = settings.reads_per_minute if kind == "reads" else settings.writes_per_minute
    key = key_name(settings)
    with _lock:
        in_process = ProcessBudget(per_minute, _windows.setdefault((key, kind), ProcessWindow(seconds)))
    if settings.budget_scope == "process":
        return in_process
    from onlive_provider.client.budget.host import HostBudget, host_path

    on_host = HostBudget(host_path(host_folder(), key, kind), per_minute, in_process, seconds=seconds)
    if settings.budget_scope == "host":
        return on_host
    from onlive_provider.client.budget.cluster import ClusterBudget, RedisWindow

    assert settings.budget_redis is not None
    in_redis = RedisWindow(_link(settings.budget_redis), key, kind, seconds=seconds)
    return ClusterBudget(per_minute, in_redis, on_host, seconds=seconds)


def _link(server: RedisServer) -> Link:
    from onlive_provider.client.budget.cluster import Link
    from onlive_provider.errors import OnliveConfigError

    with _lock:
        if server not in _links:
            try:
                _links[server] = Link(server)
            except ImportError:
                raise OnliveConfigError(
                    "extra.budget_scope",
                    "is cluster, which needs the package redis: pip install 'airflow-provider-onlive[cluster]'",
                ) from None
        return _links[server]
