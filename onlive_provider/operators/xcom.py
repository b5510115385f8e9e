"""What of a task's result goes into XCom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from onlive_provider.errors import FieldError, OnlivePayloadError


def refuse_one_string(names: object) -> None:
    """Refuse ``xcom_fields="id"``, which Python would take for a list of letters.

    :raises TypeError: it is text.
    """
    if isinstance(names, str):
        raise TypeError(f"xcom_fields: {names!r} is one string; accepted is a list of field names")


def refused_xcom_fields(names: Collection[str] | None, known: Collection[str], *, is_open: bool) -> list[FieldError]:
    """Return an error for each name that no result has.

    :param names: the author's ``xcom_fields``.
    :param known: the names that a result has.
    :param is_open: whether a result may have other names too: then only a slip of a known name is refused.
    """
    from onlive_provider.models.wording import did_you_mean, suggest

    errors = []
    for name in names or ():
        if name not in known and (did_you_mean(name, known) or not is_open):
            errors.append(FieldError("xcom_fields", f"{name!r} is not a field of the result; {suggest(name, known)}"))
    return errors


def refuse_missing_xcom_fields(names: Collection[str] | None, known: Collection[str], record: Collection[str]) -> None:
    """Refuse names that neither the API reference nor a record as it was read has.

    :raises OnlivePayloadError: naming each.
    """
    missing = [name for name in names or () if name not in known and name not in record]
    if missing:
        answered = f"is not a field that the API answers; {_listed(record)}"
        raise OnlivePayloadError([FieldError("xcom_fields", f"{name!r} {answered}") for name in missing])


def narrow(result: Mapping[str, Any], names: Collection[str] | None) -> dict[str, Any]:
    """Return the named members of a result; all of them without names."""
    return dict(result) if names is None else {name: result[name] for name in names if name in result}


def _listed(names: Collection[str]) -> str:
    from onlive_provider.models.sentences import safe_step

    return f"accepted: {', '.join(str(safe_step(name)) for name in names)}"
