"""Budgets that all threads of one process share."""

from __future__ import annotations

import threading

from onlive_provider.client.budget.window import Budget, Budgets
from onlive_provider.client.settings import Settings

_shared: dict[tuple[str, str, int, int], Budgets] = {}
_shared_lock = threading.Lock()


def shared_budgets(settings: Settings) -> Budgets:
    """Return the budgets of an access key at an address, the same object for every caller in the process."""
    reads, writes = settings.reads_per_minute, settings.writes_per_minute
    key = (settings.base_url, settings.credentials.access_key_id, reads, writes)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Budgets(Budget(reads), Budget(writes))
        return _shared[key]
