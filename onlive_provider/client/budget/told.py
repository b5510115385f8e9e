"""What the log says of a budget, once a process and not at every call."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger("onlive_provider.client.budget")

_told: set[str] = set()
_lock = threading.Lock()


def tell_once(text: str) -> None:
    """Write a warning that this process has not written yet."""
    with _lock:
        if text in _told:
            return
        _told.add(text)
    log.warning("%s", text)


def tell_smaller_limit(in_force: int, own: int) -> None:
    """Say, where it is so, that another user of the access key allows fewer calls."""
    if in_force < own:
        tell_once(
            f"Another Connection with this access key allows {in_force:,} calls a minute and this one {own:,}: "
            "they share one window, and the smaller limit counts"
        )
