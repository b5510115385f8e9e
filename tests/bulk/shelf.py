"""An object store that several processes share: whole objects, nothing that can be appended to, and a delay."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from onlive_provider.operators.storage import AirflowStorage


class Shelf(AirflowStorage):
    """``shelf://x/y`` is the object ``x/y`` of a folder; other paths are what they are elsewhere.

    :param folder: holds the objects.
    :param delay: seconds that each operation takes.

    ``before`` is called with each operation and the object's name, before it is done; what it raises is its answer.
    """

    def __init__(self, folder: Path, delay: float = 0.0) -> None:
        self.folder = folder
        self.delay = delay
        self.before: Callable[[str, str], None] = lambda operation, name: None
        self.written: list[str] = []
        folder.mkdir(exist_ok=True)

    def open(self, path: str, mode: Any) -> IO[bytes]:
        if not path.startswith("shelf://"):
            return super().open(path, mode)
        found = self._find("write" if mode == "wb" else "read", path)
        if mode == "rb":
            return io.BytesIO(found.read_bytes())
        shelf, name = self, path.removeprefix("shelf://")

        class Upload(io.BytesIO):
            def close(self) -> None:
                if not self.closed:
                    found.parent.mkdir(parents=True, exist_ok=True)
                    part = shelf.folder / f".{uuid4().hex}"
                    part.write_bytes(self.getvalue())
                    os.replace(part, found)
                    shelf.written.append(name)
                super().close()

        return Upload()

    def remove(self, path: str) -> None:
        if path.startswith("shelf://"):
            self._find("remove", path).unlink(missing_ok=True)
        else:
            super().remove(path)

    def remove_folder(self, path: str) -> None:
        self._find("remove", path).rmdir()

    def names(self, folder: str) -> list[str]:
        if not folder.startswith("shelf://"):
            return super().names(folder)
        found = self._find("list", folder)
        return sorted(each.name for each in found.iterdir()) if found.is_dir() else []

    def fingerprint(self, path: str) -> str:
        return self.fingerprint_of(self._find("stat", path).stat()) if "shelf://" in path else super().fingerprint(path)

    def size(self, path: str) -> int:
        return self._find("stat", path).stat().st_size if "shelf://" in path else super().size(path)

    def local_path(self, path: str) -> Path | None:
        return None if path.startswith("shelf://") else super().local_path(path)

    def objects(self) -> dict[str, bytes]:
        """Return all objects by name."""
        files = (each for each in self.folder.rglob("*") if each.is_file() and not each.name.startswith("."))
        return {str(each.relative_to(self.folder)): each.read_bytes() for each in files}

    def clear(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def _find(self, operation: str, path: str) -> Path:
        name = path.removeprefix("shelf://")
        time.sleep(self.delay)
        self.before(operation, name)
        return self.folder / name
