"""Reads which services a rollout is for and which seasons it brings, as a caller or a template gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.json_values import read_items, read_object
from onlive_provider.models.reading import Findings, OpenPlace, Place, Reader, read, read_key
from onlive_provider.models.values import read_record_id
from onlive_provider.models.wording import suggest
from onlive_provider.seasons import Season


def read_service_ids(value: object, field: str) -> list[str]:
    """Read services' ids: a list, or text that holds one as JSON.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: naming every one that is no UUID, every one that stands twice; the list is empty.
    """
    ids, findings = read_items(_open(read_record_id), value, OpenPlace(field))
    first_places: dict[str, int] = {}
    for position, service_id in ids.items():
        earlier = first_places.setdefault(service_id, position)
        if earlier != position:
            findings.add(position, Place(field).index(position).error(f"{service_id} is {field}[{earlier}] already"))
    findings.finish()
    if not ids:
        raise OnlivePayloadError.of(field, "names no service; accepted: at least one id")
    return list(ids.values())


def read_service_filter(value: object, field: str) -> dict[str, str]:
    """Read a filter of the list of services: an object, or text that holds one as JSON. ``{}`` means all services.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: naming every filter that is unknown or has no value: a gap in it would select more
        services than were meant.
    """
    given = read_object(value, OpenPlace(field))
    findings = Findings(given)
    filters: dict[str, str] = {}
    for key, wanted in given.items():
        with findings.collecting(key):
            name = read_key(key, Place(field))
            reader = _FILTERS.get(name)
            if reader is None:
                hint = suggest(name, _FILTERS) or f"accepted: {', '.join(_FILTERS)}"
                raise Place(field).key(name).broken(f"is no filter of services; {hint}")
            filters[name] = read(_open(reader), wanted, Place(field).key(name))
    findings.finish()
    return filters


def read_seasons(value: object, field: str) -> list[Season]:
    """Read a season, or a list of seasons: as :class:`Season`, as its JSON, or as text that holds either.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: naming every member that cannot be used; the list is empty.
    """
    if not _is_list(value):
        return [_read_season(value, Place(field))]
    seasons, findings = read_items(_read_season, value, OpenPlace(field))
    findings.finish()
    if not seasons:
        raise OnlivePayloadError.of(field, "names no season; accepted: a season, or a list of at least one")
    return list(seasons.values())


def _is_list(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().startswith(("[", "("))
    return isinstance(value, Sequence) and not isinstance(value, Mapping)


def _read_season(value: Any, place: Place) -> Season:
    return value if isinstance(value, Season) else Season.from_json(value, place.path)


def _read_words(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value.strip():
        raise place.refused(value, "text that is not blank")
    return value


def _open(reader: Reader) -> Reader:
    return lambda value, place: reader(value, OpenPlace(place.path))


_FILTERS: Mapping[str, Reader] = {
    "userGroupId": read_record_id,
    "typeId": read_record_id,
    "search": _read_words,
    "name": _read_words,
}
