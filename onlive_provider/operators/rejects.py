"""The rejects of a bulk update as its arguments ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.hooks.arguments import read_path, shown_path
from onlive_provider.operators.input_file import InputFile

if TYPE_CHECKING:
    from onlive_provider.bulk.rejects import Reasons, Rejects
    from onlive_provider.operators.storage import AirflowStorage


def read_rejects(
    path: object, source: InputFile | Sequence[object], storage: AirflowStorage, taken: Mapping[str, str]
) -> Rejects:
    """Return what collects the rejects, once their place was tried.

    :param path: where they go, as a template may have left it.
    :param source: the input.
    :param taken: the other files of the task: path to what stands there, in words.
    :raises OnlivePayloadError: they cannot go there.
    """
    from onlive_provider.bulk.rejected_rows import rejected_items, rejected_rows
    from onlive_provider.bulk.rejects import Rejects
    from onlive_provider.bulk.rejects_place import RejectsPlace
    from onlive_provider.bulk.rows import ending_of

    text = read_path(path, "rejects_path")
    ending = ending_of(source.path) if isinstance(source, InputFile) else ".jsonl"
    if ending_of(text) != ending:
        form = "as the input does" if isinstance(source, InputFile) else "because the input is a list"
        message = f"got {shown_path(text)!r}; accepted: the path or URL of a file that ends in {ending}, {form}"
        raise OnlivePayloadError.of("rejects_path", message)

    def copied(reasons: Reasons) -> Iterator[bytes]:
        if isinstance(source, InputFile):
            return source.rows(rejected_rows(source.path, source.open, reasons))
        return rejected_items(source, reasons)

    return Rejects(RejectsPlace(storage, text, taken), copied)
