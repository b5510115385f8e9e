"""Walking through a list page by page: which page comes next, and when the list is complete."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from onlive_provider.errors import FieldError, OnliveAnswerError, OnlivePayloadError
from onlive_provider.models.fields import SERVICE

FILTERS = ("userGroupId", "search", "typeId", "name", "startDate", "endDate")
PAGE_SIZE = 20
"""The documented default: a server may answer fewer than a larger one asks for, and a short page ends the list."""


class ServiceListing:
    """The state of one walk through ``GET /api/v1/services``.

    :param filters: documented filters and their values; ``None`` leaves a filter out.
    :raises OnlivePayloadError: naming each filter that the API does not document.
    """

    def __init__(self, filters: Mapping[str, str | None]) -> None:
        unknown = [name for name in filters if name not in FILTERS]
        if unknown:
            raise OnlivePayloadError([FieldError(name, _unknown(name)) for name in unknown])
        self._filters = {name: str(value) for name, value in filters.items() if value is not None}
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


def _unknown(name: str) -> str:
    close = get_close_matches(name, FILTERS, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"is not a filter of the list of services; {hint}accepted are {', '.join(FILTERS)}"
