"""An object store in memory, each of whose operations takes a while."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import IO, Any

from onlive_provider.operators.storage import AirflowStorage


class SlowStore(AirflowStorage):
    """Whole objects under ``slow://`` URLs.

    :param delay: seconds that an operation takes.

    ``operations`` counts them.
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.operations = 0
        self._objects: dict[str, bytes] = {}

    def open(self, path: str, mode: Any) -> IO[bytes]:
        """Open an object; what is written is there once it is closed."""
        if self.local_path(path) is not None:
            return super().open(path, mode)
        self._take_time()
        if mode == "rb":
            if path not in self._objects:
                raise FileNotFoundError(path)
            return io.BytesIO(self._objects[path])
        objects = self._objects

        class Upload(io.BytesIO):
            def close(self) -> None:
                if not self.closed:
                    objects[path] = self.getvalue()
                super().close()

        return Upload()

    def remove(self, path: str) -> None:
        """Remove an object."""
        self._take_time()
        self._objects.pop(path, None)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder."""
        self._take_time()
        found = (path.removeprefix(f"{folder}/") for path in self._objects if path.startswith(f"{folder}/"))
        return sorted(each for each in found if "/" not in each)

    def local_path(self, path: str) -> Path | None:
        """Return none for an object: it is not on this machine's disk."""
        return None if path.startswith("slow://") else super().local_path(path)

    def _take_time(self) -> None:
        self.operations += 1
        time.sleep(self.delay)
