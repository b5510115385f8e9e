"""Warnings about a budget, logged once per process and not at every call."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger("onlive_provider.client.budget")

_warned: set[str] = set()
_lock = threading.Lock()


def warn_once(text: str) -> None:
    """Log a warning, unless this process has logged it already."""
    with _lock:
        if text in _warned:
            return
        _warned.add(text)
    log.warning("%s", text)


def warn_of_smaller_limit(in_force: int, own: int) -> None:
    """Warn if another user of the access key allows fewer calls."""
    if in_force < own:
        warn_once(
            f"Another Connection with this access key allows {in_force:,} calls a minute and this one {own:,}: "
            "they share one window, and the smaller limit counts"
        )
