"""Where a watched appointment's last state is kept, so that a restart of the triggerer fires nothing twice."""

from __future__ import annotations

import logging
from typing import Any

KEY = "onlive appointment {}"


class LastState:
    """The last state of an appointment that a trigger has seen, in its asset's state store.

    :param store: the asset's, by Airflow 3.3 and newer; ``None`` elsewhere. Airflow gives no access to it where one
        trigger watches several assets.
    :param log: of the trigger.
    """

    def __init__(self, store: Any, appointment_id: str, log: Any) -> None:
        self._store = store
        self._key = KEY.format(appointment_id)
        self._log: logging.Logger = log
        self._kept: str | None = None

    async def recall(self) -> str | None:
        """Return the state, or ``None`` where it is not known."""
        if self._store is not None:
            try:
                self._kept = await self._store.aget(self._key)
            except Exception as error:  # Airflow's server is away, or refuses: the watch matters more.
                self._without(error)
        return self._kept

    async def keep(self, state: str | None) -> None:
        """Keep a state, if it is another than the one that is kept."""
        if self._store is None or state is None or state == self._kept:
            return
        try:
            await self._store.aset(self._key, state)
        except Exception as error:
            self._without(error)
        else:
            self._kept = state

    def _without(self, error: Exception) -> None:
        self._log.warning(
            "The asset's state store cannot be used (%s): after a restart of the triggerer, an appointment that is in "
            "one of the states fires once more.",
            type(error).__name__,
        )
