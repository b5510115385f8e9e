"""Describes a Connection's budgets: who shares them, where they are kept, how much is used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onlive_provider.client.budget.budget import Budget
    from onlive_provider.client.settings import Settings


def describe_budgets(settings: Settings) -> str:
    """Return it in a sentence. The access key is not in it."""
    from onlive_provider.client.budget.scope import open_budgets

    budgets = open_budgets(settings)
    place = budgets.reads.place(time.monotonic)
    used = f"{_use(budgets.reads, 'reads')}, {_use(budgets.writes, 'writes')}"
    return f"Budget: scope {settings.budget_scope}, kept in {place}; in the last minute {used}"


def _use(budget: Budget, kind: str) -> str:
    use = budget.usage(time.monotonic)
    more = [f"{use.waiting:,} wait for their turn"] if use.waiting else []
    if use.pace < use.allowed:
        more.append(f"at {use.pace:.0f} a minute, because the server refused some")
    if use.closed_for:
        more.append(f"closed for {use.closed_for:.0f} s more, because the server asked to wait")
    details = f" ({'; '.join(more)})" if more else ""
    return f"{use.used:,} of {use.allowed:,} {kind}{details}"
