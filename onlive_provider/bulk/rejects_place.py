"""Where rejects go: tried before the first call, and apart from every other file of the task."""

from __future__ import annotations

from collections.abc import Mapping

from onlive_provider.bulk.place import PART_ENDING, Place
from onlive_provider.bulk.storage import Storage


class RejectsPlace(Place):
    """The path or URL of rejects. That it can be written is found by writing, and removing, an empty file beside it.

    :param storage: opens files by path or URL.
    :param path: where the rejects go.
    :param taken: the other files of the task: path to what stands there, in words.
    :raises OnlivePayloadError: nothing can be written there.
    :raises OnliveReportPlaceError: the store is away.
    """

    def __init__(self, storage: Storage, path: str, taken: Mapping[str, str]) -> None:
        super().__init__(storage, path, "rejects_path")
        part = path + PART_ENDING
        with self.refusing():
            self.refuse_what_is_no_file([path, part])
            self.refuse_taken([path, part], taken)
            storage.open(part, "wb").close()
            storage.remove(part)
