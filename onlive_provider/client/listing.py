"""Walking through a list page by page: which page comes next, and when the list is complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onlive_provider.errors import FieldError, OnliveAnswerError, OnlivePayloadError
from onlive_provider.models.fields import SERVICE
from onlive_provider.models.sentences import KeyRefusal, Refusal, Refused, path_of, refuse_missing
from onlive_provider.models.times import read_instant
from onlive_provider.models.values import read_record_id
from onlive_provider.models.wording import suggest

PAGE_SIZE = 20
"""The documented default: a server may answer fewer than a larger one asks for, and a short page ends the list."""


def _read_words(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused(value, "text that is not blank")
    refuse_missing(value)
    return value


FILTERS: Mapping[str, Callable[[object], str]] = {
    "userGroupId": read_record_id,
    "search": _read_words,
    "typeId": read_record_id,
    "name": _read_words,
    "startDate": read_instant,
    "endDate": read_instant,
}
"""The filters that the API documents, and the reader of each one's value."""


def read_filters(given: Mapping[Any, object], field: str = "") -> dict[str, str]:
    """Read filters of the list of services.

    :param field: what an error calls them.
    :raises OnlivePayloadError: naming each filter that the API does not document and each value that cannot be used.
    """
    errors: list[FieldError] = []
    filters: dict[str, str] = {}
    for name, value in given.items():
        try:
            filters[name] = _reader(name)(value)
        except Refusal as refusal:
            place = field if isinstance(refusal, KeyRefusal) else path_of((name,), field)
            errors.append(FieldError(place, refusal.sentence(shown=True)))
    if errors:
        raise OnlivePayloadError(errors)
    return filters


def _reader(name: object) -> Callable[[object], str]:
    if not isinstance(name, str):
        raise KeyRefusal(name)
    if name not in FILTERS:
        raise Refusal(f"is not a filter of services; {suggest(name, FILTERS)}")
    return FILTERS[name]


class ServiceListing:
    """The state of one walk through ``GET /api/v1/services``.

    :param filters: documented filters and their values; ``None`` leaves a filter out.
    :raises OnlivePayloadError: as :func:`read_filters`.
    """

    def __init__(self, filters: Mapping[str, object]) -> None:
        self._filters = read_filters({name: value for name, value in filters.items() if value is not None})
        self._page = 1
        self._seen: set[str] = set()
        self._complete = False

    def next_query(self) -> dict[str, str] | None:
        """Return the query of the next page, or ``None`` when the list is complete."""
        if self._complete:
            return None
        return {**self._filters, "page": str(self._page), "limit": str(PAGE_SIZE)}

    def read(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take one page's answer and return the services on it that no earlier page held.

        :raises OnliveAnswerError: the answer is not a list of services.
        """
        items = answer.get("items")
        if not isinstance(items, list) or not all(map(_is_service, items)):
            raise OnliveAnswerError("the answer holds no list of services under `items`", call=f"GET {SERVICE.path}")
        new = [item for item in items if item["id"] not in self._seen]
        self._seen.update(item["id"] for item in new)
        self._page += 1
        self._complete = len(items) < PAGE_SIZE or not new
        return new


def _is_service(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)
