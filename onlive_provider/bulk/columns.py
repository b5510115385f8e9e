"""Which column of a bulk update's input becomes which field of the payload."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.privacy import is_safe_key

ERROR_COLUMN = "onlive_error"
"""The column of rejects that says why a row failed. In an input it is ignored, so that rejects can be an input."""

_HARMLESS_NAME = re.compile(r"[A-Za-z_][\w ;.-]{0,79}")


def targets(
    columns: Collection[str], id_field: str, fields: Mapping[str, str] | None
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each column of a row that is sent, with the path of the field that it sets.

    :param columns: the columns that the row has.
    """
    if fields is None:
        return ((column, (column,)) for column in columns if column not in (id_field, ERROR_COLUMN))
    return ((column, _path(target)) for column, target in fields.items() if column in columns)


@lru_cache(maxsize=256)
def _path(target: str) -> Sequence[str]:
    return tuple(target.split("."))


def check_mapping(id_field: str, fields: Mapping[str, str] | None) -> None:
    """Refuse a mapping that no input can satisfy: two columns for one field, or a target that is not a field.

    :raises OnlivePayloadError: naming everything that is wrong with it.
    """
    errors = [] if id_field else [FieldError("id_field", "got ''; accepted: the name of the column with the ids")]
    if ERROR_COLUMN in (id_field, *(fields or ())):
        name = "id_field" if id_field == ERROR_COLUMN else f"fields[{ERROR_COLUMN!r}]"
        errors.append(FieldError(name, "is the column in which rejects say why a row failed; accepted: another column"))
    columns: dict[tuple[str, ...], str] = {}
    for column, target in (fields or {}).items():
        path = tuple(target.split("."))
        if "" in path:
            message = f"got {target!r}; accepted: a field, or a member of one such as 'extraFields.city'"
            errors.append(FieldError(f"fields[{column!r}]", message))
        elif path in columns:
            message = (
                f"got {target!r}, which the column {columns[path]!r} sets already; accepted: one column for a field"
            )
            errors.append(FieldError(f"fields[{column!r}]", message))
        else:
            columns[path] = column
    for path, column in columns.items():
        for whole in (path[:length] for length in range(1, len(path))):
            if whole in columns:
                message = (
                    f"got {'.'.join(path)!r}, a member of {'.'.join(whole)!r}, which the column {columns[whole]!r} "
                    "sets as a whole; accepted: the whole or its members"
                )
                errors.append(FieldError(f"fields[{column!r}]", message))
    if errors:
        raise OnlivePayloadError(errors)


def check_columns(columns: Sequence[str], id_field: str, fields: Mapping[str, str] | None) -> None:
    """Refuse a file that lacks a needed column, or has one without a name or with the name of another.

    :param columns: the file's, in their order. A name that may be a guest's data, because the file has no header, is
        not shown.
    :raises OnlivePayloadError: naming everything that is wrong with it.
    """
    found = ", ".join(shown(name) for name in columns)
    errors = []
    if id_field not in columns:
        message = f"got {id_field!r}, which is not a column of the file; found: {found}"
        errors.append(FieldError("id_field", message))
    errors += [
        FieldError(f"fields[{name!r}]", f"is not a column of the file; found: {found}")
        for name in fields or ()
        if name not in columns
    ]
    sent = {name for name, _ in targets(columns, id_field, fields)}
    used = [name for name in columns if name == id_field or name in sent]
    if "" in used:
        message = f"column {columns.index('') + 1} of the file has no name; name it, or name the columns in `fields`"
        errors.append(FieldError("updates_path", message))
    errors += [
        FieldError(
            "updates_path", f"the file names the column {shown(name)} more than once; accepted: one of each name"
        )
        for name in dict.fromkeys(used)
        if name and used.count(name) > 1
    ]
    if errors:
        raise OnlivePayloadError(errors)


def shown(name: str) -> str:
    """Return a column's name, unless it may be a guest's data."""
    return name if _HARMLESS_NAME.fullmatch(name) and is_safe_key(name) else "(name not shown)"
